package peer

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// Actors are those of package actor, below one supervisor.
func (tendPeer) Actors(c ActorConfig) Actors {
	tree := tendTree{config: c}
	if c.Keyed {
		return newTendGroup(tree)
	}
	tree.serve()
	return &tendActors{tendTree: tree, actors: make([]*actor.Actor[tendMessage], c.Actors)}
}

// tendTree is the tree in which actors are.
type tendTree struct {
	config ActorConfig
	sup    *tend.Supervisor
	ended  <-chan error
}

// spec is that of a supervisor of actors that may always fail once more.
func (s *tendTree) spec() tend.Spec {
	spec := tend.Spec{FailureThreshold: math.MaxFloat64, Timeout: forever}
	if s.config.Hook {
		spec.EventHook = func(tend.Event) {}
	}
	return spec
}

// serve starts it with these services.
func (s *tendTree) serve(services ...tend.Service) {
	s.sup = tend.New("benchmark", s.spec())
	for _, svc := range services {
		s.sup.Add(svc)
	}
	s.ended = s.sup.ServeBackground(background())
}

// stop stops it, after which to is gone.
func (s *tendTree) stop(to actor.Address[tendMessage]) {
	s.sup.Stop()
	must(<-s.ended)
	if err := to.TrySend(tendMessage{}); !errors.Is(err, actor.ErrGone) {
		panic(fmt.Sprintf("an actor still takes messages: %v", err))
	}
}

type tendMessage struct {
	n     int
	reply actor.Reply[int] // zero: nobody waits
}

// tendHandler is a Handler as package actor has it.
type tendHandler struct{ Handler }

func (h *tendHandler) Handle(ctx context.Context, m tendMessage) error {
	m.reply.Send(h.Handler.Handle(ctx, m.n))
	return nil
}

// tendAsk asks one.
func tendAsk(ctx context.Context, to actor.Address[tendMessage], m int) int {
	answer, err := actor.Ask(ctx, to, func(r actor.Reply[int]) tendMessage { return tendMessage{m, r} })
	must(err)
	return answer
}

// tendActors are actors, each added to the supervisor.
type tendActors struct {
	tendTree
	actors  []*actor.Actor[tendMessage]
	kind    *actor.Spec[tendMessage] // that of handler
	handler Handler                  // of what was added last
}

func (s *tendActors) Add(i int, h Handler) {
	if s.handler != h {
		s.handler, s.kind = h, s.kindOf(h)
	}
	s.actors[i] = actor.New("actor", s.kind)
	s.sup.Add(s.actors[i])
}

func (s *tendActors) kindOf(h Handler) *actor.Spec[tendMessage] {
	one := &tendHandler{h}
	return &actor.Spec[tendMessage]{
		Mailbox: s.config.Mailbox,
		Inline:  s.config.Inline,
		New: func(context.Context, *actor.Actor[tendMessage]) (actor.Handler[tendMessage], error) {
			h.Begin()
			return one, nil
		},
	}
}

func (s *tendActors) Send(ctx context.Context, i, m int) {
	must(s.actors[i].Send(ctx, tendMessage{n: m}))
}

func (s *tendActors) Ask(ctx context.Context, i, m int) int { return tendAsk(ctx, s.actors[i], m) }

func (s *tendActors) Stop() { s.stop(s.actors[len(s.actors)-1]) }

// tendGroup is a group, whose members have their numbers as keys.
type tendGroup struct {
	tendTree
	group *actor.Group[uint64, tendMessage]
	one   *tendHandler // that of all; set before the first is made
}

func newTendGroup(tree tendTree) *tendGroup {
	s := &tendGroup{tendTree: tree, one: &tendHandler{}}
	s.group = actor.NewGroup("group", actor.GroupSpec[uint64, tendMessage]{
		Actor:      actor.Spec[tendMessage]{Mailbox: tree.config.Mailbox, Inline: tree.config.Inline},
		Supervisor: s.spec(),
		New: func(context.Context, *actor.Actor[tendMessage], uint64) (actor.Handler[tendMessage], error) {
			s.one.Begin()
			return s.one, nil
		},
	})
	s.serve(s.group)
	return s
}

func (s *tendGroup) Add(i int, h Handler) {
	if s.one.Handler == nil {
		s.one.Handler = h
	}
	must(s.group.Put(background(), uint64(i))) //nolint:gosec // it counts from zero
}

func (s *tendGroup) to(i int) actor.Address[tendMessage] {
	return s.group.To(uint64(i)) //nolint:gosec // it counts from zero
}

func (s *tendGroup) Send(ctx context.Context, i, m int) {
	must(s.to(i).Send(ctx, tendMessage{n: m}))
}

func (s *tendGroup) Ask(ctx context.Context, i, m int) int { return tendAsk(ctx, s.to(i), m) }

func (s *tendGroup) Stop() { s.stop(s.to(0)) }
