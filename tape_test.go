package tend_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// tape records events, each as "offset path: event", the offset in virtual time.
type tape struct {
	t     *testing.T
	begin time.Time

	mu     sync.Mutex
	events []tend.Event
	played int // how many wants has seen
}

func newTape(t *testing.T) *tape {
	t.Helper()
	return &tape{t: t, begin: time.Now()}
}

func (p *tape) hook(e tend.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// lines are the events since the last call, once everything has come to rest.
func (p *tape) lines() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for _, e := range p.events[p.played:] {
		lines = append(lines, fmt.Sprintf("%v %v", e.From().Time.Sub(p.begin), e))
	}
	p.played = len(p.events)
	return lines
}

// want fails the test unless the events since the last call are exactly these.
func (p *tape) want(lines ...string) {
	p.t.Helper()
	if diff := cmp.Diff(lines, p.lines()); diff != "" {
		p.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// count counts the events since the last call whose line has the text.
func (p *tape) count(text string) (n int) {
	for _, line := range p.lines() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// serve serves a supervisor with the tape as hook until the test ends.
func serve(t *testing.T, spec tend.Spec, services ...tend.Service) (*tend.Supervisor, *tape, <-chan error) {
	t.Helper()
	p := newTape(t)
	if spec.EventHook == nil {
		spec.EventHook = p.hook
	}
	if spec.Jitter == nil {
		spec.Jitter = tend.NoJitter
	}
	s := tend.New("root", spec)
	for _, svc := range services {
		s.Add(svc)
	}
	done := s.ServeBackground(t.Context())
	t.Cleanup(func() {
		s.Stop()
		time.Sleep(24 * time.Hour) // whatever hangs, for less
	})
	synctest.Wait()
	return s, p, done
}

var errBoom = errors.New("boom")

// idle runs until it is told to stop.
func idle(name string) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
}

// slow does the same, but takes its time to stop.
func slow(name string, d time.Duration) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(d)
		return nil
	})
}

// failing returns an error at once, every time.
func failing(name string) tend.Service {
	return tend.Func(name, func(context.Context) error { return errBoom })
}

// orders is a service that does what it is sent: return an error, run a function.
type orders struct {
	name string
	do   chan func(context.Context) error
}

func ordered(name string) *orders { return &orders{name, make(chan func(context.Context) error)} }

func (o *orders) String() string { return o.name }

func (o *orders) Serve(ctx context.Context) error {
	select {
	case f := <-o.do:
		return f(ctx)
	case <-ctx.Done():
		return nil
	}
}

// end makes the running incarnation return err, and waits until all has been done
// about it that is done at once.
func (o *orders) end(err error) {
	o.do <- func(context.Context) error { return err }
	synctest.Wait()
}

func (o *orders) run(f func(context.Context) error) {
	o.do <- f
	synctest.Wait()
}

// states prints the states of a supervisor's services: "a running, b backoff".
func states(s *tend.Supervisor) string {
	var list []string
	for _, c := range s.Status().Services {
		list = append(list, c.Name+" "+c.State.String())
	}
	return strings.Join(list, ", ")
}

func wantStates(t *testing.T, s *tend.Supervisor, want string) {
	t.Helper()
	synctest.Wait()
	if got := states(s); got != want {
		t.Errorf("states are %q, want %q", got, want)
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
}

// after is how much virtual time f takes.
func after(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}
