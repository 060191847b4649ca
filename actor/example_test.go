package actor_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// account is the state: one handler at a time touches it, so it has no lock.
type account struct{ balance int }

// What an account understands.
type (
	order   interface{ order() }
	deposit struct{ amount int }
	balance struct{ reply actor.Reply[int] }
)

func (deposit) order() {}
func (balance) order() {}

func (a *account) Handle(_ context.Context, m order) error {
	switch m := m.(type) {
	case deposit:
		if a.balance+m.amount < 0 {
			return errors.New("overdrawn: the books cannot be trusted")
		}
		a.balance += m.amount
	case balance:
		m.reply.Send(a.balance)
	}
	return nil
}

// An account is an actor of a tree. When it fails, it begins anew: here with nothing.
func Example() {
	root := tend.New("bank", tend.Spec{EventHook: func(e tend.Event) {
		if e, is := e.(tend.ServiceFailed); is {
			fmt.Println(e)
		}
	}})
	alice := actor.New("alice", &actor.Spec[order]{
		New: func(context.Context, *actor.Actor[order]) (actor.Handler[order], error) { return &account{}, nil },
	})
	root.Add(alice)
	root.ServeBackground(context.Background())
	defer root.Stop()

	ctx := context.Background()
	show := func() {
		n, err := actor.Ask(ctx, alice, func(r actor.Reply[int]) order { return balance{r} })
		fmt.Println(n, err)
	}
	_ = alice.Send(ctx, deposit{100})
	_ = alice.Send(ctx, deposit{-30})
	show()
	_ = alice.Send(ctx, deposit{-1000})
	show()
	// Unordered output:
	// 70 <nil>
	// bank/alice: service failed: overdrawn: the books cannot be trusted
	// 0 <nil>
}
