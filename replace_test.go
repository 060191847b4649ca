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

	"github.com/tend-go/tend"
)

// toldOf prints the events of a token: kind, run, and what it is now or why.
func toldOf(events []tend.Event, t tend.ServiceToken) string {
	var list []string
	for _, e := range events {
		o := e.From()
		if o.Token != t {
			continue
		}
		switch e := e.(type) {
		case tend.ServiceEnded:
			list = append(list, fmt.Sprintf("%d ended (%v), now %v", o.Incarnation, e.Cause.Err, e.Next))
		case tend.ServiceChanged:
			list = append(list, fmt.Sprintf("changed (%v), now %v", e.Cause.Err, e.Next))
		default:
			list = append(list, fmt.Sprintf("%d %v", o.Incarnation, strings.TrimPrefix(e.Kind().String(), "service ")))
		}
	}
	return strings.Join(list, "; ")
}

// TestReplaceWaitsForTheOld: never two at once, the same token, name, order and history, and
// settings of its own.
func TestReplaceWaitsForTheOld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{})
		first := s.Add(slow("a", 3*time.Second))
		s.Add(idle("b"))
		synctest.Wait()
		wantError(t, s.Replace(first, tend.Child{Service: idle("another name"), Restart: tend.Transient}), nil)
		wantStates(t, s, "a stopping, b running")
		if took := after(func() { wantError(t, s.WaitState(t.Context(), first, tend.StateRunning), nil) }); took != 3*time.Second {
			t.Errorf("the new one came after %v", took)
		}
		wantStates(t, s, "a running, b running")
		status, err := s.ServiceStatus(first)
		if err != nil || status.Token != first || status.Incarnation != 2 || status.Restart != tend.Transient {
			t.Errorf("%v, %+v", err, status)
		}
		want := "1 started; 1 ended (" + tend.ErrReplaced.Error() + "), now pending; 2 started"
		if got := toldOf(p.Events(), first); got != want {
			t.Errorf("told %q\nwant %q", got, want)
		}
		if services := s.Services(); len(services) != 2 || fmt.Sprint(services[0].(tend.Child).Service) != "another name" {
			t.Error(services)
		}
	})
}

// TestReplaceSaysWhy: the context of the old one has ErrReplaced as its cause.
func TestReplaceSaysWhy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		var why error
		token := s.Add(tend.Func("a", func(ctx context.Context) error {
			<-ctx.Done()
			why = context.Cause(ctx)
			return nil
		}))
		synctest.Wait()
		wantError(t, s.Replace(token, idle("a")), nil)
		wantStates(t, s, "a running")
		wantError(t, why, tend.ErrReplaced)
	})
}

// TestReplaceRefuses: what is gone, or is going, has no place; what makes no sense panics and
// changes nothing.
func TestReplaceRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		leaving, gone, stays := s.Add(slow("leaving", time.Hour)), s.Add(idle("gone")), s.Add(idle("stays"))
		wantError(t, s.RemoveAndWait(t.Context(), gone), nil)
		wantError(t, s.Remove(leaving), nil)
		below := tend.New("below", tend.Spec{})
		for _, token := range []tend.ServiceToken{leaving, gone} {
			wantError(t, s.Replace(token, below), tend.ErrRemoved) // and it is free again
		}
		for _, token := range []tend.ServiceToken{{}, tend.New("other", tend.Spec{}).Add(idle("x"))} {
			wantError(t, s.Replace(token, below), tend.ErrWrongSupervisor)
		}
		for _, svc := range []tend.Service{nil, tend.Child{}, tend.Child{Service: idle("x"), Timeout: -1}, (*tend.Child)(nil), s} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Replace with %v does not panic", svc)
					}
				}()
				_ = s.Replace(stays, svc)
			}()
		}
		s.Add(below)
		wantStates(t, s, "leaving stopping, stays running, below running")
	})
}

// TestReplaceOfSupervisors: a subtree by another one, which is in its place at once; the old
// one is free when it has left.
func TestReplaceOfSupervisors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		blue, green := tend.New("sub", tend.Spec{}), tend.New("sub", tend.Spec{})
		blue.Add(slow("x", time.Second))
		y := green.Add(idle("y"))
		token := s.Add(blue)
		synctest.Wait()
		wantError(t, s.Replace(token, green), nil)
		if nested, err := s.Nested(token); nested != blue || err != nil {
			t.Errorf("while the old one stops its supervisor is %v, %v", nested, err)
		}
		if green.Path() != "root/sub" {
			t.Errorf("the path of the new one is %s", green.Path())
		}
		time.Sleep(2 * time.Second)
		if nested, err := s.Nested(token); nested != green || err != nil {
			t.Errorf("its supervisor is %v, %v", nested, err)
		}
		wantError(t, s.Restart(y, nil), nil)
		wantError(t, s.Replace(token, blue), nil) // back
		wantStates(t, s, "sub running")
		wantError(t, s.Restart(y, nil), tend.ErrWrongSupervisor)
	})
}

