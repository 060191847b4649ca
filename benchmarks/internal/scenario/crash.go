package scenario

import (
	"context"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// crash is one actor that panics with each message, and goes on with the next.
var crash = Scenario{
	Name: "crash", Title: "an actor that panics with each message", SizeIs: "idle siblings",
	Needs: []peer.Ability{peer.Act, peer.Restart},
	Full:  []int{0, 1e4}, Short: []int{0}, Smoke: []int{0, 100},
	Metrics: []Metric{
		{Name: "crash", Title: "panic, begin again and handle the next message, mean", Unit: Nanoseconds},
		{Name: "crash-p50", Title: "panic, begin again and handle the next message, p50", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		all := p.Actors(peer.ActorConfig{Actors: n + 1, Mailbox: fewMessages, Hook: true})
		idle := newSleeper()
		if n > 0 {
			idle.addTo(all, n)
		}
		w := newCrasher(all, n, panicRestarts)
		all.Add(n, w)
		out["crash"] = each(panicRestarts, func() {
			all.Send(context.Background(), n, panicRestarts)
			await("the last restart", w.enough)
		})
		all.Stop()
		check("runs", int64(w.runs), int64(panicRestarts)+1)
		check("messages", int64(w.n), int64(panicRestarts)+1)
		check("messages out of order", int64(w.wrong), 0)
		check("runs of idle siblings", idle.begun.n.Load(), int64(n))
		out["crash-p50"] = middle(w.took)
	},
}

// crasher is one actor that sends itself the next message before it panics, and notes
// how long it takes until that is handled.
type crasher struct {
	order
	all    peer.Actors
	i      int // which one it is
	runs   int
	failed time.Time
	took   []float64
	enough chan struct{}
}

func newCrasher(all peer.Actors, i, restarts int) *crasher {
	return &crasher{order: order{step: -1}, all: all, i: i, took: make([]float64, 0, restarts), enough: make(chan struct{})}
}

func (w *crasher) Begin() { w.runs++ }

func (w *crasher) Handle(ctx context.Context, m int) int {
	if w.n > 0 {
		w.took = append(w.took, float64(time.Since(w.failed)))
	}
	w.see(m)
	if m == 0 {
		close(w.enough)
		return 0
	}
	w.all.Send(ctx, w.i, m-1)
	w.failed = time.Now()
	panic("failed")
}
