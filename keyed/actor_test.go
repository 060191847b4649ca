package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/keyed"
)

type echo struct{ says string }

func (e echo) Handle(_ context.Context, m actor.Reply[string]) error {
	m.Send(e.says)
	return nil
}

func newEcho(says string) *actor.Actor[actor.Reply[string]] {
	return actor.New("echo", &actor.Spec[actor.Reply[string]]{
		New: func(context.Context, *actor.Actor[actor.Reply[string]]) (actor.Handler[actor.Reply[string]], error) {
			return echo{says}, nil
		},
	})
}

// TestActorsMayHaveKeys: one that was replaced is gone, what was sent to the new one before it
// came is handled, and a value that has left may be put again.
func TestActorsMayHaveKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keyed.New[string]("set", quiet())
		serve(t, s)
		ask := func(a *actor.Actor[actor.Reply[string]]) (string, error) {
			return actor.Ask(t.Context(), a, func(r actor.Reply[string]) actor.Reply[string] { return r })
		}
		one, two := newEcho("one"), newEcho("two")
		for _, a := range []*actor.Actor[actor.Reply[string]]{one, two, one} {
			before, was := s.Get("a")
			wantError(t, s.Put("a", a), nil)
			if says, err := ask(a); err != nil || says != map[bool]string{true: "one", false: "two"}[a == one] {
				t.Errorf("%q, %v", says, err)
			}
			synctest.Wait()
			if was {
				_, err := ask(before.(*actor.Actor[actor.Reply[string]]))
				wantError(t, err, actor.ErrGone)
			}
		}
		wantError(t, s.RemoveAndWait(t.Context(), "a"), nil)
		_, err := ask(one)
		wantError(t, err, tend.ErrRemoved)
	})
}
