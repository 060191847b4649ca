package tend_test

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/stopped"
	"github.com/tend-go/tend/tendtest"
)

// TestCauses: a service learns why it is being stopped.
func TestCauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		causes := map[string]error{}
		tells := func(name string) tend.Service {
			return tend.Func(name, func(ctx context.Context) error {
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				causes[name] = context.Cause(ctx)
				return nil
			})
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		group := tend.New("group", tend.Spec{Strategy: tend.OneForAll, EventHook: func(tend.Event) {}})
		victim := ordered("victim")
		sibling := group.Add(tells("sibling"))
		group.Add(victim)
		s.Add(group)
		removed, suspended := s.Add(tells("removed")), s.Add(tells("suspended"))
		requested, blamed := s.Add(tells("requested")), s.Add(tells("blamed"))
		s.Add(tend.Child{Service: tells("silent"), Watchdog: time.Second, Restart: tend.Temporary})
		s.Add(tend.Child{Service: tells("unready"), ReadyTimeout: time.Second, Restart: tend.Temporary})
		done := s.ServeBackground(context.WithValue(ctx, errBoom, "value"))
		synctest.Wait()
		_, _ = s.Remove(removed), s.Suspend(suspended)
		_, _ = s.Restart(requested, nil), s.Restart(blamed, errBoom)
		victim.End(errBoom)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		mu.Lock()
		got := causes
		causes = map[string]error{}
		mu.Unlock()
		want := map[string]error{
			"removed": tend.ErrRemoved, "suspended": tend.ErrSuspended, "requested": tend.ErrRestartRequested, "blamed": errBoom,
			"sibling": tend.ErrSiblingFailed, "silent": tend.ErrUnresponsive, "unready": tend.ErrNotReady,
		}
		same := cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Error(diff)
		}
		cancel(errors.New("signal"))
		err := <-done
		if !errors.Is(err, context.Canceled) || !errors.Is(err, context.Cause(ctx)) || err.Error() != "context canceled: signal" {
			t.Errorf("Serve returned %v", err)
		}
		for name, cause := range causes {
			if !errors.Is(cause, context.Cause(ctx)) {
				t.Errorf("%s was stopped because %v", name, cause)
			}
		}
		_ = sibling
	})
}

// TestContextOfAService: values, labels and the deadline come from Serve's context, its
// end does not.
func TestContextOfAService(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		above, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), time.Hour)
		defer cancel()
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		sub := tend.New("sub", tend.Spec{NoLabels: true})
		tok := s.Add(tend.Func("a", func(ctx context.Context) error {
			service, _ := pprof.Label(ctx, "tend.service")
			self, _ := tend.Self(ctx)
			if ctx.Value(key{}) != "value" || service != "root/a"+self.Token.String() {
				t.Errorf("value %v, label %q", ctx.Value(key{}), service)
			}
			by, limited := ctx.Deadline()
			if want, _ := above.Deadline(); !limited || !by.Equal(want) {
				t.Errorf("deadline %v %v, Serve's is %v", by, limited, want)
			}
			<-ctx.Done()
			return nil
		}))
		noLabels := tend.Func("b", func(ctx context.Context) error {
			if service, _ := pprof.Label(ctx, "tend.service"); !strings.HasPrefix(service, "root/sub#") {
				t.Errorf("without labels of its own it has %q", service)
			}
			<-ctx.Done()
			return nil
		})
		sub.Add(noLabels)
		sub.Add(tend.Child{Service: noLabels, Watchdog: time.Hour})
		s.Add(sub)
		nested := tend.New("nested", tend.Spec{})
		nested.Add(tend.Func("c", func(ctx context.Context) error {
			if service, _ := pprof.Label(ctx, "tend.service"); !strings.HasPrefix(service, "root/nested/c#") {
				t.Errorf("further below it has %q", service)
			}
			<-ctx.Done()
			return nil
		}))
		s.Add(nested)
		done := s.ServeBackground(above)
		synctest.Wait()
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Error(err)
		}
		wantError(t, <-done, context.DeadlineExceeded)
	})
}

