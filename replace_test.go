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

// fixed is a service that is not to be replaced.
type fixed struct {
	tend.Service
	says error
}

func (f *fixed) MayReplace() error { return f.says }

// TestReplaceAsksTheOld: the one that has the place may refuse, and then nothing is changed.
func TestReplaceAsksTheOld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{})
		old := &fixed{idle("a"), errBoom}
		token := s.Add(tend.Child{Service: &tend.Child{Service: old}, Name: "a"})
		synctest.Wait()
		below := tend.New("below", tend.Spec{})
		for range 2 {
			wantError(t, s.Replace(token, below), errBoom)
			wantError(t, s.ReplaceWhenReady(t.Context(), token, handover("b", 0, 0)), errBoom)
			synctest.Wait()
		}
		if got := toldOf(p.Events(), token); got != "1 started" {
			t.Error(got)
		}
		old.says = nil
		wantError(t, s.Replace(token, below), nil)
		synctest.Wait()
		wantStates(t, s, "a running")
		wantError(t, s.Replace(token, &fixed{idle("c"), errBoom}), nil)
		wantError(t, s.Replace(token, idle("d")), errBoom)
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

// handover is a service that is ready after some time and returns some time after it is asked.
func handover(name string, ready, stop time.Duration) tend.Child {
	return tend.Child{ReadyTimeout: 10 * time.Second, Service: tend.Func(name, func(ctx context.Context) error {
		if !wait(ctx, ready) {
			tend.Ready(ctx)
		}
		<-ctx.Done()
		time.Sleep(stop)
		return nil
	})}
}

// TestReplaceWhenReadyLeavesNoGap: the old one runs until the new one is ready, and the status
// tells of both; who asked is answered then.
func TestReplaceWhenReadyLeavesNoGap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{})
		token := s.Add(slow("a", 2*time.Second))
		synctest.Wait()
		begin := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.ReplaceWhenReady(t.Context(), token, handover("b", 3*time.Second, 0)) }()
		beside := func(state tend.State, began time.Duration, run uint64, text string) {
			t.Helper()
			synctest.Wait()
			status := s.Status()
			if c := status.Services[0]; len(status.Services) != 1 || c.State != tend.StateRunning || c.Beside.State != state ||
				!c.Beside.Since.Equal(begin.Add(began)) || c.Beside.Incarnation != run || !strings.Contains(status.String(), text) {
				t.Errorf("status is\n%v", status)
			}
			wantError(t, status.Ready(), nil)
		}
		beside(tend.StateStarting, 0, 2, "beside it run 2 is starting for 0s")
		time.Sleep(3 * time.Second)
		wantError(t, <-done, nil)
		beside(tend.StateStopping, 3*time.Second, 1, "beside it run 1 is stopping for 0s")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c := s.Status().Services[0]; c.Beside != (tend.Beside{}) || c.Incarnation != 2 || c.Token != token {
			t.Errorf("%+v", c)
		}
		want := "1 started; 2 started; 2 ready; 1 ended (" + tend.ErrReplaced.Error() + "), now running"
		if got := toldOf(p.Events(), token); got != want {
			t.Errorf("told %q\nwant %q", got, want)
		}
	})
}

// TestReplaceWhenNotReady: the old one stays, and the error is in its history.
func TestReplaceWhenNotReady(t *testing.T) {
	for name, c := range map[string]struct {
		svc  tend.Service
		want error
		took time.Duration
	}{
		"too late": {handover("b", time.Hour, time.Second), tend.ErrNotReady, 11 * time.Second},
		"fails":    {tend.Child{Service: failing("b"), ReadyTimeout: time.Second, Restart: tend.Temporary}, errBoom, 0},
		"tree": {
			tend.Child{Service: ending(tend.ErrTerminateTree), ReadyTimeout: time.Second, Significant: true},
			tend.ErrTerminateTree, 0,
		},
		"ends": {tend.Child{Service: ending(nil), ReadyTimeout: time.Second}, tend.ErrNotReady, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, _, _ := serve(t, tend.Spec{})
				token := s.Add(idle("a"))
				synctest.Wait()
				if took := after(func() { wantError(t, s.ReplaceWhenReady(t.Context(), token, c.svc), c.want) }); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				status, err := s.ServiceStatus(token)
				if err != nil || status.State != tend.StateRunning || status.Incarnation != 1 || s.Status().Count != 0 {
					t.Errorf("%v, %+v", err, status)
				}
				if kept := len(status.Failures); (kept == 1) != (name == "too late" || name == "fails") {
					t.Errorf("in the history are %v", status.Failures)
				}
			})
		})
	}
}

