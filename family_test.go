package tend_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestASupervisorMoves: tokens, events, books and paths follow it from one tree to
// another, in both directions, before it is served there.
func TestASupervisorMoves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{Timeout: time.Second})
		o := ordered("o")
		tok := sub.Add(o)
		hangs := sub.Add(slow("hangs", time.Minute))
		a, fromA, _ := serve(t, tend.Spec{}, sub)
		b := tend.New("b", tend.Spec{EventHook: func(tend.Event) {}})
		fromB := tendtest.NewTape(t)
		c, _, _ := serve(t, tend.Spec{EventHook: fromB.Hook}, b)
		_ = sub.Remove(hangs)
		time.Sleep(2 * time.Second)
		if err := a.RemoveAndWait(t.Context(), a.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		wantError(t, a.Suspend(tok), tend.ErrWrongSupervisor)
		wantPath(t, sub, "sub")
		fromA.Lines()
		fromB.Lines()
		b.Add(sub)
		wantPath(t, sub, "root/b/sub")
		if err := c.Restart(tok, nil); err != nil { // already
			t.Error(err)
		}
		synctest.Wait()
		o.End(errBoom)
		if lines := grep(fromB, "root/b/sub/o service failed"); len(lines) != 1 {
			t.Errorf("the new root heard %q", lines)
		}
		if lines := fromA.Lines(); len(lines) != 0 {
			t.Errorf("the old root heard %q", lines)
		}
		// What hung when it was here is on the books here until it ends, and told here.
		if list := a.UnstoppedServices(); len(list) != 1 || list[0].Service != "hangs" || len(c.UnstoppedServices()) != 0 {
			t.Errorf("on the books: %v, and of the new root %v", list, c.UnstoppedServices())
		}
		time.Sleep(time.Minute)
		if lines := grep(fromA, "root/b/sub/hangs service ended"); len(lines) != 1 || len(a.UnstoppedServices()) != 0 {
			t.Errorf("%q, on the books %v", lines, a.UnstoppedServices())
		}
		// And back, below what it was beside.
		if err := b.RemoveAndWait(t.Context(), b.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		a.Add(sub)
		wantPath(t, sub, "root/sub")
		wantError(t, c.Suspend(tok), tend.ErrWrongSupervisor)
		if err := a.Suspend(tok); err != nil {
			t.Error(err)
		}
	})
}

// TestBooksOfTwoTrees: what hung in each is on the books there until it ends.
func TestBooksOfTwoTrees(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{Timeout: time.Second})
		first := sub.Add(slow("first", time.Minute))
		a, _, _ := serve(t, tend.Spec{}, sub)
		b, _, _ := serve(t, tend.Spec{})
		_ = sub.Remove(first)
		time.Sleep(2 * time.Second)
		if err := a.RemoveAndWait(t.Context(), a.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		second := sub.Add(slow("second", time.Hour))
		b.Add(sub)
		synctest.Wait()
		_ = sub.Remove(second)
		books := func(s *tend.Supervisor, want ...string) {
			t.Helper()
			var got []string
			for _, stuck := range s.UnstoppedServices() {
				got = append(got, stuck.Service)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("on the books of %s (-want +got):\n%s", s.Path(), diff)
			}
		}
		time.Sleep(2 * time.Second)
		books(a, "first")
		books(b, "second")
		books(sub, "first", "second")
		time.Sleep(time.Minute)
		books(a)
		books(b, "second")
		books(sub, "second")
		time.Sleep(time.Hour)
		books(b)
		books(sub)
	})
}

// TestBooksOfTwins: of two services of one name, the one that has ended is off the books.
func TestBooksOfTwins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{Timeout: time.Second}, slow("twin", time.Minute))
		longer := s.Add(slow("twin", time.Hour))
		for _, c := range s.Status().Services {
			_ = s.Remove(c.Token)
		}
		for _, want := range []int{2, 1} {
			time.Sleep(2 * time.Second)
			if list := s.UnstoppedServices(); len(list) != want || list[want-1].Token != longer {
				t.Errorf("on the books: %v", list)
			}
			time.Sleep(time.Minute)
		}
	})
}

func wantPath(t *testing.T, s *tend.Supervisor, want string) {
	t.Helper()
	if got := s.Path(); got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
}

