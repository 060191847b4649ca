package scenario

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// remove is taking services out of many, in no order.
var remove = Scenario{
	Name: "remove", Title: "removing services one by one, each waited for", SizeIs: "services to begin with",
	Needs: []peer.Ability{peer.AddRunning, peer.Remove},
	Full:  []int{1e3, 1e4, 1e5}, Short: []int{1e5}, Smoke: sizes[:1],
	Metrics: []Metric{
		{Name: "remove1", Title: "remove and wait, one goroutine, each", Unit: Nanoseconds},
		{Name: "remove8", Title: "remove and wait, eight goroutines, each", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		w, sup := newIdler(), p.New(peer.Config{Services: n, Removes: true})
		sup.Start()
		add(w, sup, n)
		order := rand.New(rand.NewPCG(1, 2)).Perm(n) //nolint:gosec // the same for all peers
		gone := removal{sup: sup, w: w, order: order, most: n / 5}
		out["remove1"] = gone.by(1)
		out["remove8"] = gone.by(8)
		stop(w, sup, n)
	},
}

// removal takes out services in an order.
type removal struct {
	sup     peer.Supervisor
	w       *idler
	order   []int
	most    int // so many at a time
	done    int // of the order
	removed int64
}

// removalTime bounds how long it goes on: one peer takes milliseconds for each.
const removalTime = time.Second

// by is how long a removal takes by so many goroutines.
func (r *removal) by(goroutines int) Cost {
	var next, removed atomic.Int64
	began := time.Now()
	took := each(1, func() {
		parallel(goroutines, goroutines, func(int) {
			for time.Since(began) < removalTime {
				i := int(next.Add(1)) - 1
				if i >= r.most {
					return
				}
				r.sup.Remove(r.order[r.done+i])
				removed.Add(1)
			}
		})
	})
	r.done += r.most
	n := removed.Load()
	if n == 0 {
		panic("nothing was removed")
	}
	r.removed += n
	check("services that have ended after their removal", r.w.ended.n.Load(), r.removed)
	return took.by(float64(n))
}