// ending ends at once.
func ending(err error) tend.Service {
	return tend.Func("ends", func(context.Context) error { return err })
}

// TestReplaceWhenReadyRefuses: as Replace, and what cannot say that it is ready.
func TestReplaceWhenReadyRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		token, gone := s.Add(idle("a")), s.Add(idle("gone"))
		wantError(t, s.RemoveAndWait(t.Context(), gone), nil)
		wantError(t, s.ReplaceWhenReady(t.Context(), gone, handover("b", 0, 0)), tend.ErrRemoved)
		wantError(t, s.ReplaceWhenReady(t.Context(), tend.ServiceToken{}, handover("b", 0, 0)), tend.ErrWrongSupervisor)
		wantError(t, s.ReplaceWhenReady(canceled(), token, handover("b", 0, 0)), errBoom)
		wantError(t, s.ReplaceWhenReady(within(t, time.Second), token, handover("b", 5*time.Second, 0)), context.DeadlineExceeded)
		time.Sleep(5 * time.Second) // it went on
		synctest.Wait()
		if status, _ := s.ServiceStatus(token); status.Incarnation != 2 {
			t.Errorf("%+v", status)
		}
		for _, svc := range []tend.Service{nil, idle("b"), tend.Child{Service: idle("b")}, (*tend.Child)(nil)} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("ReplaceWhenReady with %v does not panic", svc)
					}
				}()
				_ = s.ReplaceWhenReady(t.Context(), token, svc)
			}()
		}
	})
}

// TestReplaceWhenReadyOfOthers: of a nested supervisor and of a latent service, by each other.
func TestReplaceWhenReadyOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		sub := func(d time.Duration) *tend.Supervisor {
			below := tend.New("sub", tend.Spec{})
			below.Add(handover("x", d, time.Second))
			return below
		}
		blue, green := sub(0), sub(2*time.Second)
		token := s.Add(blue)
		synctest.Wait()
		for _, c := range []struct {
			by   tend.Service
			took time.Duration
		}{{green, 2 * time.Second}, {newLatent(handover("l", time.Second, 0).Service), time.Second}, {blue, 0}} {
			took := after(func() {
				wantError(t, s.ReplaceWhenReady(t.Context(), token, tend.Child{Service: c.by, ReadyTimeout: time.Minute}), nil)
			})
			if took != c.took {
				t.Errorf("by %v it took %v", c.by, took)
			}
			time.Sleep(time.Minute)
		}
		if nested, err := s.Nested(token); nested != blue || err != nil {
			t.Errorf("in the end there is %v, %v", nested, err)
		}
	})
}

// TestReplaceWhenReadyFromAHundredGoroutines: never three, each is answered, and in the end
// one runs.
func TestReplaceWhenReadyFromAHundredGoroutines(t *testing.T) {
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	done := s.ServeBackground(t.Context())
	var mu sync.Mutex
	running := 0
	svc := tend.Child{ReadyTimeout: time.Minute, Service: tend.Func("a", func(ctx context.Context) error {
		mu.Lock()
		if running++; running > 2 {
			t.Errorf("%d at once", running)
		}
		mu.Unlock()
		tend.Ready(ctx)
		<-ctx.Done()
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	})}
	token := s.Add(svc)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			for range 10 {
				var err error
				switch i % 5 {
				case 0:
					err = s.Replace(token, svc)
				case 1:
					err = s.Restart(token, nil)
				default:
					err = s.ReplaceWhenReady(t.Context(), token, svc)
				}
				if err != nil && !errors.Is(err, tend.ErrReplaced) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	wantError(t, s.WaitState(t.Context(), token, tend.StateRunning), nil)
	wantError(t, s.RemoveAndWait(t.Context(), token), nil)
	if running != 0 {
		t.Errorf("%d run", running)
	}
	s.Stop()
	wantError(t, <-done, nil)
}
