package peer

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
)

// forever is more than any stop takes here.
const forever = 10 * time.Minute

type tendPeer struct{ noLabels bool }

func (p tendPeer) Name() string {
	if p.noLabels {
		return TendNoLabels
	}
	return Tend
}

func (tendPeer) Module() string { return "github.com/tend-go/tend" }

func (p tendPeer) Setup() string {
	if p.noLabels {
		return "The same with Spec.NoLabels."
	}
	return "New, Add, ServeBackground, RemoveAndWait, Services, Status, Events, Stop; with an EventHook that does nothing, which is not the " +
		"cheapest there could be: events are made and handed over for it. Actors are added to a supervisor whose events go " +
		"to the log that is the default, which writes none of them, unless the work says that they go to such a hook."
}

func (p tendPeer) Cannot(a Ability) string {
	switch {
	case p.noLabels && (a == Act || a == Key || a == Inline):
		return "actors have no labels"
	default:
		return ""
	}
}

func (p tendPeer) New(c Config) Supervisor {
	return p.make(c, tendHook(c.Events))
}

func (p tendPeer) make(c Config, hook func(tend.Event)) *tendSupervisor {
	s := &tendSupervisor{
		peer:   p,
		tokens: make([]tend.ServiceToken, c.Services),
		sup: tend.New("benchmark", tend.Spec{
			FailureThreshold: math.MaxFloat64,
			Timeout:          forever,
			NoLabels:         p.noLabels,
			EventHook:        hook,
		}),
	}
	for range c.Subscribers {
		s.subscribe(tendHook(c.Told))
	}
	return s
}

// tendHook counts with n, or does nothing.
func tendHook(n *atomic.Int64) func(tend.Event) {
	if n == nil {
		return func(tend.Event) {}
	}
	return func(e tend.Event) {
		if dropped, is := e.(tend.EventsDropped); is {
			n.Add(int64(dropped.N))
			return
		}
		n.Add(1)
	}
}

// subscribe tells of all events until the supervisor has stopped.
func (s *tendSupervisor) subscribe(told func(tend.Event)) {
	events := s.sup.Events(background())
	s.subscribers.Go(func() {
		for e := range events {
			told(e)
			if _, last := e.(tend.SupervisorStopped); last {
				return
			}
		}
	})
}

type tendSupervisor struct {
	peer   tendPeer
	sup    *tend.Supervisor
	tokens []tend.ServiceToken
	ended  <-chan error

	subscribers sync.WaitGroup
}

func (s *tendSupervisor) Add(i int, w Work) { s.tokens[i] = s.sup.Add(w) }

func (s *tendSupervisor) Nest(c Config) Supervisor {
	child := s.peer.make(c, nil)
	s.sup.Add(child.sup)
	return child
}

func (s *tendSupervisor) Start() { s.ended = s.sup.ServeBackground(background()) }

func (s *tendSupervisor) Remove(i int) {
	must(s.sup.RemoveAndWait(context.Background(), s.tokens[i]))
}

func (s *tendSupervisor) List() int { return len(s.sup.Services()) }

// Show implements [Shower].
func (s *tendSupervisor) Show() (all any, services int) {
	status := s.sup.Status()
	return status, len(status.Services)
}

func (s *tendSupervisor) Stop() {
	s.sup.Stop()
	must(<-s.ended)
	s.subscribers.Wait()
}
