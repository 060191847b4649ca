package report

import (
	"fmt"
	"math"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// target is what the comparison was made to reach: the quotient of two medians, or one
// median alone, and a bound for it.
type target struct {
	work, want string
	over       Key // the dividend
	under      Key
	bound      float64
	atLeast    bool // the quotient is to be at least the bound, else at most
	// limit is what to put in the place of under, or of over if that is alone, to see
	// what no library can surpass; the zero Key: nothing.
	limit Key
	// unit is that of the bound of one median, which is over; empty: there are two.
	unit scenario.Unit
}

// measured is the quotient or the median, false if that was not measured.
func (t target) measured(r *Run) (float64, bool) {
	if t.unit != "" {
		return r.median(t.over)
	}
	return r.quotient(t.over, t.under)
}

// possible is what the limit has, false if that is not known.
func (t target) possible(r *Run) (float64, bool) {
	if t.unit != "" {
		return r.median(t.limit)
	}
	return r.quotient(t.over, t.limit)
}

// text writes what was measured.
func (t target) text(v float64) string {
	if t.unit != "" {
		return amount(v, t.unit)
	}
	return quotient(v)
}

func (r *Run) quotient(over, under Key) (float64, bool) {
	a, ok := r.median(over)
	b, also := r.median(under)
	return a / b, ok && also && b > 0
}

func (t target) met(v float64) bool {
	if t.atLeast {
		return v >= t.bound
	}
	return v <= t.bound
}

// missedBy is how far v is from the bound, in percent of the bound.
func (t target) missedBy(v float64) float64 { return math.Abs(v/t.bound-1) * 100 }

// metric is one number of one scenario at one size, of any peer.
type metric struct {
	scenario, name string
	n              int
}

func (m metric) of(peer string) Key { return Key{m.scenario, m.name, peer, m.n} }

// faster: suture takes at least so many times as long.
func faster(work string, m metric, times float64) target {
	want := fmt.Sprintf("at least %gx faster than %s", times, peer.Suture)
	if times == 1 {
		want = "no more than " + peer.Suture
	}
	return target{
		work: work, want: want, over: m.of(peer.Suture), under: m.of(peer.Tend), bound: times, atLeast: true,
		limit: m.of(peer.Limit),
	}
}

// within: a peer takes at most so many times as much as the limit, and as what
// most programs do without a library.
func within(who, work string, m metric, times float64) []target {
	var both []target
	for _, limit := range []string{peer.Limit, peer.LimitBelow} {
		both = append(both, atMost(work, m.of(who), limit, m.of(limit), times))
	}
	return both
}

// atMost: a peer takes at most so many times as much as something else, which what
// says.
func atMost(work string, over Key, what string, under Key, times float64) target {
	return target{work: work, want: fmt.Sprintf("at most %gx %s", times, what), over: over, under: under, bound: times}
}

// level: tend takes at most so many times as much at one size as at another.
func level(work, want string, m metric, than int, times float64) target {
	base := m
	base.n = than
	return target{work: work, want: want, over: m.of(peer.Tend), under: base.of(peer.Tend), bound: times}
}

// flatBound is up to where a cost is called flat.
const flatBound = 1.3

// targets are all of them.
func targets() []target {
	all := addTargets()
	for _, how := range []struct {
		name, phrase       string
		mean, tail, atOnce float64
	}{{"error", "an error", 1.3, 1, 2.5}, {"panic", "a panic", 10, 0, 10}} {
		for _, n := range []int{0, 1e4, 1e6} {
			work := fmt.Sprintf("restart after %s, %s idle siblings", how.phrase, count(n))
			mean := metric{"restart", how.name, n}
			all = append(all, faster(work+", mean", mean, how.mean))
			if how.tail > 0 {
				all = append(all, faster(work+", p99", metric{"restart", how.name + "-p99", n}, how.tail))
			}
			if n > 0 {
				all = append(all, level(work+", mean", fmt.Sprintf("flat: at most %gx that with none", flatBound), mean, 0, flatBound))
			}
		}
		all = append(all, faster("10,000 services failing at once, "+how.name, metric{"storm", how.name, 1e4}, how.atOnce))
	}
	return append(append(all, otherTargets()...), actorTargets()...)
}

func addTargets() []target {
	million := metric{"flat", "add", 1e6}
	all := []target{
		faster("add and start, 100,000", metric{"flat", "add", 1e5}, 1.5),
		faster("add and start, 1,000,000", million, 2),
		level("add and start, 1,000,000", "at most 1.3x that at 10,000", million, 1e4, 1.3),
		faster("add and start again, 100,000", metric{"flat", "again", 1e5}, 3),
	}
	all = append(all, within(peer.Tend, "add and start, 100,000", metric{"flat", "add", 1e5}, 1.25)...)
	all = append(all, within(peer.Tend, "add and start, 1,000,000", million, 1.25)...)
	all = append(all, within(peer.Tend, "add and start again, 100,000", metric{"flat", "again", 1e5}, 1)...)
	for _, n := range []int{1e5, 1e6} {
		work, bytes := "memory per idle service, "+count(n), metric{"flat", "bytes", n}
		all = append(all, faster(work, bytes, 1))
		all = append(all, within(peer.Tend, work, bytes, 1.12)...)
		all = append(all, within(peer.TendNoLabels, work+", NoLabels", bytes, 1.05)...)
	}
	return all
}

func otherTargets() []target {
	all := []target{
		faster("stop, 100,000", metric{"flat", "stop", 1e5}, 3),
		faster("stop, 1,000,000", metric{"flat", "stop", 1e6}, 4),
	}
	for _, n := range []int{1e5, 1e6} { // contexts with one parent is what most programs have
		m := metric{"flat", "stop", n}
		all = append(all, atMost("stop, "+count(n), m.of(peer.Tend), peer.LimitBelow, m.of(peer.LimitBelow), 1))
	}
	for _, how := range []struct{ metric, who string }{{"remove1", "one goroutine"}, {"remove8", "eight goroutines"}} {
		work, m := "remove and wait, "+how.who+", of 100,000", metric{"remove", how.metric, 1e5}
		all = append(all, faster(work, m, 1.5))
		all = append(all, within(peer.Tend, work, m, 1.5)...)
	}
	gc := metric{"flat", "gc", 1e6}
	counting, silent := metric{"hook", "counting", 0}, metric{"hook", "silent", 0}
	return append(all,
		faster("list of 100,000", metric{"flat", "list", 1e5}, 5),
		faster("tree of six levels, build", metric{"tree", "build", 6}, 1),
		faster("tree of six levels, start", metric{"tree", "start", 6}, 1.2),
		faster("tree of six levels, stop", metric{"tree", "stop", 6}, 1.2),
		faster("tree of six levels, memory", metric{"tree", "bytes", 6}, 1),
		faster("make, serve and stop a supervisor that does nothing, 100,000", metric{"empty", "life", 1e5}, 1),
		faster("memory per supervisor that does nothing, 100,000", metric{"empty", "bytes", 1e5}, 1),
		atMost("garbage collection, processor time, 1,000,000 idle services", gc.of(peer.Tend), peer.Limit, gc.of(peer.Limit), 1.1),
		atMost("restart after an error, an event hook that counts", counting.of(peer.Tend), "one that does nothing", silent.of(peer.Tend), 1.1),
	)
}
