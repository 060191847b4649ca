package peer

import (
	"fmt"
	"math"

	"github.com/capatazlib/go-capataz/cap"
)

type capatazPeer struct{ noActors }

func (capatazPeer) Name() string   { return "capataz" }
func (capatazPeer) Module() string { return "github.com/capatazlib/go-capataz" }

func (capatazPeer) Setup() string {
	return "A SupervisorSpec for what is added before the start and for trees, a DynSupervisor for what is added later; without a notifier. " +
		"Its services need names of their own, which are made here with fmt.Sprint; it starts each and stops each before the next."
}

func (capatazPeer) Cannot(a Ability) string {
	switch a {
	case List, Show:
		return "there is no method for it"
	case Hook, Subscribe:
		return "it can, but its events are not compared"
	case Act, Key, Inline:
		return noneAreActors
	default:
		return ""
	}
}

// tolerance is as many failures as a supervisor can be told to tolerate, for
// ever.
var tolerance = cap.WithRestartTolerance(math.MaxUint32, 0)

func (capatazPeer) New(c Config) Supervisor {
	return &capatazSupervisor{nodes: make([]cap.Node, 0, c.Services), cancels: make([]func() error, c.Services)}
}

type capatazSupervisor struct {
	nodes   []cap.Node // added before the start
	below   []*capatazSupervisor
	started bool
	static  *cap.Supervisor    // when it was started with something in it
	dynamic *cap.DynSupervisor // when it was not
	cancels []func() error
}

func (s *capatazSupervisor) Add(i int, w Work) {
	node := cap.NewWorker(fmt.Sprint(w, " ", i), w.Serve, cap.WithShutdown(cap.Indefinitely))
	if !s.started {
		s.nodes = append(s.nodes, node)
		return
	}
	cancel, err := s.dynamic.Spawn(node)
	must(err)
	s.cancels[i] = cancel
}

func (s *capatazSupervisor) Nest(c Config) Supervisor {
	child := capatazPeer{}.New(c).(*capatazSupervisor)
	s.below = append(s.below, child)
	return child
}

// spec is what a static supervisor is made from, with all that is below it.
func (s *capatazSupervisor) spec(name string) cap.SupervisorSpec {
	nodes := s.nodes
	for i, child := range s.below {
		nodes = append(nodes, cap.Subtree(child.spec(fmt.Sprint("supervisor ", i))))
	}
	return cap.NewSupervisorSpec(name, cap.WithNodes(nodes...), tolerance)
}

func (s *capatazSupervisor) Start() {
	s.started = true
	if len(s.nodes)+len(s.below) == 0 {
		sup, err := cap.NewDynSupervisor(background(), "benchmark", tolerance)
		must(err)
		s.dynamic = &sup
		return
	}
	sup, err := s.spec("benchmark").Start(background())
	must(err)
	s.static = &sup
}

func (s *capatazSupervisor) Remove(i int) {
	must(s.cancels[i]())
}

func (s *capatazSupervisor) List() int { panic("there is no list") }

func (s *capatazSupervisor) Stop() {
	if s.static != nil {
		must(s.static.Terminate())
		return
	}
	must(s.dynamic.Terminate())
}
