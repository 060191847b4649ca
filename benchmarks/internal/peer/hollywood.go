package peer

import (
	"context"
	"math"

	"github.com/anthdm/hollywood/actor"
)

type hollywoodPeer struct{ noSupervisors }

func (hollywoodPeer) Name() string   { return Hollywood }
func (hollywoodPeer) Module() string { return "github.com/anthdm/hollywood" }

func (hollywoodPeer) Setup() string {
	return "Engine.Spawn, Send, Request and Stop; an inbox has room for as many messages as others may have waiting, and grows when that " +
		"is full; without a delay before restarts."
}

func (hollywoodPeer) Cannot(a Ability) string {
	switch a {
	case Act, Restart:
		return ""
	case Key:
		return "they are found by a kind and a name"
	case Inline:
		return "every message goes through an inbox"
	case Hook, Subscribe:
		return "it can, but its events are not compared"
	default:
		return onlyActors
	}
}

func (hollywoodPeer) Actors(c ActorConfig) Actors {
	engine, err := actor.NewEngine(actor.NewEngineConfig())
	must(err)
	return &hollywoodActors{
		engine: engine,
		pids:   make([]*actor.PID, c.Actors),
		opts: []actor.OptFunc{
			actor.WithInboxSize(c.Mailbox),
			actor.WithMaxRestarts(math.MaxInt32),
			actor.WithRestartDelay(0),
		},
	}
}

type hollywoodActors struct {
	engine *actor.Engine
	pids   []*actor.PID
	opts   []actor.OptFunc
}

// hollywoodReceiver is a Handler as the library has it.
type hollywoodReceiver struct{ Handler }

func (r *hollywoodReceiver) Receive(c *actor.Context) {
	switch m := c.Message().(type) {
	case actor.Started:
		r.Begin()
	case int:
		answer := r.Handle(c.Context(), m)
		if c.Sender() != nil {
			c.Respond(answer)
		}
	}
}

func (s *hollywoodActors) Add(i int, h Handler) {
	s.pids[i] = s.engine.Spawn(func() actor.Receiver { return &hollywoodReceiver{h} }, "actor", s.opts...)
}

func (s *hollywoodActors) Send(_ context.Context, i, m int) { s.engine.Send(s.pids[i], m) }

func (s *hollywoodActors) Ask(_ context.Context, i, m int) int {
	answer, err := s.engine.Request(s.pids[i], m, forever).Result()
	must(err)
	return answer.(int)
}

func (s *hollywoodActors) Stop() {
	ends := make([]context.Context, len(s.pids))
	for i, pid := range s.pids {
		ends[i] = s.engine.Stop(pid)
	}
	for _, end := range ends {
		<-end.Done()
	}
}
