package scenario

import (
	"context"
	"runtime"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// fewMessages is the mailbox of actors that never have more than one waiting.
const fewMessages = 16

// actors is the whole life of many idle actors.
var actors = Scenario{
	Name: "actors", Title: "idle actors", SizeIs: "actors",
	Needs: []peer.Ability{peer.Act},
	Full:  []int{1e4, 3e5, 1e6}, Short: []int{1e5}, Smoke: sizes[:1],
	Metrics: []Metric{
		{Name: "add", Title: "add an actor and begin its first run, per actor", Unit: Nanoseconds},
		{Name: "hooked", Title: "the same with an event hook that does nothing, per actor", Unit: Nanoseconds, Needs: peer.Hook},
		{Name: "bytes", Title: "memory per idle actor, heap and stack", Unit: Bytes},
		{Name: "worked", Title: "memory per idle actor after it has worked, heap and stack", Unit: Bytes},
		{Name: "keyed", Title: "memory per idle actor that is found by a key, heap and stack", Unit: Bytes, Needs: peer.Key},
		{Name: "gc", Title: "processor time of a garbage collection, per idle actor", Unit: Nanoseconds},
		{Name: "once", Title: "one message to each idle actor, per actor", Unit: Nanoseconds},
		{Name: "once-cpu", Title: "processor time of one message to each idle actor, per actor", Unit: Nanoseconds, Aside: true},
		{Name: "stop", Title: "stop idle actors, per actor", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		w, all := newSleeper(), p.Actors(peer.ActorConfig{Actors: n, Mailbox: fewMessages})
		slots := memory() // what the harness keeps
		out["add"] = each(n, func() { w.addTo(all, n) })
		out["bytes"] = memory().minus(slots).by(n)
		out["gc"] = collection(n)
		out["once"] = each(n, func() { w.wake(all, n) })
		out["once-cpu"] = Cost{Value: out["once"].Processor}
		out["worked"] = memory().minus(slots).by(n)
		check("runs that have begun at the end", w.begun.n.Load(), int64(n))
		out["stop"] = each(n, all.Stop)
		if p.Cannot(peer.Hook) == "" {
			out["hooked"] = hookedActors(p, n)
		}
		if p.Cannot(peer.Key) == "" {
			out["keyed"] = keyed(p, n)
		}
	},
}

// hookedActors is what adding costs if somebody is told of it.
func hookedActors(p peer.Peer, n int) Cost {
	w, all := newSleeper(), p.Actors(peer.ActorConfig{Actors: n, Mailbox: fewMessages, Hook: true})
	defer all.Stop()
	return each(n, func() { w.addTo(all, n) })
}

// keyed is the memory of actors that have keys.
func keyed(p peer.Peer, n int) Cost {
	w, all := newSleeper(), p.Actors(peer.ActorConfig{Actors: n, Mailbox: fewMessages, Keyed: true})
	defer all.Stop()
	slots := memory()
	w.addTo(all, n)
	w.wake(all, n)
	return memory().minus(slots).by(n)
}

// collections is how often a collection is made: one alone is disturbed by others.
const collections = 3

// collection is how long the processors work for a garbage collection.
func collection(n int) Cost {
	took := each(collections*n, func() {
		for range collections {
			runtime.GC()
		}
	})
	return Cost{Value: took.Processor}
}

// sleeper is an actor that waits for messages, and counts them. One value is many actors.
type sleeper struct{ begun, woken *counter }

func newSleeper() *sleeper { return &sleeper{newCounter(), newCounter()} }

func (w *sleeper) Begin() { w.begun.add() }

func (w *sleeper) Handle(context.Context, int) int {
	w.woken.add()
	return 0
}

// addTo adds n of it and waits until all run.
func (w *sleeper) addTo(all peer.Actors, n int) {
	w.begun.expect(n)
	for i := range n {
		all.Add(i, w)
	}
	w.begun.wait()
	check("actors that run", w.begun.n.Load(), int64(n))
}

// wake sends a message to each of n and waits until all are handled.
func (w *sleeper) wake(all peer.Actors, n int) {
	w.woken.expect(n)
	for i := range n {
		all.Send(context.Background(), i, i)
	}
	w.woken.wait()
	check("messages that were handled", w.woken.n.Load(), int64(n))
}