// TestReplaceByAndOfLatentServices: services without a goroutine have places like others.
func TestReplaceByAndOfLatentServices(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		a, b := newLatent(idle("a")), newLatent(idle("b"))
		token := s.Add(a)
		wantError(t, s.Replace(token, b), nil)
		wantStates(t, s, "a running")
		wantError(t, s.Replace(token, idle("c")), nil)
		wantStates(t, s, "a running")
		for _, l := range []*latentService{a, b} {
			l.mu.Lock()
			if n := len(l.stops); n != 1 || !l.stops[0].Leaves || !l.stops[0].Final {
				t.Errorf("%v was asked %+v", l, l.stops)
			}
			l.mu.Unlock()
		}
	})
}

// TestRemoveOfAReplacedWaitsForBoth: RemoveAndWait returns when nobody of the place runs.
func TestRemoveOfAReplacedWaitsForBoth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{})
		token := s.Add(slow("a", 3*time.Second))
		synctest.Wait()
		wantError(t, s.Replace(token, tend.Func("never", func(context.Context) error { panic("it runs") })), nil)
		if took := after(func() { wantError(t, s.RemoveAndWait(t.Context(), token), nil) }); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		wantStates(t, s, "")
		synctest.Wait()
		want := "1 started; 1 ended (" + tend.ErrReplaced.Error() + "), now pending; changed (" + tend.ErrRemoved.Error() + "), now gone"
		if got := toldOf(p.Events(), token); got != want {
			t.Errorf("told %q\nwant %q", got, want)
		}
		wantError(t, s.Restart(token, nil), tend.ErrRemoved)
	})
}

// TestReplaceOfAStuckOne: the tree is not alive, as one that is wanted waits for ever; what
// hangs is on the books.
func TestReplaceOfAStuckOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{Timeout: time.Second})
		token := s.Add(slow("a", time.Minute))
		synctest.Wait()
		wantError(t, s.Replace(token, idle("a")), nil)
		time.Sleep(2 * time.Second)
		wantStates(t, s, "a stuck")
		if err := s.Status().Alive(); err == nil || !strings.Contains(err.Error(), "root/a is stuck") {
			t.Error(err)
		}
		if books := s.UnstoppedServices(); len(books) != 1 || books[0].Token != token {
			t.Error(books)
		}
		time.Sleep(time.Minute)
		wantStates(t, s, "a running")
		wantError(t, s.Status().Alive(), nil)
	})
}

// TestReplaceBeforeAndAfter: a supervisor that is not served replaces, too.
func TestReplaceBeforeAndAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		token := s.Add(tend.Func("never", func(context.Context) error { panic("it runs") }))
		wantError(t, s.Replace(token, idle("a")), nil)
		for range 2 {
			done := s.ServeBackground(t.Context())
			wantStates(t, s, "never running")
			s.Stop()
			wantError(t, <-done, nil)
			wantError(t, s.Replace(token, idle("b")), nil)
			wantStates(t, s, "never pending")
		}
	})
}

// TestReplaceFromAHundredGoroutines: whoever is last stays, whatever else is asked, and
// never two run.
func TestReplaceFromAHundredGoroutines(t *testing.T) {
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	done := s.ServeBackground(t.Context())
	var mu sync.Mutex
	running := 0
	svc := tend.Func("a", func(ctx context.Context) error {
		mu.Lock()
		if running++; running > 1 {
			t.Error("two at once")
		}
		mu.Unlock()
		<-ctx.Done()
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	})
	token := s.Add(svc)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			for range 20 {
				wantError(t, s.Replace(token, svc), nil)
				switch i % 4 {
				case 0:
					wantError(t, s.Restart(token, nil), nil)
				case 1:
					_ = s.Status().String()
				}
			}
		})
	}
	all.Wait()
	wantError(t, s.Restart(token, nil), nil)
	wantError(t, s.WaitState(t.Context(), token, tend.StateRunning), nil)
	if status := s.Status(); len(status.Services) != 1 || len(s.Services()) != 1 {
		t.Error(status)
	}
	wantError(t, s.RemoveAndWait(t.Context(), token), nil)
	if err := s.Replace(token, svc); !errors.Is(err, tend.ErrRemoved) {
		t.Error(err)
	}
	s.Stop()
	wantError(t, <-done, nil)
}
