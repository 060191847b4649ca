package cluster

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

var usual = faults{rate: 0.024, slowest: simTimeout, lossy: 0.01, events: 4}

// trouble does one thing at random.
func (w *world) trouble() {
	n := w.nodes[w.IntN(len(w.nodes))]
	l := n.life
	if l == nil || l.dead {
		return
	}
	switch k := w.IntN(7); {
	case k == 0:
		l.die()
	case k == 1:
		l.soon(func() { l.step(stop{errors.New("drained")}) })
		w.after(w.upTo(20*time.Second), n.begin)
	case k == 2 || k == 3:
		n.cut = true
		w.after(w.upTo(2*simTTL), func() { n.cut = false; n.list() })
	case k == 4:
		w.mem.Restart(w.now)
	case k == 5 && w.faults.pauses:
		l.pause(w.upTo(2 * simTTL))
	default:
		n.list()
	}
}

// pause stops the process: nothing happens in it, and then all at once.
func (l *life) pause(d time.Duration) {
	if l.paused {
		return
	}
	l.paused = true
	l.note(history.Pause, l.process, "", 0)
	l.after(d, func() {
		l.paused = false
		l.note(history.Resume, l.process, "", 0)
		missed := l.missed
		l.missed = nil
		for _, f := range missed {
			l.soon(f)
		}
	})
}

// schedule is the whole of one seed: trouble, then rest, and what the checker says.
func schedule(seed uint64, f faults, m mutant) (history.Report, error) {
	roles := map[string]int{"a": 0, "b": 2}
	w := newWorld(seed, 2+int(seed%2), roles, f, m)
	for range f.events {
		w.after(2*time.Second+w.upTo(25*time.Second), w.trouble)
	}
	w.run(30 * time.Second)
	w.rest()
	w.run(80 * time.Second)
	report := history.Check(w.records, []string{"a/0", "b/0", "b/1"})
	return report, errors.Join(report.Err(), w.err)
}

// rest ends all faults, so that everything has to converge.
func (w *world) rest() {
	w.faults.lossy = 0
	w.after(20*time.Second, func() {
		for _, n := range w.nodes {
			n.cut = false
			n.list()
			if n.life != nil {
				n.life.stubborn = false
			}
			n.begin()
		}
		w.note(history.Heal, "", "", 0)
	})
}

func schedules(t *testing.T) uint64 {
	switch {
	case os.Getenv("CLUSTER_SEED") != "":
		return 1
	case os.Getenv("CLUSTER_FAULTS") == "all":
		return 100_000
	case testing.Short():
		return 300
	}
	return 3_000
}

func firstSeed() uint64 {
	seed, _ := strconv.ParseUint(os.Getenv("CLUSTER_SEED"), 10, 64)
	return seed
}

// everySeed runs so many schedules, on all processors, and returns what they come to in all.
func everySeed(t *testing.T, f faults) (sum history.Report) {
	var next atomic.Uint64
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < schedules(t) && !t.Failed(); i = next.Add(1) - 1 {
				seed := firstSeed() + i
				r, err := schedule(seed, f, mutant{})
				if err != nil {
					t.Errorf("CLUSTER_SEED=%d: %v", seed, err)
				}
				mu.Lock()
				sum.Intervals += r.Intervals
				sum.Acts += r.Acts
				sum.Explained += r.Explained
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return sum
}

// Whatever is lost, late or doubled: no two runs of one shard at once, tokens only grow,
// and when the faults are over each shard has an owner. CLUSTER_SEED=n replays one.
func TestSchedules(t *testing.T) {
	sum := everySeed(t, usual)
	t.Logf("%d intervals of ownership, %d acts", sum.Intervals, sum.Acts)
}

// A process that stands still cannot know that it was replaced. What it tries then the
// fence refuses.
func TestSchedulesWithPauses(t *testing.T) {
	f := usual
	f.pauses = true
	refused := everySeed(t, f).Explained
	if refused == 0 && schedules(t) > 1 {
		t.Error("nobody tried anything under an old token: the fence was not needed")
	}
	t.Log(refused, "acts and runs of processes that had been paused")
}

// The checker is worth what it catches.
func TestCheckerCatches(t *testing.T) {
	slow, wild := usual, usual
	slow.slowest = 12 * time.Second
	wild.rate = 0.5
	for _, tt := range []struct {
		name   string
		faults faults
		mutant mutant
		caught func(history.Report) []string
	}{
		{
			"deadline from the answer, no margin, looked at once a second", usual,
			mutant{answerTime: true, wake: time.Second, noMargin: true, late: 800 * time.Millisecond, noOverrun: true},
			overlaps,
		},
		{"released before Serve has returned", usual, mutant{early: true}, overlaps},
		{"forgotten when the delete is answered", usual, mutant{hasty: true}, overlaps},
		{"no overrun, and services that ignore their context", slow, mutant{noOverrun: true}, overlaps},
		{"an earlier lease's claim is adopted", usual, mutant{adoptsOld: true}, overlaps},
		{"clocks beyond the margin", wild, mutant{}, overlaps},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(3_000) {
				r, _ := schedule(seed, tt.faults, tt.mutant)
				if len(r.Taken) > 0 {
					t.Fatalf("seed %d: the fence took %s", seed, r.Taken[0])
				}
				if found := tt.caught(r); len(found) > 0 {
					t.Logf("seed %d: %s", seed, found[0])
					return
				}
			}
			t.Error("not caught")
		})
	}
}

func overlaps(r history.Report) []string { return r.Overlaps }

// A resource that takes everything is caught by what it took.
func TestCheckerCatchesAFenceThatTakesAll(t *testing.T) {
	f := usual
	f.pauses = true
	for seed := range uint64(3_000) {
		if r, _ := schedule(seed, f, mutant{takesAll: true}); len(r.Taken) > 0 {
			t.Logf("seed %d: %s", seed, r.Taken[0])
			return
		}
	}
	t.Error("not caught")
}

// The same seed is the same history, to the last record.
func TestSchedulesReplay(t *testing.T) {
	for seed := range uint64(20) {
		var first, second history.Report
		first, _ = schedule(seed, usual, mutant{})
		second, _ = schedule(seed, usual, mutant{})
		if fmt.Sprint(first) != fmt.Sprint(second) {
			t.Errorf("seed %d: %v and %v", seed, first, second)
		}
	}
}