// TestServedAgainBeforeServeHasReturned: that is a time of its own, with a stop of its own.
func TestServedAgainBeforeServeHasReturned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		again := make(chan (<-chan error), 1)
		var once sync.Once
		s = tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
			if _, is := e.(tend.SupervisorStopped); is { // Serve waits for this hook
				once.Do(func() { again <- s.ServeBackground(t.Context()) })
			}
		}})
		s.Add(idle("a"))
		done := s.ServeBackground(t.Context())
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		s.Stop()
		synctest.Wait()
		select {
		case err := <-<-again:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("Stop did not wait for the end of the second time")
		}
		wantStates(t, s, "a pending")
	})
}

// TestOneTimeoutBoundsAll: a stop in no order takes as long as the slowest.
func TestOneTimeoutBoundsAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, done := serve(t, tend.Spec{NoLabels: true}, slow("a", 3*time.Second), slow("b", 9*time.Second), slow("c", 11*time.Second),
			tend.Child{Service: slow("d", 11*time.Second), Timeout: 2 * time.Second})
		p.Lines()
		if d := after(s.Stop); d != 10*time.Second {
			t.Errorf("Stop took %v", d)
		}
		<-done
		if diff := cmp.Diff([]string{
			"2s root/d service stuck cause=ErrStopped waited=2s",
			"10s root/c service stuck cause=ErrStopped waited=10s",
		}, p.Lines(tend.ServiceStuck{}.Kind())); diff != "" {
			t.Error(diff)
		}
		for _, u := range s.UnstoppedServices() {
			if u.Stacks != "tend: no stacks: Spec.NoLabels is set" || u.Cause.Err != tend.ErrStopped || u.Waited == 0 {
				t.Errorf("%+v", u)
			}
		}
	})
}

// TestStopWithinOverLevels: the leaf that hangs is named before the levels above
// it give up, each of which keeps a twentieth.
func TestStopWithinOverLevels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const budget = 160 * time.Second
		var below tend.Service = slow("leaf", time.Hour)
		for level := 3; level > 0; level-- {
			sub := tend.New(fmt.Sprint("l", level), tend.Spec{Timeout: time.Hour, Ordered: level == 2})
			sub.Add(idle("first"))
			sub.Add(below)
			below = sub
		}
		s, p, done := serve(t, tend.Spec{StopWithin: budget, Timeout: time.Hour}, below)
		p.Lines()
		took := after(s.Stop)
		<-done
		leaf := time.Duration(float64(budget) * 0.95 * 0.95 * 0.95 * 0.95)
		if took != leaf {
			t.Errorf("Stop took %v, want %v", took, leaf)
		}
		if diff := cmp.Diff([]string{fmt.Sprintf("%v root/l1/l2/l3/leaf service stuck cause=ErrStopped waited=%v", leaf, leaf)}, p.Lines(tend.ServiceStuck{}.Kind())); diff != "" {
			t.Error(diff)
		}
	})
}

// TestStopWithinReachesARunningStop: a supervisor that is already stopping hurries
// when the one above stops.
func TestStopWithinReachesARunningStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bad := ordered("bad")
		sub := tend.New("sub", tend.Spec{Escalate: true, FailureThreshold: 0.5, Timeout: time.Hour})
		sub.Add(slow("leaf", 2*time.Hour))
		sub.Add(bad)
		s, _, done := serve(t, tend.Spec{StopWithin: 10 * time.Second}, sub)
		bad.End(errBoom)
		wantStates(t, sub, "leaf stopping, bad pending")
		if d := after(s.Stop); d != 9025*time.Millisecond { // 10s, less a twentieth, twice
			t.Errorf("Stop took %v", d)
		}
		<-done
		wantStates(t, sub, "leaf stuck, bad pending")
	})
}