// TestWhatWasAboveComesBelow: that is no circle once it has left.
func TestWhatWasAboveComesBelow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		quiet := tend.Spec{EventHook: func(tend.Event) {}}
		upper, lower := tend.New("upper", quiet), tend.New("lower", quiet)
		tok := upper.Add(lower)
		ctx, cancel := context.WithCancel(t.Context())
		done := upper.ServeBackground(ctx)
		synctest.Wait()
		_ = upper.RemoveAndWait(t.Context(), tok)
		cancel()
		<-done
		lower.Add(upper)
		wantPath(t, upper, "lower/upper")
		defer func() {
			if text := fmt.Sprint(recover()); !strings.Contains(text, `"lower" is being added below itself`) {
				t.Error(text)
			}
		}()
		upper.Add(lower)
	})
}

// TestACircleByServing: nor can one be made without Add.
func TestACircleByServing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		var root *tend.Supervisor
		sub.Add(tend.Child{Restart: tend.Temporary, Service: tend.Func("snake", func(ctx context.Context) error { return root.Serve(ctx) })})
		root, p, done := serve(t, tend.Spec{})
		root.Stop()
		<-done
		root.Add(sub)
		p.Lines()
		root.ServeBackground(t.Context())
		if lines := grep(p, "root/sub/snake service ended"); len(lines) != 1 || !strings.Contains(lines[0], "already being served") && !strings.Contains(lines[0], "below itself") {
			t.Errorf("%q", lines)
		}
		_ = root.Status() // and nothing hangs
	})
}

// TestAServeThatPanicsIsUndone: below itself, or with a clock that fails. It can be served as it
// should, and answers meanwhile.
func TestAServeThatPanicsIsUndone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var kept context.Context
		root, _, done := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			kept = context.WithoutCancel(ctx)
			<-ctx.Done()
			return nil
		}))
		root.Stop()
		<-done
		wantPanic(t, "below itself", func() { root.ServeBackground(kept) })
		wantServable(t, root, "root")
		clock := &failingClock{AbstractTime: abtime.NewRealTime()}
		timed := tend.New("timed", tend.Spec{Clock: clock, EventHook: func(tend.Event) {}})
		timed.Add(tendtest.Idle("a"))
		tend.New("p", tend.Spec{}).Add(timed)
		waited := make(chan error, 1)
		clock.fails = func() {
			clock.fails = nil
			go func() { waited <- timed.WaitReady(t.Context()) }()
			synctest.Wait()
			panic("the clock")
		}
		wantPanic(t, "the clock", func() { timed.ServeBackground(t.Context()) })
		if err := <-waited; !errors.Is(err, tend.ErrStopped) {
			t.Errorf("who waited for it is told %v", err)
		}
		wantServable(t, timed, "p/timed")
	})
}

// wantServable: s is not served, answers, and can be served.
func wantServable(t *testing.T, s *tend.Supervisor, path string) {
	t.Helper()
	if status := s.Status(); status.Serving {
		t.Error("it is served")
	}
	wantPath(t, s, path)
	s.Stop()
	ready := make(chan error, 1)
	go func() { ready <- s.WaitReady(t.Context()) }()
	synctest.Wait()
	if len(ready) > 0 {
		t.Error("who waits for it to be served does not")
	}
	result := s.ServeBackground(t.Context())
	if err := <-ready; err != nil {
		t.Error(err)
	}
	s.Stop()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// failingClock is one that may panic.
type failingClock struct {
	abtime.AbstractTime
	fails func() // nil: it does not
}

func (c *failingClock) Now() time.Time {
	if c.fails != nil {
		c.fails()
	}
	return c.AbstractTime.Now()
}

// TestWhoLeavesWhileItIsServedElsewhere is below nobody when that is over.
func TestWhoLeavesWhileItIsServedElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, s := tend.New("p", tend.Spec{}), tend.New("s", tend.Spec{EventHook: func(tend.Event) {}})
		tok := p.Add(s)
		result := s.ServeBackground(t.Context())
		synctest.Wait()
		wantPath(t, s, "s")
		if err := p.Replace(tok, tendtest.Idle("other")); err != nil {
			t.Fatal(err)
		}
		wantPath(t, s, "s")
		q := tend.New("q", tend.Spec{})
		tok = q.Add(s) // it is free
		wantPath(t, s, "q/s")
		_ = q.Remove(tok)
		wantPath(t, s, "s")
		tok = q.Add(s)
		s.Stop()
		<-result
		wantPath(t, s, "q/s")
		_ = q.Remove(tok)
		wantPath(t, s, "s")
		// By an undeclared service of another tree, and removed.
		below := tend.New("below", tend.Spec{})
		tok = q.Add(below)
		root, _, done := serve(t, tend.Spec{}, tend.Func("wrapper", below.Serve))
		wantPath(t, below, "root/wrapper/below")
		if err := q.Remove(tok); err != nil {
			t.Fatal(err)
		}
		wantPath(t, below, "root/wrapper/below")
		root.Stop()
		<-done
		wantPath(t, below, "below")
	})
}

