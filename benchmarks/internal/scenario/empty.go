package scenario

import (
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// empty is supervisors that have nothing to do, below one that has a service, too, so that it
// is known when all are begun.
var empty = Scenario{
	Name: "empty", Title: "supervisors that have nothing below them", SizeIs: "supervisors",
	Needs: []peer.Ability{peer.AddBefore, peer.Nest},
	Full:  []int{1e3, 1e4, 1e5}, Short: []int{1e4}, Smoke: []int{100},
	Metrics: []Metric{
		{Name: "life", Title: "make, serve and stop a supervisor", Unit: Nanoseconds},
		{Name: "bytes", Title: "memory per supervisor that does nothing, heap and stack", Unit: Bytes},
	},
	run: func(p peer.Peer, n int, out Results) {
		var root peer.Supervisor
		serve := func() (w *idler) {
			w = newIdler()
			w.begun.expect(1)
			root = p.New(peer.Config{Services: 1})
			for range n {
				root.Nest(peer.Config{})
			}
			root.Add(0, w)
			root.Start()
			w.begun.wait()
			return w
		}
		out["life"] = each(n, func() { stop(serve(), root, 1) })
		before := memory()
		w := serve()
		rest()
		out["bytes"] = memory().minus(before).by(n)
		stop(w, root, 1)
	},
}

// rest waits until this process does nothing any more.
func rest() {
	const look = 50 * time.Millisecond
	for worked := processorTime(); ; {
		time.Sleep(look)
		now := processorTime()
		if now-worked < look/20 {
			return
		}
		worked = now
	}
}