// TestStopWithinReachesABranchThatIsRemoved: what is being stopped without a limit has one
// from then on, at every level.
func TestStopWithinReachesABranchThatIsRemoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, mid := tend.New("sub", tend.Spec{Timeout: time.Hour}), tend.New("mid", tend.Spec{})
		sub.Add(slow("leaf", 2*time.Hour))
		mid.Add(sub)
		s, _, done := serve(t, tend.Spec{StopWithin: 10 * time.Second})
		tok := s.Add(mid)
		synctest.Wait()
		_ = s.Remove(tok)
		time.Sleep(time.Minute)
		if d := after(s.Stop); d != 8573750*time.Microsecond { // 10s, less a twentieth, three times
			t.Errorf("Stop took %v", d)
		}
		<-done
		wantStates(t, sub, "leaf stuck")
	})
}

// TestABranchIsToldWhyItStops: that it is removed, although all are being stopped and its
// turn would come.
func TestABranchIsToldWhyItStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		s, p, done := serve(t, tend.Spec{Ordered: true})
		tok := s.Add(sub)
		s.Add(slow("last", time.Second))
		synctest.Wait()
		p.Lines()
		go s.Stop()
		synctest.Wait()
		_ = s.Remove(tok)
		<-done
		if got := grep(p, "root/sub supervisor stopping"); len(got) != 1 || got[0] != "0s root/sub supervisor stopping cause=ErrRemoved" {
			t.Errorf("%q", got)
		}
	})
}

// TestASupervisorThatGivesUpOnItsWayUp has not been ready.
func TestASupervisorThatGivesUpOnItsWayUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{Escalate: true, FailureThreshold: 0.5})
		sub.Add(tend.Child{ReadyTimeout: time.Hour, Service: slow("a", 0)})
		bad := ordered("bad")
		sub.Add(bad)
		_, p, _ := serve(t, tend.Spec{}, sub)
		p.Lines()
		bad.End(errBoom)
		synctest.Wait()
		lines := strings.Join(p.Lines(), "\n")
		if strings.Count(lines, "root/sub service failed") != 1 || strings.Contains(lines, "root/sub service ready") {
			t.Error(lines)
		}
	})
}

// TestTheShortestTimes: a service can be ready in one, and is seen to be silent in one.
func TestTheShortestTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{FailureThreshold: 0.5}, tend.Child{ReadyTimeout: 1, Service: tend.Func("a", func(ctx context.Context) error {
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})}, tend.Child{Watchdog: 1, Service: idle("b")})
		wantStates(t, s, "a running, b running")
		time.Sleep(2 * time.Nanosecond) // a timer that comes in time is late by half of nothing, and spares it once
		wantStates(t, s, "a running, b backoff")
		if got := grep(p, "root/b service unresponsive"); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

// TestTimeoutOfASubtree: a Timeout on a nested supervisor bounds all of it.
func TestTimeoutOfASubtree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(slow("leaf", time.Hour))
		s, p, _ := serve(t, tend.Spec{})
		tok := s.Add(tend.Child{Service: sub, Timeout: 4 * time.Second})
		synctest.Wait()
		p.Lines()
		// 4s, less a twentieth for s and a twentieth of the rest for sub.
		if d := after(func() { _ = s.RemoveAndWait(t.Context(), tok) }); d != 3610*time.Millisecond {
			t.Errorf("RemoveAndWait took %v", d)
		}
		// What hangs below is still on the books, although its branch is gone.
		if list := s.UnstoppedServices(); len(list) != 1 || list[0].Path() != "root/sub/leaf" {
			t.Errorf("unstopped: %+v", list)
		}
	})
}

// TestWrapperHangsAfterItsSupervisor: once the nested supervisor has returned the
// service that served it is a service like any other.
func TestWrapperHangsAfterItsSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(slow("leaf", 30*time.Second))
		s, p, done := serve(t, tend.Spec{}, declared{tend.Func("wrapper", func(ctx context.Context) error {
			err := sub.Serve(ctx)
			time.Sleep(time.Hour)
			return err
		}), sub})
		p.Lines()
		if d := after(s.Stop); d != 20*time.Second {
			t.Errorf("Stop took %v", d)
		}
		<-done
		if diff := cmp.Diff([]string{
			"10s root/wrapper/leaf service stuck cause=ErrStopped waited=10s",
			"20s root/wrapper service stuck cause=ErrStopped waited=20s",
		}, p.Lines(tend.ServiceStuck{}.Kind())); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTermination: up to the supervisor that keeps it.
