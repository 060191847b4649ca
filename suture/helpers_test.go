package suture_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tend-go/tend/suture"
)

var errBoom = errors.New("boom")

// service is a service that does what a test wants.
type service struct {
	name  string
	serve func(ctx context.Context) error
}

func (s *service) Serve(ctx context.Context) error { return s.serve(ctx) }
func (s *service) String() string                  { return s.name }

// idle waits for its end.
func idle(name string) *service {
	return &service{name, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
}

// counted is an idle service that counts its runs.
func counted(name string, runs *int) *service {
	return &service{name, func(ctx context.Context) error { *runs++; <-ctx.Done(); return ctx.Err() }}
}

// returns ends at once, each time with the next of the errors; then it is idle.
func returns(name string, errs ...error) *service {
	return &service{name, func(ctx context.Context) error {
		if len(errs) == 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		err := errs[0]
		errs = errs[1:]
		return err
	}}
}

// hung does not stop before release is closed.
func hung(name string, release <-chan struct{}) *service {
	return &service{name, func(context.Context) error { <-release; return nil }}
}

// log is an EventHook that writes down.
type log struct {
	mu     sync.Mutex
	began  time.Time
	events []suture.Event
	at     []time.Duration
}

func newLog() *log { return &log{began: time.Now()} }

func (l *log) hook(e suture.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	l.at = append(l.at, time.Since(l.began))
}

// sorted are the lines without an order, for what happens at once.
func (l *log) sorted() []string { return slices.Sorted(slices.Values(l.lines())) }

// lines are the events as "seconds supervisor/service what". They are complete
// once the bubble is at rest.
func (l *log) lines() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for i, e := range l.events {
		lines = append(lines, fmt.Sprintf("%gs %s", l.at[i].Seconds(), line(e)))
	}
	return lines
}

func line(e suture.Event) string {
	switch e := e.(type) {
	case suture.EventServiceTerminate:
		return fmt.Sprintf("%s/%s failed: %v (%.2f of %g) restarting=%t",
			e.SupervisorName, e.ServiceName, e.Err, e.CurrentFailures, e.FailureThreshold, e.Restarting)
	case suture.EventServicePanic:
		return fmt.Sprintf("%s/%s panicked: %s (%.2f of %g) restarting=%t",
			e.SupervisorName, e.ServiceName, e.PanicMsg, e.CurrentFailures, e.FailureThreshold, e.Restarting)
	case suture.EventStopTimeout:
		return fmt.Sprintf("%s/%s stop timeout", e.SupervisorName, e.ServiceName)
	case suture.EventBackoff:
		return e.SupervisorName + " backoff"
	case suture.EventResume:
		return e.SupervisorName + " resume"
	}
	return fmt.Sprintf("unknown %T", e)
}

// last returns the last event, as an E.
func last[E suture.Event](t *testing.T, l *log) E {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		t.Fatal("no event")
	}
	e, is := l.events[len(l.events)-1].(E)
	if !is {
		t.Fatalf("the last event is a %T", l.events[len(l.events)-1])
	}
	return e
}

// serve serves s in the background of a bubble until the test ends or stop is
// called, which returns what Serve did.
func serve(t *testing.T, s *suture.Supervisor) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := s.ServeBackground(ctx)
	stop = sync.OnceValue(func() error { cancel(); return <-result })
	t.Cleanup(func() { _ = stop() })
	synctest.Wait()
	return stop
}

func want[T any](t *testing.T, what string, got, want T, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// identity compares services, supervisors and tokens as what they are.
var identity = cmp.Options{
	cmp.FilterValues(func(a, b any) bool {
		_, one := a.(suture.Service)
		_, other := b.(suture.Service)
		return one && other
	}, cmp.Comparer(func(a, b any) bool { return a == b })),
	cmpopts.EquateComparable(suture.ServiceToken{}),
}

// anyOrder is for what happens at once.
var anyOrder = cmpopts.SortSlices(func(a, b string) bool { return a < b })

// same is for what must be the very thing; programs compare errors so, too.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), text) {
			t.Errorf("panicked with %v, want %q in it", v, text)
		}
	}()
	f()
}
