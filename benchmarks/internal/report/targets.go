package report

import (
	"fmt"
	"math"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// target is what the comparison was made to reach: the quotient of two medians,
// and a bound for it.
type target struct {
	work, want string
	over       Key // the dividend
	under      Key
	bound      float64
	atLeast    bool // the quotient is to be at least the bound, else at most
}

// measured is the quotient, false if one of the two was not measured.
func (t target) measured(r *Run) (float64, bool) {
	over, ok := r.median(t.over)
	under, also := r.median(t.under)
	return over / under, ok && also && under > 0
}

func (t target) met(quotient float64) bool {
	if t.atLeast {
		return quotient >= t.bound
	}
	return quotient <= t.bound
}

// missedBy is how far the quotient is from the bound, in percent of the bound.
func (t target) missedBy(quotient float64) float64 { return math.Abs(quotient/t.bound-1) * 100 }

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
		want = "less than " + peer.Suture
	}
	return target{work, want, m.of(peer.Suture), m.of(peer.Tend), times, true}
}

// within: tend takes at most so many times as much as the limit.
func within(work string, m metric, times float64) target {
	return withinOf(peer.Tend, work, m, times)
}

func withinOf(who, work string, m metric, times float64) target {
	return target{work, fmt.Sprintf("at most %gx %s", times, peer.Limit), m.of(who), m.of(peer.Limit), times, false}
}

// level: tend takes at most so many times as much at one size as at another.
func level(work, want string, m metric, than int, times float64) target {
	base := m
	base.n = than
	return target{work, want, m.of(peer.Tend), base.of(peer.Tend), times, false}
}

// flatBound is up to where a cost is called flat.
const flatBound = 1.3

// targets are all of them.
func targets() []target {
	all := addTargets()
	for _, how := range []struct {
		name               string
		mean, tail, atOnce float64
	}{{"error", 2.5, 5, 3}, {"panic", 10, 0, 10}} {
		for _, n := range []int{0, 1e4, 1e6} {
			work := fmt.Sprintf("restart after a %s, %s idle siblings", how.name, count(n))
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
	return append(all, otherTargets()...)
}

func addTargets() []target {
	return []target{
		faster("add and start, 100,000", metric{"flat", "add", 1e5}, 1.5),
		within("add and start, 100,000", metric{"flat", "add", 1e5}, 1.25),
		faster("add and start, 1,000,000", metric{"flat", "add", 1e6}, 2.5),
		within("add and start, 1,000,000", metric{"flat", "add", 1e6}, 1.25),
		level("add and start, 1,000,000", "at most 1.3x that at 10,000", metric{"flat", "add", 1e6}, 1e4, 1.3),
		faster("add and start again, 100,000", metric{"flat", "again", 1e5}, 3),
		within("add and start again, 100,000", metric{"flat", "again", 1e5}, 1),
		faster("memory per idle service, 100,000", metric{"flat", "bytes", 1e5}, 1),
		within("memory per idle service, 100,000", metric{"flat", "bytes", 1e5}, 1.12),
		withinOf(peer.TendNoLabels, "memory per idle service, 100,000, NoLabels", metric{"flat", "bytes", 1e5}, 1.05),
		faster("memory per idle service, 1,000,000", metric{"flat", "bytes", 1e6}, 1),
		within("memory per idle service, 1,000,000", metric{"flat", "bytes", 1e6}, 1.12),
		withinOf(peer.TendNoLabels, "memory per idle service, 1,000,000, NoLabels", metric{"flat", "bytes", 1e6}, 1.05),
	}
}

func otherTargets() []target {
	hook := metric{"hook", "counting", 0}
	silent := metric{"hook", "silent", 0}
	return []target{
		faster("stop, 100,000", metric{"flat", "stop", 1e5}, 2.5),
		within("stop, 100,000", metric{"flat", "stop", 1e5}, 1),
		faster("stop, 1,000,000", metric{"flat", "stop", 1e6}, 4),
		within("stop, 1,000,000", metric{"flat", "stop", 1e6}, 1),
		faster("remove and wait, one goroutine, of 100,000", metric{"remove", "remove1", 1e5}, 2),
		within("remove and wait, one goroutine, of 100,000", metric{"remove", "remove1", 1e5}, 1.5),
		faster("remove and wait, eight goroutines, of 100,000", metric{"remove", "remove8", 1e5}, 2),
		within("remove and wait, eight goroutines, of 100,000", metric{"remove", "remove8", 1e5}, 1.5),
		faster("list of 100,000", metric{"flat", "list", 1e5}, 4),
		faster("tree of six levels, start", metric{"tree", "start", 6}, 1.2),
		faster("tree of six levels, stop", metric{"tree", "stop", 6}, 2),
		{"restart after an error, an event hook that counts", "at most 1.1x one that does nothing", hook.of(peer.Tend), silent.of(peer.Tend), 1.1, false},
	}
}
