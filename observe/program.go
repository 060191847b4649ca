package observe

import (
	"cmp"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// program is what api/program says: of the program as a whole, beside its tree.
type program struct {
	At         int64    `json:"at"` // Unix milliseconds
	Host       string   `json:"host"`
	Module     string   `json:"module"`
	Version    string   `json:"version"`
	Go         string   `json:"go"`
	Started    int64    `json:"started"` // Unix milliseconds
	Goroutines uint64   `json:"goroutines"`
	Memory     uint64   `json:"memory"`  // bytes that Go has of the system
	Heap       uint64   `json:"heap"`    // bytes of objects
	GC         uint64   `json:"gc"`      // cycles so far
	GCShare    float64  `json:"gc_cpu"`  // of the CPU time available, 0 to 1
	Minutes    []uint32 `json:"minutes"` // failures per minute of the last hour, oldest first
	Plot       string   `json:"plot"`    // the same for the page, as in pane
}

// begun is when this package was initialised, which is when the program begins.
var begun = time.Now()

func (p *Page) serveProgram(w http.ResponseWriter, r *http.Request) {
	answerJSON(w, r, p.program())
}

func (p *Page) program() program {
	now := time.Now()
	v := program{At: millis(now), Started: millis(begun), Minutes: p.hub.minutes(now)}
	v.Plot = bars(v.Minutes)
	v.build()
	v.measure()
	return v
}

// build notes what was built, and where it runs.
func (v *program) build() {
	host, _ := os.Hostname() // without one it is empty
	v.Host = said.Clean(host, maxName)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	var revision string
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	v.Go, v.Module = info.GoVersion, said.Clean(cmp.Or(info.Path, info.Main.Path), maxName)
	v.Version = said.Clean(cmp.Or(info.Main.Version, revision), maxName)
}

// measure notes what the runtime knows without stopping the program.
func (v *program) measure() {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/total:cpu-seconds"},
	}
	metrics.Read(samples)
	whole := func(i int) uint64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0 // a runtime that does not know it
		}
		return samples[i].Value.Uint64()
	}
	seconds := func(i int) float64 {
		if samples[i].Value.Kind() != metrics.KindFloat64 {
			return 0
		}
		return samples[i].Value.Float64()
	}
	v.Goroutines, v.Memory, v.Heap, v.GC = whole(0), whole(1)-whole(2), whole(3), whole(4)
	v.GCShare = finite(seconds(5) / seconds(6))
}