// TestACircleByAdding to what a service serves that has not declared it.
func TestACircleByAdding(t *testing.T) {
	bubble(t, func(t *testing.T) {
		inner := tend.New("inner", tend.Spec{})
		root, _, _ := serve(t, tend.Spec{}, tend.Func("wrapper", inner.Serve))
		wantPath(t, inner, "root/wrapper/inner")
		wantPanic(t, `supervisor "root" is being added below itself`, func() { inner.Add(root) })
		wantStates(t, inner, "")
	})
}

// TestDeclaredWrappers: a service that serves a supervisor and says so is starting
// until that is ready, so order and readiness wait for it; one that does not say so is
// a service like any other.
func TestDeclaredWrappers(t *testing.T) {
	for _, says := range []bool{true, false} {
		t.Run(fmt.Sprint("declares ", says), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				sub := tend.New("sub", tend.Spec{})
				sub.Add(tend.Child{ReadyTimeout: time.Minute, Service: tend.Func("leaf", func(ctx context.Context) error {
					time.Sleep(5 * time.Second)
					tend.Ready(ctx)
					<-ctx.Done()
					return nil
				})})
				svc := tend.Func("wrapper", func(ctx context.Context) error {
					time.Sleep(time.Second)
					return sub.Serve(ctx)
				})
				if says {
					svc = declared{svc, sub}
				}
				s, p, _ := serve(t, tend.Spec{Ordered: true}, svc, idle("next"))
				took := after(func() { _ = s.WaitReady(t.Context()) })
				next := grep(p, "root/next service started")
				want, wantNext, path := 6*time.Second, "6s root/next service started", "root/wrapper"
				if !says {
					want, wantNext, path = 0, "0s root/next service started", "root/wrapper/sub"
				}
				time.Sleep(10 * time.Second)
				if took != want || len(next) != 1 || next[0] != wantNext {
					t.Errorf("ready after %v, want %v; %q", took, want, next)
				}
				wantPath(t, sub, path)
				if s.Status().Services[0].Supervisor == nil {
					t.Error("the status does not show it")
				}
			})
		})
	}
}

// TestBeforeItIsServedToo a supervisor is where it was added: that is the path in its
// events, and the clock that gives them their time.
func TestBeforeItIsServedToo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManualAtTime(time.Unix(1e9, 0))
		p := tendtest.NewTape(t, clock.Now())
		root := tend.New("root", tend.Spec{Clock: clock, EventHook: p.Hook})
		deep := tend.New("deep", tend.Spec{})
		_ = deep.Suspend(deep.Add(idle("a")))
		sub := tend.New("sub", tend.Spec{})
		tok := sub.Add(deep)
		at := root.Add(sub)
		_ = deep.Suspend(deep.Add(idle("b")))
		p.Want("0s root/sub/deep/b service changed cause=ErrSuspended next=suspended")
		_ = root.Remove(at)
		_ = sub.Remove(tok)
		p.Want("0s root/sub service changed cause=ErrRemoved next=gone")
		root.Add(deep)
		_ = deep.Suspend(deep.Add(idle("c")))
		p.Want("0s root/deep/c service changed cause=ErrSuspended next=suspended")
	})
}

// TestWhoIsRefusedHasAPath, below a supervisor that is not served and has moved.
func TestWhoIsRefusedHasAPath(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tape := tendtest.NewTape(t)
		root, sub := tend.New("root", tend.Spec{EventHook: tape.Hook}), tend.New("sub", tend.Spec{MaxServices: 1})
		sub.Add(ordered("a"))
		root.Add(sub)
		sub.Add(ordered("b"))
		synctest.Wait()
		tape.Want("0s root/sub/b service refused limit=1")
	})
}

// TestOneNameOnceInAPath: also of a supervisor that a service serves without saying so.
func TestOneNameOnceInAPath(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for service, want := range map[string]string{"db": "root/db", "store": "root/store/db"} {
			sub := tend.New("db", tend.Spec{})
			s, _, done := serve(t, tend.Spec{}, tend.Func(service, sub.Serve))
			synctest.Wait()
			wantPath(t, sub, want)
			if st := s.Status().Services[0]; st.Path != "root/"+service || st.Supervisor.Path != want {
				t.Errorf("status: %s, and below %s", st.Path, st.Supervisor.Path)
			}
			s.Stop()
			<-done
			wantPath(t, sub, "db") // it was there as long as it was served
		}
	})
}