func TestTermination(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("o")
		inner := tend.New("inner", tend.Spec{})
		inner.Add(o)
		outer := tend.New("outer", tend.Spec{KeepTermination: true})
		outer.Add(inner)
		s, p, done := serve(t, tend.Spec{}, outer, idle("other"))
		p.Lines()
		o.End(fmt.Errorf("disk is full: %w", tend.ErrTerminateTree))
		if ends := grep(p, "root/outer service ended"); len(ends) != 1 || !strings.Contains(ends[0], "next=gone") {
			t.Errorf("ends of outer: %q", ends)
		}
		wantStates(t, s, "other running") // outer has left
		s.Add(failingWith("fatal", tend.ErrTerminateTree))
		if err := <-done; !errors.Is(err, tend.ErrTerminateTree) {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func failingWith(name string, err error) tend.Service {
	return tend.Func(name, func(context.Context) error { return err })
}

// TestSignificantEnds are told by what Serve returns.
func TestSignificantEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, c := range []struct {
			end, want error
		}{{nil, tend.ErrDoNotRestart}, {errBoom, errBoom}} {
			o := ordered("o")
			s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
			s.Add(tend.Child{Service: o, Restart: tend.Temporary, Significant: true})
			s.Add(idle("other"))
			done := s.ServeBackground(t.Context())
			o.End(c.end)
			wantError(t, <-done, c.want)
		}
	})
}

// TestStopOfWhatIsStoppedByItself: a supervisor below that somebody stops comes back, one
// that is suspended or removed does not.
func TestStopOfANestedSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(idle("a"))
		s, p, _ := serve(t, tend.Spec{}, sub)
		tok := s.Status().Services[0].Token
		sub.Stop()
		if lines := grep(p, "root/sub service failed"); len(lines) != 1 || !strings.Contains(lines[0], `err="returned nil; it is Permanent, and a job that ends is Transient"`) {
			t.Errorf("failures of sub: %q", lines)
		}
		wantStates(t, sub, "a running")
		_ = s.Suspend(tok)
		wantStates(t, s, "sub suspended")
		wantStates(t, sub, "a pending")
		_ = s.Restart(tok, nil)
		wantStates(t, sub, "a running")
	})
}

// TestWaitReady is hierarchical, and lasts over what happens later.
func TestWaitReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		up := make(chan struct{})
		sub := tend.New("sub", tend.Spec{})
		sub.Add(tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("a", func(ctx context.Context) error {
			<-up
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})})
		o := ordered("o")
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, FailureThreshold: 0.5})
		s.Add(sub)
		s.Add(o)
		results := make(chan error, 2)
		go func() { results <- s.WaitReady(t.Context()) }() // before it is served
		synctest.Wait()
		done := s.ServeBackground(t.Context())
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBoom)
		defer cancel()
		wantError(t, s.WaitReady(ctx), errBoom)
		close(up)
		if err := <-results; err != nil {
			t.Error(err)
		}
		o.End(errBoom) // pauses
		if err := s.WaitReady(t.Context()); err != nil || !s.Status().Started {
			t.Error("ready no more:", err)
		}
		s.Stop()
		<-done
		// Again: not before all run once more, and not if it stops first.
		up = make(chan struct{})
		s.ServeBackground(t.Context())
		go func() { results <- s.WaitReady(t.Context()) }()
		synctest.Wait()
		if s.Status().Started {
			t.Error("ready too early")
		}
		s.Stop()
		wantError(t, <-results, tend.ErrStopped)
		close(up)
	})
}

// TestMergedChild: what the outer Child leaves zero, the inner one gives.
func TestMergedChild(t *testing.T) {
	bubble(t, func(t *testing.T) {
		inner := tend.Child{Service: failing("f"), Restart: tend.Temporary, Limit: tend.Limit{N: 3}, Name: "inner"}
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(tend.Child{Service: &inner, Name: "outer"})
		s.Add(inner)
		if got := s.Status().Services; got[0].Name != "outer" || got[0].Restart != tend.Temporary || got[0].Limit.N != 3 || got[1].Name != "inner" {
			t.Errorf("%+v", got)
		}
		if list := s.Services(); len(list) != 2 || list[1].(tend.Child).Name != "inner" {
			t.Errorf("services %v", list)
		}
	})
}

