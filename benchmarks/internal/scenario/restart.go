package scenario

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// How many restarts are measured; a peer may take 50 µs for one with a panic. The
// smoke test is content with fewer.
var (
	errorRestarts = 50_000
	panicRestarts = 10_000
)

// How many services fail at once, and how often.
const (
	waveSize = 10_000
	waves    = 5
)

// restart is one service that fails all the time, beside many that do not.
var restart = Scenario{
	Name: "restart", Title: "restarting a service that fails at once, again and again", SizeIs: "idle siblings",
	Needs: []peer.Ability{peer.AddRunning, peer.Restart},
	Full:  []int{0, 1e4, 1e6}, Short: []int{0, 1e4}, Smoke: []int{0, 1e3},
	Metrics: slices.Concat(restartMetrics("error", "after an error"), restartMetrics("panic", "after a panic")),
	run: func(p peer.Peer, n int, out Results) {
		w, sup := newIdler(), p.New(peer.Config{Services: n + 2})
		sup.Start()
		if n > 0 {
			add(w, sup, n)
		}
		restarts(sup, n, newFailer(withError, errorRestarts), "error", out)
		restarts(sup, n+1, newFailer(withPanic, panicRestarts), "panic", out)
		check("idle services that were restarted", w.begun.n.Load(), int64(n))
		stop(w, sup, n)
	},
}

// restartMetrics are the mean and percentiles of the time from just before Serve
// returns or panics to the beginning of the next call. Restarts per second are
// its mean upside down.
func restartMetrics(name, title string) []Metric {
	return []Metric{
		{Name: name, Title: "restart " + title + ", mean", Unit: Nanoseconds},
		{Name: name + "-p50", Title: "restart " + title + ", p50", Unit: Nanoseconds, Aside: true},
		{Name: name + "-p99", Title: "restart " + title + ", p99", Unit: Nanoseconds},
	}
}

// restarts adds w as number i and waits for its restarts.
func restarts(sup peer.Supervisor, i int, w *failer, name string, out Results) {
	runtime.GC()
	sup.Add(i, w)
	await("the first restarts", w.warm)
	out[name] = timed(w.want, func() { await("the restarts", w.enough) })
	check("runs", int64(w.runs), int64(w.skip+w.want+1))
	slices.Sort(w.took)
	out[name+"-p50"] = Cost{Value: float64(w.took[len(w.took)/2])}
	out[name+"-p99"] = Cost{Value: float64(w.took[len(w.took)*99/100])}
}

// await waits for something that should have happened long before patience ends.
func await(what string, happened <-chan struct{}) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-happened:
	case <-timer.C:
		panic(what + " did not happen")
	}
}

// storm is many services that fail at the same time.
var storm = Scenario{
	Name: "storm", Title: "many services that fail at once", SizeIs: "services that fail",
	Needs: []peer.Ability{peer.AddRunning, peer.Restart},
	Full:  []int{waveSize}, Short: []int{waveSize}, Smoke: []int{1e3},
	Metrics: []Metric{
		{Name: "error", Title: "until all run again after errors, per restart", Unit: Nanoseconds},
		{Name: "panic", Title: "until all run again after panics, per restart", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		w, sup := newWaver(), p.New(peer.Config{Services: n})
		w.begun.expect(n)
		sup.Start()
		for i := range n {
			sup.Add(i, w)
		}
		w.begun.wait()
		out["error"] = w.storm(n, withError)
		out["panic"] = w.storm(n, withPanic)
		sup.Stop()
	},
}

// storm makes the n services fail several times, each time when all run again.
func (w *waver) storm(n int, how failing) Cost {
	w.how.Store(bool(how))
	var took Cost
	for range waves {
		runs := w.begun.n.Load()
		w.begun.expect(int(runs) + n)
		wave := w.next()
		took = took.plus(each(n, func() {
			close(*wave)
			w.begun.wait()
		}))
		check("runs after a wave", w.begun.n.Load(), runs+int64(n))
	}
	return took.by(waves)
}

// hook is what it costs to be told of restarts.
var hook = Scenario{
	Name: "hook", Title: "listening to events while a service fails again and again", SizeIs: "idle siblings",
	Needs: []peer.Ability{peer.AddRunning, peer.Restart, peer.Hook},
	Full:  []int{0}, Short: []int{0}, Smoke: []int{0},
	Metrics: []Metric{
		{Name: "silent", Title: "restart after an error, mean, a hook that does nothing", Unit: Nanoseconds},
		{Name: "counting", Title: "restart after an error, mean, a hook that counts", Unit: Nanoseconds},
		{Name: "subscribed", Title: "restart after an error, mean, a hook and ten subscribers that count", Unit: Nanoseconds, Needs: peer.Subscribe},
	},
	run: func(p peer.Peer, _ int, out Results) {
		var events, told atomic.Int64
		out["silent"] = hooked(p, peer.Config{})
		out["counting"] = hooked(p, peer.Config{Events: &events})
		atLeast("calls of the hook", events.Load(), int64(errorRestarts))
		if p.Cannot(peer.Subscribe) == "" {
			out["subscribed"] = hooked(p, peer.Config{Events: &events, Subscribers: subscribers, Told: &told})
			atLeast("events that subscribers were told of", told.Load(), int64(subscribers*errorRestarts))
		}
	},
}

// subscribers is how many there are, where there are any.
const subscribers = 10

// hooked is the mean time of a restart while events are counted.
func hooked(p peer.Peer, c peer.Config) Cost {
	c.Services = 1
	sup := p.New(c)
	sup.Start()
	out := Results{}
	restarts(sup, 0, newFailer(withError, errorRestarts), "error", out)
	sup.Stop()
	return out["error"]
}
