package peer

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/thejerf/suture/v4"
)

type suturePeer struct{ noActors }

func (suturePeer) Name() string   { return Suture }
func (suturePeer) Module() string { return "github.com/thejerf/suture/v4" }

func (suturePeer) Setup() string {
	return "New, Add, ServeBackground, RemoveAndWait, Services; stopped by the end of its context; with an EventHook that does nothing."
}

func (suturePeer) Cannot(a Ability) string {
	switch a {
	case Subscribe:
		return "there is one hook"
	case Show:
		return "there is no method for it"
	case Act, Key, Inline:
		return noneAreActors
	default:
		return ""
	}
}

func (p suturePeer) New(c Config) Supervisor { return p.make(c) }

func (suturePeer) make(c Config) *sutureSupervisor {
	return &sutureSupervisor{
		tokens: make([]suture.ServiceToken, c.Services),
		sup: suture.New("benchmark", suture.Spec{
			FailureThreshold: math.MaxFloat64,
			Timeout:          forever,
			EventHook:        sutureHook(c.Events),
		}),
	}
}

func sutureHook(n *atomic.Int64) suture.EventHook {
	if n == nil {
		return func(suture.Event) {}
	}
	return func(suture.Event) { n.Add(1) }
}

type sutureSupervisor struct {
	sup    *suture.Supervisor
	tokens []suture.ServiceToken
	cancel context.CancelFunc
	ended  <-chan error
}

func (s *sutureSupervisor) Add(i int, w Work) { s.tokens[i] = s.sup.Add(w) }

func (s *sutureSupervisor) Nest(c Config) Supervisor {
	child := suturePeer{}.make(c)
	s.sup.Add(child.sup)
	return child
}

func (s *sutureSupervisor) Start() {
	ctx, cancel := context.WithCancel(background())
	s.cancel = cancel
	s.ended = s.sup.ServeBackground(ctx)
}

func (s *sutureSupervisor) Remove(i int) {
	must(s.sup.RemoveAndWait(s.tokens[i], 0))
}

func (s *sutureSupervisor) List() int { return len(s.sup.Services()) }

func (s *sutureSupervisor) Stop() {
	s.cancel()
	<-s.ended
}
