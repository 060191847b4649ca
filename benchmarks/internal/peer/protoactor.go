package peer

import (
	"context"
	"log/slog"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

type protoactorPeer struct{ noSupervisors }

func (protoactorPeer) Name() string   { return Protoactor }
func (protoactorPeer) Module() string { return "github.com/asynkron/protoactor-go" }

func (protoactorPeer) Setup() string {
	return "RootContext.Spawn, Send, RequestFuture and Stop, with a guardian that always restarts and the mailbox that is the default, " +
		"which has no bound."
}

func (protoactorPeer) Cannot(a Ability) string {
	switch a {
	case Act, Restart:
		return ""
	case Key:
		return "they are found by a name"
	case Inline:
		return "every message goes through a mailbox"
	case Hook, Subscribe:
		return "it can, but its events are not compared"
	default:
		return onlyActors
	}
}

func (protoactorPeer) Actors(c ActorConfig) Actors {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	return &protoactorActors{
		system: system,
		root:   system.Root.Copy().WithGuardian(actor.NewRestartingStrategy()),
		pids:   make([]*actor.PID, c.Actors),
	}
}

type protoactorActors struct {
	system  *actor.ActorSystem
	root    *actor.RootContext
	pids    []*actor.PID
	props   *actor.Props // those of handler
	handler Handler      // of what was added last
	running sync.WaitGroup
}

func (s *protoactorActors) Add(i int, h Handler) {
	if s.handler != h {
		s.handler, s.props = h, s.propsOf(h)
	}
	s.running.Add(1)
	s.pids[i] = s.root.Spawn(s.props)
}

func (s *protoactorActors) propsOf(h Handler) *actor.Props {
	return actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			h.Begin()
		case *actor.Stopped:
			s.running.Done()
		case int:
			answer := h.Handle(background(), m)
			if c.Sender() != nil {
				c.Respond(answer)
			}
		}
	})
}

func (s *protoactorActors) Send(_ context.Context, i, m int) { s.root.Send(s.pids[i], m) }

func (s *protoactorActors) Ask(_ context.Context, i, m int) int {
	answer, err := s.root.RequestFuture(s.pids[i], m, forever).Result()
	must(err)
	return answer.(int)
}

func (s *protoactorActors) Stop() {
	for _, pid := range s.pids {
		s.root.Stop(pid)
	}
	s.running.Wait()
	s.system.Shutdown()
}
