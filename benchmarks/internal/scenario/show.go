package scenario

import (
	"encoding/json"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// show is what a page or a command asks for.
var show = Scenario{
	Name: "show", Title: "showing the state of all services", SizeIs: "services",
	Needs: []peer.Ability{peer.AddRunning, peer.Show},
	Full:  []int{1e3, 1e5}, Short: []int{1e5}, Smoke: []int{100},
	Metrics: []Metric{
		{Name: "status", Title: "take the state of all, per service", Unit: Nanoseconds},
		{Name: "json", Title: "write it as JSON, per service", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, n int, out Results) {
		w, sup := newIdler(), p.New(peer.Config{Services: n})
		sup.Start()
		add(w, sup, n)
		var all any
		out["status"] = each(shows*n, func() {
			for range shows {
				var services int
				all, services = sup.(peer.Shower).Show()
				check("services shown", int64(services), int64(n))
			}
		})
		out["json"] = each(shows*n, func() {
			for range shows {
				text, err := json.Marshal(all)
				if err != nil {
					panic(err)
				}
				atLeast("bytes of JSON", int64(len(text)), int64(n))
			}
		})
		stop(w, sup, n)
	},
}

// shows is how often it is done: one alone is disturbed by others.
const shows = 5