// TestTook: ends tell how long they took, from when the service was asked to stop or
// its Serve had returned.
func TestTook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		helped := tend.Func("helped", func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { time.Sleep(2 * time.Second); return nil })
			return tend.ErrDoNotRestart
		})
		alone := tend.Func("alone", func(context.Context) error { return tend.ErrDoNotRestart })
		s, p, _ := serve(t, tend.Spec{Ordered: true}, slow("first", 3*time.Second), slow("second", 4*time.Second), helped, alone)
		stuck := s.Add(tend.Child{Service: slow("stuck", 6*time.Second), Timeout: time.Second})
		time.Sleep(time.Minute)
		if err := s.Remove(stuck); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		s.Stop()
		synctest.Wait()
		got := map[string]time.Duration{}
		for _, e := range p.Events() {
			switch e := e.(type) {
			case tend.ServiceEnded:
				got[e.Service] = e.Took
			case tend.SupervisorStopped:
				got["root"] = e.Took
			}
		}
		want := map[string]time.Duration{
			"alone": 0, "helped": 2 * time.Second, "stuck": 6 * time.Second,
			"first": 3 * time.Second, "second": 4 * time.Second, "root": 7 * time.Second,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestChildWith: a wrapper goes where the service is, below the settings.
func TestChildWith(t *testing.T) {
	inner := &tend.Child{Service: idle("deep"), Timeout: time.Second, Limit: tend.Limit{N: 3}}
	c := tend.Child{Service: inner, Name: "outer"}.With(func(svc tend.Service) tend.Service {
		if fmt.Sprint(svc) != "deep" {
			t.Errorf("it wraps %v", svc)
		}
		return idle("wrapped")
	})
	if fmt.Sprint(c.Service) != "wrapped" || c.Name != "outer" || c.Timeout != time.Second || c.Limit.N != 3 {
		t.Errorf("%+v", c)
	}
	if fmt.Sprint(inner.Service) != "deep" {
		t.Error("the Child that it was made of has changed")
	}
}

// TestAnOrderlyStopMakesNoFailures: services at any depth that watch the program's
// context, or use what a service above closes when it stops, end when the stop begins
// and not when their turn comes. None of that is a failure, and nothing runs anew on
// what is closed.
func TestAnOrderlyStopMakesNoFailures(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		for depth := range 4 {
			t.Run(fmt.Sprint("ordered ", ordered, ", depth ", depth), func(t *testing.T) {
				for range 20 {
					bubble(t, func(t *testing.T) {
						program, end := context.WithCancelCause(t.Context())
						closed := make(chan struct{})
						watches := func(name string, c <-chan struct{}) tend.Service {
							runs := 0
							return tend.Func(name, func(ctx context.Context) error {
								if runs++; runs > 1 {
									t.Errorf("%s runs again", name)
								}
								select {
								case <-c:
									if why := context.Cause(program); why != nil {
										return why
									}
									return errBoom
								case <-ctx.Done():
									return nil
								}
							})
						}
						p := tendtest.NewTape(t)
						root := tend.New("root", tend.Spec{Ordered: ordered, EventHook: p.Hook, FailureThreshold: 0.5})
						at := root
						for i := range depth {
							sub := tend.New(fmt.Sprint("l", i), tend.Spec{Ordered: ordered, FailureThreshold: 0.5})
							at.Add(sub)
							at = sub
						}
						for i := range 3 {
							at.Add(watches(fmt.Sprint("program", i), program.Done()))
							at.Add(watches(fmt.Sprint("resource", i), closed))
						}
						root.Add(tend.Func("resource", func(ctx context.Context) error {
							<-ctx.Done()
							close(closed)
							time.Sleep(time.Second) // time enough for failures, if there are to be some
							return nil
						}))
						done := root.ServeBackground(program)
						synctest.Wait()
						end(errors.New("signal"))
						if err := <-done; !errors.Is(err, context.Canceled) {
							t.Errorf("Serve returned %v", err)
						}
						for _, kind := range []tend.Kind{tend.ServiceFailed{}.Kind(), tend.PauseBegan{}.Kind(), tend.Escalated{}.Kind()} {
							for _, e := range p.Events() {
								if e.Kind() == kind {
									t.Error(e)
								}
							}
						}
						for _, e := range p.Events() {
							if e, is := e.(tend.SupervisorStopped); is && e.Cause.Text != "signal" {
								t.Errorf("%v", e)
							}
							if e, is := e.(tend.ServiceEnded); is && e.Unclean { // it knows why from above
								t.Errorf("unclean: %v", e)
							}
						}
					})
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// TestNothingIsStartedInAStopAbove: neither what waits for its turn, nor what is added or asked for.
func TestNothingIsStartedInAStopAbove(t *testing.T) {
	for name, asks := range map[string]func(sub *tend.Supervisor, down tend.ServiceToken, readies chan<- struct{}){
		"ready": func(_ *tend.Supervisor, _ tend.ServiceToken, readies chan<- struct{}) { close(readies) },
		"add": func(sub *tend.Supervisor, _ tend.ServiceToken, readies chan<- struct{}) {
			sub.Add(idle("late"))
			close(readies)
		},
		"restart": func(sub *tend.Supervisor, down tend.ServiceToken, _ chan<- struct{}) { _ = sub.Restart(down, nil) },
		"replace": func(sub *tend.Supervisor, down tend.ServiceToken, _ chan<- struct{}) {
			_ = sub.Restart(down, nil)
			_ = sub.Replace(down, idle("late"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				readies := make(chan struct{})
				sub := tend.New("sub", tend.Spec{Ordered: true})
				s, p, _ := serve(t, tend.Spec{Ordered: true}, sub, slow("last", time.Second))
				down := sub.Add(idle("down"))
				sub.Add(tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("first", func(ctx context.Context) error {
					select {
					case <-readies:
						tend.Ready(ctx)
					case <-ctx.Done():
					}
					<-ctx.Done()
					return nil
				})})
				sub.Add(idle("second"))
				_ = sub.Suspend(down)
				synctest.Wait()
				p.Lines()
				go s.Stop()
				synctest.Wait()
				asks(sub, down, readies)
				synctest.Wait()
				if started := p.Lines(tend.ServiceStarted{}.Kind()); len(started) > 0 {
					t.Errorf("%q", started)
				}
			})
		})
	}
}

// TestNothingIsStartedBelowAStop: by a supervisor that begins to be served then, two levels below.
func TestNothingIsStartedBelowAStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begins := make(chan struct{})
		sub := tend.New("sub", tend.Spec{})
		sub.Add(idle("late"))
		middle := tend.New("middle", tend.Spec{})
		middle.Add(tend.Func("wrapper", func(ctx context.Context) error {
			<-begins
			return sub.Serve(ctx)
		}))
		s, p, _ := serve(t, tend.Spec{Ordered: true}, middle, slow("last", time.Second))
		p.Lines()
		go s.Stop()
		synctest.Wait()
		close(begins)
		synctest.Wait()
		p.Want("0s root supervisor stopping cause=ErrStopped", "0s root/middle/wrapper/sub supervisor started services=1")
	})
}

// TestAStopOfItsOwnMakesNoFailures: nor when the tree ends itself.
func TestAStopOfItsOwnMakesNoFailures(t *testing.T) {
	for name, c := range map[string]struct {
		spec tend.Spec
		last tend.Child
		end  error
	}{
		"terminated":      {tend.Spec{}, tend.Child{}, tend.ErrTerminateTree},
		"the last one":    {tend.Spec{}, tend.Child{Significant: true, Restart: tend.Transient}, nil},
		"it has given up": {tend.Spec{Escalate: true, FailureThreshold: 0.5}, tend.Child{}, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				closed := make(chan struct{})
				sub := tend.New("sub", tend.Spec{})
				sub.Add(tend.Func("user", func(context.Context) error { <-closed; return errBoom }))
				last := ordered("last")
				c.spec.Ordered, c.last.Service = true, last
				_, p, done := serve(t, c.spec, sub, tend.Func("resource", func(ctx context.Context) error {
					<-ctx.Done()
					close(closed)
					time.Sleep(time.Second)
					return nil
				}), c.last)
				last.End(c.end)
				if err := <-done; err == nil {
					t.Error("Serve returned nil")
				}
				if lines := grep(p, "root/sub/user service failed"); len(lines) != 0 {
					t.Errorf("%q", lines)
				}
			})
		})
	}
}

