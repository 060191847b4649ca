package tend_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend"
)

// readyAfter is a service that needs some time to be ready.
func readyAfter(name string, d time.Duration) tend.Service {
	return tend.Child{ReadyTimeout: time.Hour, Service: tend.Func(name, func(ctx context.Context) error {
		time.Sleep(d)
		tend.Ready(ctx)
		<-ctx.Done()
		return nil
	})}
}

// TestMaxStarting: two at once, six of them, two seconds each; the status says who waits, and
// those that need no time wait for nobody.
func TestMaxStarting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{MaxStarting: 2, EventHook: func(tend.Event) {}})
		for i := range 5 {
			s.Add(readyAfter(fmt.Sprint("s", i), 2*time.Second))
		}
		below := tend.New("below", tend.Spec{})
		below.Add(readyAfter("x", 2*time.Second))
		s.Add(below)
		s.Add(idle("idle"))
		done := s.ServeBackground(t.Context())
		wantStates(t, s, "s0 starting, s1 starting, s2 pending, s3 pending, s4 pending, below pending, idle running")
		status := s.Status()
		if !containsAll(status.String(), "waits for its turn to start") || !containsAll(status.Ready().Error(), "root/s2 is pending for 0s, waits for its turn to start") {
			t.Errorf("%v\n%v", status, status.Ready())
		}
		if took := after(func() { wantError(t, s.WaitReady(t.Context()), nil) }); took != 6*time.Second {
			t.Errorf("all were ready after %v", took)
		}
		s.Stop()
		<-done
	})
}

// TestStartWithinAStart: with room for one, who is starting cannot wait for another one that
// has to be.
func TestStartWithinAStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		var refused, taken error
		svc := tend.Child{ReadyTimeout: time.Minute, Service: tend.Func("a", func(ctx context.Context) error {
			_, refused = s.Start(ctx, readyAfter("b", 0))
			_, taken = s.Start(ctx, idle("c"))
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})}
		s, _, _ = serve(t, tend.Spec{MaxStarting: 1})
		s.Add(svc)
		wantStates(t, s, "a running, c running")
		if refused == nil || !strings.Contains(refused.Error(), "cannot wait for one") || taken != nil {
			t.Errorf("%v, %v", refused, taken)
		}
	})
}

// TestMaxStartingIsNotNegative.
func TestMaxStartingIsNotNegative(t *testing.T) {
	defer func() {
		if got, want := recover(), `tend: supervisor "x": Spec.MaxStarting is negative: -1`; got != want {
			t.Errorf("it panics with %v, want %v", got, want)
		}
	}()
	tend.New("x", tend.Spec{MaxStarting: -1})
}
