package entity

import (
	"context"
	"errors"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/seam"
)

// host makes the group of a shard's entities.
func (e *Entities[M, R]) host(int) *group[M, R] {
	return actor.NewGroup("entities", actor.GroupSpec[string, asked[M, R]]{
		New: func(ctx context.Context, _ *actor.Actor[asked[M, R]], key string) (actor.Handler[asked[M, R]], error) {
			h, err := e.spec.New(ctx, key)
			return asActor(h, err)
		},
		Actor:      actor.Spec[asked[M, R]]{Mailbox: e.spec.Mailbox, Child: e.spec.Child},
		Idle:       e.spec.Idle,
		Supervisor: tend.Spec{MaxServices: e.spec.Active},
	})
}

func asActor[M, R any](h Handler[M, R], err error) (actor.Handler[asked[M, R]], error) {
	if h == nil {
		return nil, err // which the actor does not take, if it is nil too
	}
	if s, ok := h.(stopper); ok {
		return stopping[M, R]{answering[M, R]{h}, s}, err
	}
	return answering[M, R]{h}, err
}

// answering is an entity as the actor that it is.
type answering[M, R any] struct{ entity Handler[M, R] }

func (a answering[M, R]) Handle(ctx context.Context, m asked[M, R]) error {
	r, err := a.entity.Handle(ctx, m.message)
	if err == nil || errors.Is(err, tend.ErrDoNotRestart) {
		m.answer.Send(r)
	}
	return err
}

// stopping is one that wants to know of the end of its run.
type stopping[M, R any] struct {
	answering[M, R]
	stopper
}

type stopper interface {
	Stop(ctx context.Context, cause error) error
}

// ask asks an entity that is here. The error is a *cluster.NotOwner if it is not, or if it
// leaves with the message not begun: then nothing was done.
//
// The question does not end with the service, as a call under Do should: the message in
// hand will be finished, and those that wait come back as the mailbox closes, both before
// the claim is released. To end it sooner would leave the asker in doubt.
func (e *Entities[M, R]) ask(ctx context.Context, key string, m M) (r R, err error) {
	err = e.role.Do(ctx, key, func(under context.Context, g *group[M, R]) error {
		r, err = actor.Ask(ctx, g.To(key), func(answer actor.Reply[R]) asked[M, R] { return asked[M, R]{m, answer} })
		if errors.Is(err, actor.ErrGone) && seam.Ends(under) {
			c, _ := e.role.Owner(key)
			return &cluster.NotOwner{Claim: c}
		}
		return veil(err)
	})
	return r, err
}

// receive answers a request of another node.
func (e *Entities[M, R]) receive(ctx context.Context, q Request) Reply {
	var m M
	if err := e.spec.Unmarshal(q.Body, &m); err != nil {
		return Reply{Status: StatusUnreadable, Text: err.Error()}
	}
	r, err := e.ask(ctx, q.Key, m)
	if err != nil {
		return failed(ctx, err)
	}
	body, err := e.spec.Marshal(r)
	if err != nil {
		return Reply{Status: StatusFailed, Text: "the answer: " + err.Error()}
	}
	return Reply{Status: StatusDone, Body: body}
}
