package scenario

import (
	"context"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// How long a handler blocks, and how often all do.
const (
	nap  = time.Millisecond
	naps = 5
)

// block is handlers that wait for something else, as each does that calls a server.
var block = Scenario{
	Name: "block", Title: "handlers that block for a millisecond", SizeIs: "actors",
	Needs: []peer.Ability{peer.Act},
	Full:  []int{1e3}, Short: []int{1e3}, Smoke: []int{100},
	Metrics: []Metric{{Name: "block", Title: "until all handlers have blocked and returned, per handler", Unit: Nanoseconds}},
	run: func(p peer.Peer, n int, out Results) {
		all, w := p.Actors(peer.ActorConfig{Actors: n, Mailbox: fewMessages}), &napper{newCounter()}
		for i := range n {
			all.Add(i, w)
		}
		var took Cost
		for round := range naps {
			w.woken.expect((round + 1) * n)
			took = took.plus(each(n, func() {
				for i := range n {
					all.Send(context.Background(), i, round)
				}
				w.woken.wait()
			}))
		}
		out["block"] = took.by(naps)
		all.Stop()
		check("handlers that have blocked", w.woken.n.Load(), int64(naps*n))
	},
}

// napper is an actor that blocks for a while. One value is many actors.
type napper struct{ woken *counter }

func (w *napper) Begin() {}

func (w *napper) Handle(context.Context, int) int {
	time.Sleep(nap)
	w.woken.add()
	return 0
}

// beside is what those have of it that have nothing to wait for.
var beside = Scenario{
	Name: "beside", Title: "asking an actor beside others whose handlers block", SizeIs: "handlers that block",
	Needs: []peer.Ability{peer.Act},
	Full:  []int{500}, Short: []int{500}, Smoke: []int{100},
	Metrics: []Metric{
		{Name: "alone", Title: "ask while none blocks, p50", Unit: Nanoseconds},
		{Name: "beside", Title: "ask while all others block, p50", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		all := p.Actors(peer.ActorConfig{Actors: n + 1, Mailbox: fewMessages})
		blocked := &blocker{newCounter(), newCounter(), make(chan struct{})}
		for i := range n {
			all.Add(i, blocked)
		}
		all.Add(n, &answerer{})
		out["alone"] = middle(askAll(all, n, messages/8))
		blocked.begun.expect(n)
		blocked.ended.expect(n)
		for i := range n {
			all.Send(context.Background(), i, i)
		}
		blocked.begun.wait()
		out["beside"] = middle(askAll(all, n, messages/8))
		check("handlers that do not block any more", blocked.ended.n.Load(), 0)
		close(blocked.free)
		blocked.ended.wait()
		all.Stop()
	},
}

// blocker is an actor that blocks until all are freed. One value is many actors.
type blocker struct {
	begun, ended *counter
	free         chan struct{}
}

func (w *blocker) Begin() {}

func (w *blocker) Handle(context.Context, int) int {
	w.begun.add()
	<-w.free
	w.ended.add()
	return 0
}
