package tend_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// serve serves a supervisor with the tape as hook until the test ends.
func serve(t *testing.T, spec tend.Spec, services ...tend.Service) (*tend.Supervisor, *tendtest.Tape, <-chan error) {
	t.Helper()
	p := tendtest.NewTape(t)
	if spec.EventHook == nil {
		spec.EventHook = p.Hook
	}
	spec.Jitter = -1
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

var (
	idle    = tendtest.Idle
	slow    = tendtest.Slow
	ordered = tendtest.NewPuppet
)

func failing(name string) tend.Service { return tendtest.Failing(name, errBoom) }

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

// within is a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
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

// grep are the lines of a tape since the last call for a path and a kind, "root/sub
// service failed".
func grep(p *tendtest.Tape, what string) (found []string) {
	for _, line := range p.Lines() {
		if strings.Contains(line+" ", " "+what+" ") {
			found = append(found, line)
		}
	}
	return found
}

// callers are the program counters of its caller, as a panic has them.
func callers() []uintptr {
	pcs := make([]uintptr, 8)
	return pcs[:runtime.Callers(1, pcs)]
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// declared is a service that serves a supervisor and says so.
type declared struct {
	tend.Service
	sup *tend.Supervisor
}

func (d declared) Supervisor() *tend.Supervisor { return d.sup }
func (d declared) String() string               { return fmt.Sprint(d.Service) }
