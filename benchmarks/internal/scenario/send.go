package scenario

import (
	"context"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// messages is how many are sent where time is taken of all together. The smoke test is
// content with fewer.
var messages = 1_000_000

// manyMessages is the mailbox of an actor under load.
const manyMessages = 1024

// send is a stream of messages to one actor.
var send = Scenario{
	Name: "send", Title: "sending to one actor, for which 1,024 messages may wait", SizeIs: "senders",
	Needs: []peer.Ability{peer.Act},
	Full:  []int{1, 8}, Short: []int{1, 8}, Smoke: []int{1, 8},
	Metrics: []Metric{{Name: "send", Title: "send a message and have it handled, each", Unit: Nanoseconds}},
	run: func(p peer.Peer, senders int, out Results) {
		all := p.Actors(peer.ActorConfig{Actors: 1, Mailbox: manyMessages})
		n := messages / senders * senders
		w := newSink(senders, n)
		all.Add(0, w)
		out["send"] = each(n, func() {
			parallel(senders, n, func(i int) { all.Send(context.Background(), 0, i) })
			await("the last message", w.enough)
		})
		all.Stop()
		for _, o := range w.from {
			check("messages from one sender", int64(o.n), int64(n/senders))
			check("messages out of order", int64(o.wrong), 0)
		}
	},
}

// sink is one actor to which senders send the numbers that parallel gives them.
type sink struct {
	from    []order // what came from each
	n, want int
	enough  chan struct{}
}

func newSink(senders, want int) *sink {
	w := &sink{from: make([]order, senders), want: want, enough: make(chan struct{})}
	for i := range w.from {
		w.from[i].step = senders
	}
	return w
}

func (w *sink) Begin() {}

func (w *sink) Handle(_ context.Context, m int) int {
	w.from[m%len(w.from)].see(m)
	if w.n++; w.n == w.want {
		close(w.enough)
	}
	return 0
}
