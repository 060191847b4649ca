package tendtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/tendtest"
)

// With a manual clock nothing happens by itself. Its Trigger lets the time come for one purpose:
// here a pause ends at once, while a service that hangs has not been waited for.
func ExamplePauseTimer() {
	clock := abtime.NewManual()
	events := make(chan tend.Event, 100)
	root := tend.New("root", tend.Spec{Clock: clock, FailureThreshold: 0.5, EventHook: func(e tend.Event) { events <- e }})
	next := func(kinds ...string) {
		for _, kind := range kinds {
			for e := range events {
				if e.Kind().String() == kind {
					fmt.Println(e.From().Path(), e.Kind())
					break
				}
			}
		}
	}
	hang := make(chan bool)
	hangs := root.Add(tend.Func("hangs", func(context.Context) error { <-hang; return nil }))
	root.Add(tend.Func("fails", func(ctx context.Context) error {
		if self, _ := tend.Self(ctx); self.Incarnation == 1 {
			return errors.New("no connection")
		}
		<-ctx.Done()
		return nil
	}))
	root.ServeBackground(context.Background())
	_ = root.Suspend(hangs)
	next("pause began")

	clock.Trigger(tendtest.PauseTimer)
	next("pause ended", "service started")

	clock.Trigger(tendtest.StopTimer)
	next("service stuck")
	close(hang)
	root.Stop()
	// Output:
	// root pause began
	// root pause ended
	// root/fails service started
	// root/hangs service stuck
}

// TestSendTimer lets the time come for what an actor sends to itself later, and for no other.
func TestSendTimer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		got := make(chan int, 1)
		a := actor.New("a", &actor.Spec[int]{New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
			self.After(time.Hour, 7)
			return handler(func(_ context.Context, n int) error { got <- n; return nil }), nil
		}})
		tree := tendtest.New(t, root(tend.Spec{Clock: clock}, a))
		tree.Serve()
		clock.Trigger(tendtest.BackoffTimer)
		tree.Sleep(time.Hour)
		if len(got) > 0 {
			t.Error("it came for another purpose")
		}
		clock.Trigger(tendtest.SendTimer)
		tree.Sleep(0)
		if len(got) != 1 || <-got != 7 {
			t.Error("it did not come")
		}
	})
}

// TestIdleTimer puts a member of a group to sleep that has nothing to do, and no other timer does.
func TestIdleTimer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		g := actor.NewGroup("g", actor.GroupSpec[int, int]{
			New: func(context.Context, *actor.Actor[int], int) (actor.Handler[int], error) {
				return handler(func(context.Context, int) error { return nil }), nil
			},
			Idle: time.Minute,
		})
		tree := tendtest.New(t, root(tend.Spec{Clock: clock}, g))
		tree.Serve()
		_ = g.To(1).TrySend(1)
		tree.Sleep(0)
		for range 5 {
			clock.Trigger(tendtest.SendTimer)
			tree.Sleep(time.Hour)
			if g.Len() != 1 {
				t.Fatal("it has left too early")
			}
			clock.Trigger(tendtest.IdleTimer)
			tree.Sleep(0)
		}
		if g.Len() != 0 {
			t.Error("it is still there")
		}
	})
}

// TestEveryTimerIsTold: tests can let the time come for each purpose that there is.
func TestEveryTimerIsTold(t *testing.T) {
	ids, err := os.ReadFile("../internal/timerid/timerid.go")
	if err != nil {
		t.Fatal(err)
	}
	told, err := os.ReadFile("timers.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^\t([A-Z]\w*)`).FindAllStringSubmatch(string(ids), -1)
	for _, name := range names {
		if !regexp.MustCompile(`\t` + name[1] + `Timer += timerid\.` + name[1] + `\b`).Match(told) {
			t.Errorf("there is no %sTimer", name[1])
		}
	}
	if len(names) < 9 {
		t.Errorf("there are only %q", names)
	}
}
