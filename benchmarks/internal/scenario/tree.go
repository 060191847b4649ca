package scenario

import (
	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// fanOut is how many each supervisor has below it.
const fanOut = 8

// tree is a tree of supervisors, six levels in the full run, with idle services
// below the lowest.
var tree = Scenario{
	Name: "tree", Title: "a tree of supervisors with eight below each, idle services below the last", SizeIs: "levels of supervisors",
	Needs: []peer.Ability{peer.AddBefore, peer.Nest},
	Full:  []int{2, 4, 6}, Short: []int{2, 4}, Smoke: []int{3},
	Metrics: []Metric{
		{Name: "build", Title: "build a tree, per supervisor and service", Unit: Nanoseconds},
		{Name: "start", Title: "start a tree, per supervisor and service", Unit: Nanoseconds},
		{Name: "bytes", Title: "memory of a tree, heap and stack, per supervisor and service", Unit: Bytes},
		{Name: "stop", Title: "stop a tree, per supervisor and service", Unit: Nanoseconds},
	},
	run: func(p peer.Peer, levels int, out Results) {
		w := newIdler()
		var root peer.Supervisor
		nodes, leaves := 0, 1
		for range levels {
			nodes += leaves
			leaves *= fanOut
		}
		nodes += leaves
		w.begun.expect(leaves)
		empty := memory()
		out["build"] = each(nodes, func() {
			root = p.New(config(levels))
			grow(root, w, levels-1)
		})
		check("services that run before the start", w.begun.n.Load(), 0)
		out["start"] = each(nodes, func() {
			root.Start()
			w.begun.wait()
		})
		check("services that run", w.begun.n.Load(), int64(leaves))
		out["bytes"] = memory().minus(empty).by(nodes)
		out["stop"] = each(nodes, func() { stop(w, root, leaves) })
	},
}

// grow puts so many levels of supervisors below sup, and services below the last.
func grow(sup peer.Supervisor, w *idler, levels int) {
	for i := range fanOut {
		if levels == 0 {
			sup.Add(i, w)
			continue
		}
		grow(sup.Nest(config(levels)), w, levels-1)
	}
}

// config is that of a supervisor with so many levels from itself on: services are below the
// lowest only.
func config(levels int) peer.Config {
	if levels == 1 {
		return peer.Config{Services: fanOut}
	}
	return peer.Config{}
}