// TestNoDelayEndsInAStop: what a service above has closed is not there for who waits below.
func TestNoDelayEndsInAStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(tend.Child{Service: failing("a"), Backoff: tend.Backoff{Min: 5 * time.Second, Jitter: -1}})
		s, p, done := serve(t, tend.Spec{Ordered: true}, sub, slow("b", 8*time.Second))
		time.Sleep(time.Second)
		s.Stop()
		<-done
		if lines := grep(p, "root/sub/a service started"); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
	})
}

// TestTheCauseOfAStopIsAskedOnce in the whole tree, and is told although the stop is
// quick; one that never answers holds up the end for a moment only.
func TestTheCauseOfAStopIsAskedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		say  func() string
		text string
		took time.Duration
	}{
		"it answers": {func() string { return "power is out" }, "power is out", 0},
		"it panics":  {func() string { panic("no") }, "*tend_test.askedError", 0},
		"it hangs":   {func() string { time.Sleep(time.Hour); return "late" }, "*tend_test.askedError", 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := tendtest.NewTape(t)
				root := tend.New("root", tend.Spec{EventHook: p.Hook})
				at := root
				for i := range 4 {
					sub := tend.New(fmt.Sprint("l", i), tend.Spec{})
					at.Add(sub)
					at = sub
				}
				cause := &askedError{say: c.say}
				ctx, cancel := context.WithCancelCause(t.Context())
				done := root.ServeBackground(ctx)
				synctest.Wait()
				cancel(cause)
				if took := after(func() {
					<-done
				}); took != c.took {
					t.Errorf("the stop took %v", took)
				}
				stopped := 0
				for _, e := range p.Events() {
					if e, is := e.(tend.SupervisorStopped); is {
						stopped++
						if e.Cause.Error() != c.text {
							t.Errorf("%v", e)
						}
					}
				}
				if n := cause.asked.Load(); n != 1 || stopped != 5 {
					t.Errorf("%d supervisors stopped, it was asked %d times", stopped, n)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// askedError counts how often it is asked what it says.
type askedError struct {
	say   func() string
	asked atomic.Int64
}

func (e *askedError) Error() string { e.asked.Add(1); return e.say() }

// hostileContext is one whose methods call back, or block.
type hostileContext struct {
	context.Context
	value func()
}

func (c *hostileContext) Value(key any) any {
	if c.value != nil {
		c.value()
	}
	return c.Context.Value(key)
}

// TestContextsAreUserCode: the methods of a context given to Serve run on no
// supervisor's goroutine.
func TestContextsAreUserCode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(idle("a"))
		inner, cancel := context.WithCancelCause(t.Context())
		ctx := &hostileContext{Context: inner}
		done := s.ServeBackground(ctx)
		synctest.Wait()
		ctx.value = func() { _ = s.Status() } // would wait for itself
		cancel(errBoom)
		err := <-done
		wantError(t, err, context.Canceled)
		wantError(t, err, errBoom)
	})
}

