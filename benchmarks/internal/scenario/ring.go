package scenario

import (
	"context"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// someMessages is the mailbox of actors that get a message now and then.
const someMessages = 256

// ring is messages that each find an actor idle, or with little to do.
var ring = Scenario{
	Name: "ring", Title: "messages here and there among many actors", SizeIs: "actors",
	Needs: []peer.Ability{peer.Act},
	Full:  []int{1e3}, Short: []int{1e3}, Smoke: []int{100},
	Metrics: []Metric{
		{Name: "ring", Title: "one message that goes round in a ring of actors, each hop", Unit: Nanoseconds},
		{Name: "turn", Title: "messages from one sender to each of many actors in turn, each", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		hops := messages / n * n
		all, links := newLinks(p, n, func(l *link) { l.step, l.next = -n, (l.i+1)%n })
		out["ring"] = each(hops, func() {
			links[0].end.expect(1)
			all.Send(context.Background(), 0, hops-1)
			links[0].end.wait()
		})
		all.Stop()
		checkLinks(links, hops/n)

		all, links = newLinks(p, n, func(l *link) { l.step, l.next = n, -1 })
		out["turn"] = each(hops, func() {
			links[0].end.expect(hops)
			for m := range hops {
				all.Send(context.Background(), m%n, m)
			}
			links[0].end.wait()
		})
		all.Stop()
		checkLinks(links, hops/n)
	},
}

// link is an actor that passes messages on, until they are at 0, or keeps them.
type link struct {
	order
	i    int // which one it is
	next int // to whom; -1: nobody
	all  peer.Actors
	end  *counter // of messages that were not passed on, by all
}

// newLinks makes n of them, as set says, and adds them.
func newLinks(p peer.Peer, n int, set func(*link)) (peer.Actors, []*link) {
	all, end := p.Actors(peer.ActorConfig{Actors: n, Mailbox: someMessages}), newCounter()
	links := make([]*link, n)
	for i := range links {
		links[i] = &link{i: i, all: all, end: end}
		set(links[i])
		all.Add(i, links[i])
	}
	return all, links
}

func (l *link) Begin() {}

func (l *link) Handle(ctx context.Context, m int) int {
	l.see(m)
	if l.next < 0 || m == 0 {
		l.end.add()
		return 0
	}
	l.all.Send(ctx, l.next, m-1)
	return 0
}

func checkLinks(links []*link, each int) {
	for _, l := range links {
		check("messages to one of many", int64(l.n), int64(each))
		check("messages out of order to one of many", int64(l.wrong), 0)
	}
}
