package scenario

import (
	"runtime"
	"sync"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

var sizes = []int{1e3, 1e4, 1e5, 1e6}

// flat is the whole life of many idle services below one supervisor.
var flat = Scenario{
	Name: "flat", Title: "idle services below one supervisor that runs", SizeIs: "services",
	Needs: []peer.Ability{peer.AddRunning},
	Full:  sizes, Short: sizes[1:3], Smoke: sizes[:1],
	Metrics: []Metric{
		{Name: "add", Title: "add and start, one adder, per service", Unit: Nanoseconds},
		{Name: "bytes", Title: "memory per idle service, heap and stack", Unit: Bytes},
		{Name: "heap", Title: "memory per idle service, heap alone", Unit: Bytes, Aside: true},
		{Name: "gc", Title: "processor time of a garbage collection, per idle service", Unit: Nanoseconds},
		{Name: "list", Title: "list all services", Unit: Nanoseconds, Needs: peer.List},
		{Name: "stop", Title: "stop, per service", Unit: Nanoseconds},
		{Name: "again", Title: "add and start, again after a stop (warm goroutines), per service", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		empty := memory()
		w, sup := newIdler(), p.New(peer.Config{Services: n})
		slots := memory() // what the harness keeps
		sup.Start()
		out["add"] = each(n, func() { add(w, sup, n) })
		full := memory()
		out["bytes"] = full.minus(slots).by(n)
		out["heap"] = Cost{Value: float64(full.heap-slots.heap) / float64(n)}
		if full.total() < empty.total() {
			panic("memory: less than before")
		}
		out["gc"] = collection(n)
		if p.Cannot(peer.List) == "" {
			out["list"] = list(sup, n)
		}
		out["stop"] = each(n, func() { stop(w, sup, n) })

		w, sup = newIdler(), p.New(peer.Config{Services: n})
		sup.Start()
		out["again"] = each(n, func() { add(w, sup, n) })
		stop(w, sup, n)
	},
}

// adders is the same, added by many goroutines.
var adders = Scenario{
	Name: "adders", Title: "adding services from eight goroutines at once", SizeIs: "services",
	Needs: []peer.Ability{peer.AddRunning},
	Full:  sizes, Short: sizes[2:3], Smoke: sizes[:1],
	Metrics: []Metric{{Name: "add8", Title: "add and start, eight adders, per service", Unit: Nanoseconds}},
	run: func(p peer.Peer, n int, out Results) {
		w, sup := newIdler(), p.New(peer.Config{Services: n})
		sup.Start()
		w.begun.expect(n)
		out["add8"] = each(n, func() {
			parallel(8, n, func(i int) { sup.Add(i, w) })
			w.begun.wait()
		})
		check("services that run", w.begun.n.Load(), int64(n))
		stop(w, sup, n)
	},
}

// before is the same, added before the supervisor is started.
var before = Scenario{
	Name: "before", Title: "adding services before the start", SizeIs: "services",
	Needs: []peer.Ability{peer.AddBefore},
	Full:  sizes, Short: sizes[2:3], Smoke: sizes[:1],
	Metrics: []Metric{{Name: "before", Title: "add before the start, and start, per service", Unit: Nanoseconds}},
	run: func(p peer.Peer, n int, out Results) {
		w, sup := newIdler(), p.New(peer.Config{Services: n})
		w.begun.expect(n)
		out["before"] = each(n, func() {
			for i := range n {
				sup.Add(i, w)
			}
			check("services that run before the start", w.begun.n.Load(), 0)
			sup.Start()
			w.begun.wait()
		})
		check("services that run", w.begun.n.Load(), int64(n))
		stop(w, sup, n)
	},
}

// add adds n services and waits until all run.
func add(w *idler, sup peer.Supervisor, n int) {
	w.begun.expect(n)
	for i := range n {
		sup.Add(i, w)
	}
	w.begun.wait()
	check("services that run", w.begun.n.Load(), int64(n))
}

// stop stops the supervisor, below which n services run.
func stop(w *idler, sup peer.Supervisor, n int) {
	sup.Stop()
	check("services that have ended after the stop", w.ended.n.Load(), int64(n))
}

// lists is how often the list is taken: one alone is quick.
const lists = 10

// list is the mean cost of a list.
func list(sup peer.Supervisor, n int) Cost {
	return each(lists, func() {
		for range lists {
			check("services listed", int64(sup.List()), int64(n))
		}
	})
}

// parallel calls f with 0 … n-1 from so many goroutines, each with its share.
func parallel(goroutines, n int, f func(i int)) {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < n; i += goroutines {
				f(i)
			}
		})
	}
	wg.Wait()
}

// each is what f costs for each of n. What is garbage before is not charged to f.
func each(n int, f func()) Cost {
	runtime.GC()
	return timed(n, f)
}

// timed is the same for what is under way already.
func timed(n int, f func()) Cost {
	began, worked := time.Now(), processorTime()
	f()
	return Cost{float64(time.Since(began)), float64(processorTime() - worked)}.by(float64(n))
}

func (c Cost) by(n float64) Cost { return Cost{c.Value / n, c.Processor / n} }

func (c Cost) plus(d Cost) Cost { return Cost{c.Value + d.Value, c.Processor + d.Processor} }

// footprint is the memory in use.
type footprint struct{ heap, stack int64 }

func memory() footprint {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{int64(m.HeapAlloc), int64(m.StackInuse)}
}

func (f footprint) minus(g footprint) footprint { return footprint{f.heap - g.heap, f.stack - g.stack} }
func (f footprint) total() float64              { return float64(f.heap + f.stack) }
func (f footprint) by(n int) Cost               { return Cost{Value: f.total() / float64(n)} }