// TestWhatAContextSaysTooLateEndsNoLaterServe: Stop has ended the Serve that it was for.
func TestWhatAContextSaysTooLateEndsNoLaterServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(idle("a"))
		inner, cancel := context.WithCancel(t.Context())
		ctx := &hostileContext{Context: inner}
		done := s.ServeBackground(ctx)
		synctest.Wait()
		asked, free := make(chan struct{}), make(chan struct{})
		ctx.value = sync.OnceFunc(func() { close(asked); <-free })
		cancel()
		<-asked // why it has ended
		s.Stop()
		wantError(t, <-done, nil)
		done = s.ServeBackground(t.Context())
		close(free)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatal("the second Serve has ended: ", err)
		default:
		}
		s.Stop()
		wantError(t, <-done, nil)
	})
}

// ahead is a clock that is a day ahead of the real one.
type ahead struct{ abtime.AbstractTime }

func (c ahead) Now() time.Time { return c.AbstractTime.Now().Add(24 * time.Hour) }

// TestStopWithinHoldsBetweenClocks: what is left of the time goes down, not a time of
// day; also if what hangs was being stopped already.
func TestStopWithinHoldsBetweenClocks(t *testing.T) {
	for name, already := range map[string]bool{"begins below": false, "is on below": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				bad := ordered("bad")
				sub := tend.New("sub", tend.Spec{Clock: ahead{abtime.NewRealTime()}, Escalate: true, FailureThreshold: 0.5, Timeout: time.Hour})
				sub.Add(slow("leaf", 2*time.Hour))
				sub.Add(bad)
				s, p, done := serve(t, tend.Spec{StopWithin: 10 * time.Second}, sub)
				if already {
					bad.End(errBoom)
					synctest.Wait()
				}
				p.Lines()
				if d := after(s.Stop); d != 9025*time.Millisecond {
					t.Errorf("Stop took %v", d)
				}
				<-done
				if n := len(p.Lines(tend.ServiceStuck{}.Kind())); n != 1 {
					t.Errorf("%d are stuck", n)
				}
			})
		})
	}
}

