package actor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

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

// Counters by name, which sleep when nobody has counted for an hour.
func ExampleGroup() {
	type count struct{ actor.Reply[int] }
	counters := actor.NewGroup("counters", actor.GroupSpec[string, count]{
		New: func(context.Context, *actor.Actor[count], string) (actor.Handler[count], error) {
			n := 0 // or what a file says that Stop has written
			return actor.Func[count](func(_ context.Context, m count) error {
				n++
				m.Send(n)
				return nil
			}), nil
		},
		Idle: time.Hour,
	})
	root := tend.New("root", tend.Spec{})
	root.Add(counters)
	ctx, cancel := context.WithCancel(context.Background())
	done := root.ServeBackground(ctx)
	for _, name := range []string{"tea", "coffee", "tea"} {
		n, err := actor.Ask(ctx, counters.To(name), func(r actor.Reply[int]) count { return count{r} })
		fmt.Println(name, n, err)
	}
	fmt.Println(counters.Len(), "counters")
	cancel()
	<-done
	// Output:
	// tea 1 <nil>
	// coffee 1 <nil>
	// tea 2 <nil>
	// 2 counters
}

// Four workers that square what comes, each with a state of its own.
func ExamplePool() {
	type square struct {
		of int
		actor.Reply[int]
	}
	pool := actor.NewPool("squares", 4, &actor.Spec[square]{
		New: func(context.Context, *actor.Actor[square]) (actor.Handler[square], error) {
			return actor.Func[square](func(_ context.Context, m square) error {
				m.Send(m.of * m.of)
				return nil
			}), nil
		},
	})
	root := tend.New("root", tend.Spec{})
	root.Add(pool)
	ctx, cancel := context.WithCancel(context.Background())
	done := root.ServeBackground(ctx)
	n, err := actor.Ask(ctx, pool, func(r actor.Reply[int]) square { return square{7, r} })
	fmt.Println(n, err)
	cancel()
	<-done
	// Output: 49 <nil>
}

// TestGuide: docs/actors.md shows what is compiled and run here.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/actors.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	pieces := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(pieces) != 2 {
		t.Errorf("there are %d pieces", len(pieces))
	}
	for _, p := range pieces {
		if !strings.Contains(string(own), p[1]) {
			t.Errorf("this is in the guide only:\n%s", p[1])
		}
	}
}