// TestAServiceKnowsUntilWhen it may take to stop: from the moment when it is asked, and
// anew when that comes nearer.
func TestAServiceKnowsUntilWhen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		begin := time.Now()
		wants := func(ctx context.Context, want time.Duration) {
			t.Helper()
			by, ok := tend.StopBy(ctx)
			self, _ := tend.Self(ctx)
			if ok != (want > 0) || ok && by.Sub(begin) != want || !self.StopBy.Equal(by) {
				t.Errorf("it is to stop by %v, %v, and status says %v; want %v", by.Sub(begin), ok, self.StopBy, want)
			}
		}
		s, _, done := serve(t, tend.Spec{StopWithin: 20 * time.Second}, tend.Child{Timeout: time.Minute, Service: tend.Func("a", func(ctx context.Context) error {
			wants(ctx, 0)
			<-ctx.Done()
			nearer := stopped.Hastened(ctx)
			wants(ctx, time.Minute+time.Second)
			time.Sleep(time.Second)
			select {
			case <-nearer:
				t.Error("it came nearer by itself")
			default:
			}
			go s.Stop()
			<-nearer
			wants(ctx, 21*time.Second)
			select {
			case <-stopped.Hastened(ctx):
				t.Error("it came nearer twice")
			default:
			}
			time.Sleep(time.Hour)
			wants(ctx, 21*time.Second) // that is over, and it is on the books
			return nil
		})})
		time.Sleep(time.Second)
		_ = s.Suspend(s.Status().Services[0].Token)
		time.Sleep(2 * time.Hour)
		<-done
	})
	if _, ok := tend.StopBy(t.Context()); ok || stopped.Hastened(t.Context()) != nil {
		t.Error("outside of a supervisor there is a limit")
	}
}

// TestARunThatIsOverHasNoLimit, whatever the next one has.
func TestARunThatIsOverHasNoLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var contexts []context.Context
		s, _, done := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			contexts = append(contexts, ctx)
			if len(contexts) > 1 {
				<-ctx.Done()
				time.Sleep(time.Second)
			}
			return errBoom
		}))
		go s.Stop()
		synctest.Wait()
		for i, want := range []bool{false, true} {
			if by, ok := tend.StopBy(contexts[i]); ok != want {
				t.Errorf("run %d is to stop by %v, %v", i+1, by, ok)
			}
		}
		<-done
	})
}
