package tend_test

// Each trap that other libraries fell into is a test here, numbered and named as
// in docs/design.md.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

func TestTrap01_TheCallerIsGoneBeforeTheLoopReplies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{}, idle("a"))
		late := tend.Child{Service: idle("late"), ReadyTimeout: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		tok, err := s.Start(ctx, late)
		wantError(t, err, context.DeadlineExceeded)
		wantStates(t, s, "a running, late starting") // it stays, as promised
		hang := s.Add(slow("hang", time.Minute))
		synctest.Wait()
		wantError(t, s.RemoveAndWait(within(t, time.Second), hang), context.DeadlineExceeded)
		if err := s.RemoveAndWait(within(t, time.Second), tok); err != nil {
			t.Error(err)
		}
		if err := s.RemoveAndWait(t.Context(), hang); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a running")
	})
}

func TestTrap02_TheEventHookCallsBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		var calls atomic.Int64
		hook := func(e tend.Event) {
			calls.Add(1)
			_ = s.Status()
			_ = s.Services()
			_ = s.UnstoppedServices()
			_ = s.WaitReady(canceled())
			tok := e.From().Token
			if e, failed := e.(tend.ServiceFailed); failed && e.Service == "victim" {
				if err := s.RemoveAndWait(within(t, time.Minute), tok); err != nil {
					t.Error(err)
				}
				s.Add(idle("heir"))
				if _, err := s.Start(t.Context(), idle("second heir")); err != nil {
					t.Error(err)
				}
				_ = s.Restart(tok, nil)
				_ = s.Suspend(tok)
			}
		}
		s = tend.New("root", tend.Spec{EventHook: hook})
		victim := ordered("victim")
		s.Add(victim)
		done := s.ServeBackground(t.Context())
		victim.End(errBoom)
		wantStates(t, s, "heir running, second heir running")
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if calls.Load() < 6 {
			t.Errorf("the hook was called %d times", calls.Load())
		}
	})
}

func TestTrap03_AServiceEndsAfterItsStopTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, done := serve(t, tend.Spec{Timeout: time.Second}, slow("a", time.Minute))
		p.Lines()
		if d := after(s.Stop); d != time.Second {
			t.Errorf("Stop took %v", d)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.Want(
			"0s root supervisor stopping cause=ErrStopped",
			"1s root/a service stuck cause=ErrStopped waited=1s",
			"1s root supervisor stopped cause=ErrStopped unstopped=1 took=1s",
		)
		if list := s.UnstoppedServices(); len(list) != 1 || list[0].Path() != "root/a" || !strings.Contains(list[0].Stacks, "time.Sleep") {
			t.Errorf("unstopped: %+v", list)
		}
		time.Sleep(time.Hour)
		p.Want(
			"1m0s root/a service ended cause=ErrStopped took=1m0s late=59s",
		)
		if list := s.UnstoppedServices(); len(list) != 0 {
			t.Errorf("still on the books: %+v", list)
		}
	})
}

func TestTrap04_ServedTwiceOneAfterTheOtherAndAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, done := serve(t, tend.Spec{}, idle("a"))
		tok := s.Add(idle("b"))
		wantPanic(t, `tend: supervisor "root" is already being served`, func() { _ = s.Serve(t.Context()) })
		wantPanic(t, `tend: supervisor "root" is already being served`, func() { s.ServeBackground(t.Context()) })
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.Lines()
		done = s.ServeBackground(t.Context())
		if err := s.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a running, b running")
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a running")
		s.Stop()
		<-done
	})
}

func TestTrap05_AChildSupervisorFailsAllItsServicesAreBackOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var alive [3]atomic.Int32
		sub := tend.New("sub", tend.Spec{FailureThreshold: 1, Escalate: true, Ordered: true})
		victim := ordered("victim")
		tokens := []tend.ServiceToken{sub.Add(victim)}
		for i := range alive {
			tokens = append(tokens, sub.Add(tend.Func(fmt.Sprint("s", i), func(ctx context.Context) error {
				if alive[i].Add(1) > 1 {
					t.Error("two at once")
				}
				defer alive[i].Add(-1)
				<-ctx.Done()
				return nil
			})))
		}
		s, p, _ := serve(t, tend.Spec{}, sub)
		p.Lines()
		victim.End(errBoom)
		victim.End(errBoom)
		p.Want(
			"0s root/sub/victim service failed err=boom count=1 threshold=1 restarting",
			"0s root/sub/victim service started restarts=1",
			"0s root/sub/victim service failed err=boom count=2 threshold=1 restarting",
			`0s root/sub escalated err="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)"`,
			`0s root/sub supervisor stopping cause="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)"`,
			`0s root/sub/s2 service ended cause="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)"`,
			`0s root/sub/s1 service ended cause="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)"`,
			`0s root/sub/s0 service ended cause="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)"`,
			`0s root/sub supervisor stopped cause="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)" err="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)"`,
			`0s root/sub service failed err="tend: victim: boom; too many failures of root/sub (2.0, threshold 1)" count=1 threshold=5 restarting`,
			"0s root/sub service started restarts=1",
			"0s root/sub supervisor started services=4",
			"0s root/sub/victim service started restarts=2",
			"0s root/sub/s0 service started restarts=1",
			"0s root/sub/s1 service started restarts=1",
			"0s root/sub/s2 service started restarts=1",
			"0s root/sub service ready",
		)
		if got := s.Status().Count; got != 1 {
			t.Errorf("the parent counted %v failures", got)
		}
		for _, tok := range tokens {
			if err := sub.RemoveAndWait(t.Context(), tok); err != nil {
				t.Error(err)
			}
		}
		wantStates(t, sub, "")
	})
}

func TestTrap06_AStartFailsOnRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		fails := 0
		s, p, _ := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			if fails < 3 {
				fails++
				return errBoom
			}
			<-ctx.Done()
			return nil
		}))
		p.Want(
			"0s root supervisor started services=1",
			"0s root/a service started",
			"0s root/a service failed err=boom count=1 threshold=5 restarting",
			"0s root/a service started restarts=1",
			"0s root/a service failed err=boom count=2 threshold=5 restarting",
			"0s root/a service started restarts=2",
			"0s root/a service failed err=boom count=3 threshold=5 restarting",
			"0s root/a service started restarts=3",
		)
		if st := s.Status(); st.Count != 3 || st.Services[0].Failed != 3 || len(st.Services[0].Failures) != 3 {
			t.Errorf("counted %v, %d", st.Count, st.Services[0].Failed)
		}
	})
}

func TestTrap07_AServiceReturnsWithoutEverBeingReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{})
		p.Lines()
		nothing := tend.Func("a", func(context.Context) error { return nil })
		_, err := s.Start(t.Context(), tend.Child{Service: nothing, ReadyTimeout: time.Second, Restart: tend.Transient})
		wantError(t, err, tend.ErrNotReady)
		wantStates(t, s, "a done")
		_, err = s.Start(t.Context(), tend.Child{Service: failing("b"), ReadyTimeout: time.Second, Restart: tend.Temporary})
		wantError(t, err, errBoom)
		_, err = s.Start(t.Context(), tend.Child{Service: failing("c"), ReadyTimeout: time.Second, Limit: tend.Limit{N: 2}})
		wantError(t, err, errBoom)
		wantStates(t, s, "a done, c failed")
	})
}

func TestTrap08_APermanentServiceReturnsNilInAHotLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var runs atomic.Int64
		s, p, _ := serve(t, tend.Spec{}, tend.Func("hot", func(context.Context) error { runs.Add(1); return nil }))
		if n := runs.Load(); n != 6 { // the sixth failure is over the threshold of five
			t.Errorf("%d runs before the pause", n)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if n := runs.Load(); n != 12 {
			t.Errorf("%d runs after it", n)
		}
		if n := len(p.Lines(tend.PauseBegan{}.Kind())); n != 2 {
			t.Errorf("%d pauses", n)
		}
		wantStates(t, s, "hot backoff")
	})
}

func TestTrap09_CallsWhileABackoffOrPauseTimerRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, done := serve(t, tend.Spec{FailureThreshold: 0.5}, failing("pausing"),
			tend.Child{Service: failing("waiting"), Backoff: tend.Backoff{Min: time.Hour, Max: time.Hour}})
		p.Lines()
		if d := after(func() {
			if _, err := s.Start(t.Context(), idle("new")); err != nil {
				t.Error(err)
			}
			st := s.Status()
			if want := time.Now().Add(15 * time.Second); !st.PausedUntil.Equal(want) || !st.Services[0].WaitingUntil.Equal(want) {
				t.Errorf("the pause ends %v, the service waits until %v", st.PausedUntil, st.Services[0].WaitingUntil)
			}
			if w := st.Services[1]; w.WaitingFor.Error() != "its delay" || !w.WaitingUntil.Equal(time.Now().Add(time.Hour)) {
				t.Errorf("waits for %v until %v", w.WaitingFor, w.WaitingUntil)
			}
			if err := s.RemoveAndWait(t.Context(), st.Services[0].Token); err != nil {
				t.Error(err)
			}
			s.Stop()
			<-done
		}); d != 0 {
			t.Errorf("it took %v", d)
		}
		wantStates(t, s, "waiting pending, new pending")
	})
}

func TestTrap10_TheBackoffExponentIsTenThousand(t *testing.T) {
	b := tend.Backoff{Min: time.Second, Max: math.MaxInt64, Jitter: 1}
	for _, n := range []int{0, 1, 2, 34, 35, 63, 64, 10_000, math.MaxInt} {
		d := b.Delay(n)
		least := d
		if d == b.Max {
			least = b.Max / 2
		}
		if spread := b.Spread(d, 0.999); d < time.Second || d > b.Max || spread < least || spread > b.Max {
			t.Errorf("Delay(%d) is %v, with jitter %v", n, d, spread)
		}
	}
	if d := b.Delay(10_000); d != b.Max {
		t.Errorf("Delay(10000) is %v, want the maximum", d)
	}
}

func TestTrap11_AHundredThousandShortTemporaryServices(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	done := s.ServeBackground(t.Context())
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // what is there to be used again is let go of by the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var ran sync.WaitGroup
	for range n {
		ran.Add(1)
		tok := s.Add(tend.Child{Restart: tend.Temporary, Service: tend.Func("short", func(context.Context) error { ran.Done(); return nil })})
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	ran.Wait()
	if left := len(s.Services()); left != 0 {
		t.Errorf("%d services are left", left)
	}
	if grown := int64(heap()) - int64(before); grown > int64(n)*16+1<<20 { // one record alone would be 128
		t.Errorf("%d bytes are left of %d services", grown, n)
	}
	s.Stop()
	<-done
}

func TestTrap12_GroupRestartAndEndedTemporaryMembers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim, ended := ordered("victim"), ordered("ended")
		s, p, _ := serve(t, tend.Spec{Strategy: tend.OneForAll},
			victim, tend.Child{Service: idle("temp"), Restart: tend.Temporary},
			tend.Child{Service: ended, Restart: tend.Temporary}, tend.Child{Service: ordered("done"), Restart: tend.Transient})
		ended.End(nil)
		wantStates(t, s, "victim running, temp running, done running")
		p.Lines()
		victim.End(errBoom)
		p.Want(
			"0s root/victim service failed err=boom count=1 threshold=5 restarting",
			"0s root/done service ended cause=ErrSiblingFailed",
			"0s root/temp service ended cause=ErrSiblingFailed next=gone",
			"0s root/victim service started restarts=1",
			"0s root/done service started restarts=1",
		)
		wantStates(t, s, "victim running, done running")
	})
}

func TestTrap13_ASecondMemberDiesDuringAnOrderedGroupStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim, second := ordered("victim"), ordered("second")
		s, p, _ := serve(t, tend.Spec{Strategy: tend.OneForAll, Ordered: true}, second, victim, slow("last", 5*time.Second))
		p.Lines()
		victim.End(errBoom)
		second.End(errBoom) // while last takes its time
		time.Sleep(5 * time.Second)
		p.Want(
			"0s root/victim service failed err=boom count=1 threshold=5 restarting",
			"0s root/second service ended err=boom cause=ErrSiblingFailed unclean",
			"5s root/last service ended cause=ErrSiblingFailed took=5s",
			"5s root/second service started restarts=1",
			"5s root/victim service started restarts=1",
			"5s root/last service started restarts=1",
		)
		if n := s.Status().Services[0].Failed + s.Status().Services[1].Failed; n != 1 {
			t.Errorf("%d failures were counted", n)
		}
	})
}

func TestTrap14_SuspendThenStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, done := serve(t, tend.Spec{}, idle("a"))
		tok := s.Add(slow("b", 3*time.Second))
		synctest.Wait()
		if err := s.Suspend(tok); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a running, b stopping")
		if d := after(s.Stop); d != 3*time.Second {
			t.Errorf("Stop took %v", d)
		}
		<-done
		wantStates(t, s, "a pending, b suspended")
		s.ServeBackground(t.Context())
		wantStates(t, s, "a running, b suspended")
		if err := s.Restart(tok, nil); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a running, b running")
		s.Stop()
	})
}

func TestTrap15_ARemovedServiceIsNotStartedByTheEndOfAPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{FailureThreshold: 0.5}, failing("a"), failing("b"))
		if err := s.Remove(s.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		p.Lines()
		time.Sleep(15 * time.Second)
		p.Want(
			"15s root pause ended lasted=15s",
			"15s root/b service started restarts=1",
			"15s root/b service failed err=boom count=1 threshold=0.5 restarting delay=15s",
			"15s root pause began until=30s count=1 threshold=0.5",
		)
	})
}

func TestTrap16_AnEscalationIsAFailureEvenIfTheLastExitWasNil(t *testing.T) {
	bubble(t, func(t *testing.T) {
		victim := ordered("victim")
		sub := tend.New("sub", tend.Spec{Escalate: true, FailureThreshold: 0.5})
		sub.Add(victim)
		_, p, _ := serve(t, tend.Spec{}, tend.Child{Service: sub, Restart: tend.Transient})
		p.Lines()
		victim.End(nil)
		failed := func() {
			t.Helper()
			lines := grep(p, "root/sub service failed")
			if len(lines) != 1 || !strings.Contains(lines[0], "count=") {
				t.Errorf("failures of sub: %q", lines)
			}
		}
		failed()
		// Also when the last exit was a panic with an error that would say otherwise.
		victim.Run(func(context.Context) error { panic(tend.ErrDoNotRestart) })
		failed()
	})
}

func TestTrap17_GoexitInServeAndInAHelper(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		_, p, _ := serve(t, tend.Spec{}, o)
		p.Lines()
		o.Run(func(context.Context) error { runtime.Goexit(); return nil })
		o.Run(func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { runtime.Goexit(); return nil })
			<-ctx.Done()
			if cause := context.Cause(ctx); !errors.Is(cause, tend.ErrGoexit) {
				t.Errorf("cause %v", cause)
			}
			return nil
		})
		p.Want(
			"0s root/a service failed err=ErrGoexit count=1 threshold=5 restarting",
			"0s root/a service started restarts=1",
			"0s root/a service failed err=ErrGoexit count=2 threshold=5 restarting",
			"0s root/a service started restarts=2",
		)
	})
}

func TestTrap18_APanicOnTheWayDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, done := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			<-ctx.Done()
			panic("while stopping")
		}))
		p.Lines()
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.Want(
			"0s root supervisor stopping cause=ErrStopped",
			`0s root/a service ended err="panic: while stopping" cause=ErrStopped unclean`,
			"0s root supervisor stopped cause=ErrStopped",
		)
		if e := p.Events()[len(p.Events())-2]; e.Level() < 8 || !strings.Contains(fmt.Sprint(e.LogValue()), "TestTrap18") {
			t.Errorf("the panic is told as %v %v", e.Level(), e.LogValue())
		}
	})
}

func TestTrap19_StopCalledTwiceConcurrently(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, done := serve(t, tend.Spec{}, slow("a", time.Second))
		var stops sync.WaitGroup
		for range 10 {
			stops.Go(s.Stop)
		}
		stops.Wait()
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(p.Lines(tend.SupervisorStopped{}.Kind())); n != 1 {
			t.Errorf("it stopped %d times", n)
		}
	})
}

func TestTrap20_ASubscriberThatIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{}, idle("a"))
		gone, cancel := context.WithCancel(t.Context())
		events := s.Events(gone) // never read
		left := s.Events(t.Context())
		s.Add(idle("c"))
		for range left {
			break // at the first event …
		}
		cancel()
		_ = events
		for range 3000 { // … and the tree goes on, without keeping events for anybody
			if err := s.RemoveAndWait(t.Context(), s.Add(idle("b"))); err != nil {
				t.Fatal(err)
			}
		}
		for range events {
			t.Error("a sequence whose context has ended goes on")
		}
	})
}

func TestTrap21_AParentsRestartDoesNotDoubleChildren(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var alive, most atomic.Int32
		sub := tend.New("sub", tend.Spec{})
		sub.Add(tend.Func("one", func(ctx context.Context) error {
			most.Store(max(most.Load(), alive.Add(1)))
			defer alive.Add(-1)
			<-ctx.Done()
			time.Sleep(30 * time.Second) // longer than the timeout of ten
			return nil
		}))
		s, p, _ := serve(t, tend.Spec{}, sub)
		p.Lines()
		if err := s.Restart(s.Status().Services[0].Token, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		p.Want(
			"0s root/sub supervisor stopping cause=ErrRestartRequested",
			"10s root/sub/one service stuck cause=ErrRestartRequested waited=10s",
			"10s root/sub supervisor stopped cause=ErrRestartRequested err=ErrRestartRequested unstopped=1 took=10s",
			`10s root/sub service ended err="context canceled: tend: restart was requested" cause=ErrRestartRequested took=10s`,
			"10s root/sub service started restarts=1",
			"10s root/sub supervisor started services=1",
			"30s root/sub/one service ended cause=ErrRestartRequested took=30s late=20s",
			"30s root/sub/one service started restarts=1",
			"30s root/sub service ready took=20s",
		)
		if most.Load() != 1 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestTrap22_ALockHeldWhileWaitingForAServiceThatCallsTheAPI(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		sup := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s = sup
		meddler := tend.Func("meddler", func(ctx context.Context) error {
			<-ctx.Done()
			_ = s.Status() // while it is being removed, and while the tree stops
			_ = s.Services()
			tok := s.Add(idle("last wish"))
			_ = s.Restart(tok, nil)
			_ = s.Remove(tok)
			if self, ok := tend.Self(ctx); !ok || self.State != tend.StateStopping {
				t.Errorf("Self says %v, %v", self.State, ok)
			}
			return nil
		})
		done := s.ServeBackground(t.Context())
		if d := after(func() {
			tok := s.Add(meddler)
			synctest.Wait()
			if err := s.RemoveAndWait(within(t, time.Minute), tok); err != nil {
				t.Error(err)
			}
			s.Add(meddler)
			synctest.Wait()
			s.Stop()
			<-done
		}); d != 0 {
			t.Errorf("it took %v", d)
		}
	})
}

func TestTrap23_NestedEqualTimeouts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		top := slow("leaf", time.Minute)
		var outermost *tend.Supervisor
		for level := range 5 {
			sub := tend.New(fmt.Sprint("l", 5-level), tend.Spec{})
			sub.Add(top)
			top, outermost = sub, sub
			if level%2 == 1 {
				top = struct{ *tend.Supervisor }{sub} // embedded
			}
		}
		s, p, done := serve(t, tend.Spec{}, declared{tend.Func("wrapper", top.Serve), outermost}) // wrapped
		p.Lines()
		if d := after(s.Stop); d != 10*time.Second {
			t.Errorf("Stop took %v", d)
		}
		<-done
		if diff := cmp.Diff([]string{"10s root/wrapper/l2/l3/l4/l5/leaf service stuck cause=ErrStopped waited=10s"}, p.Lines(tend.ServiceStuck{}.Kind())); diff != "" {
			t.Error(diff)
		}
		if list := s.UnstoppedServices(); len(list) != 1 || list[0].Path() != "root/wrapper/l2/l3/l4/l5/leaf" {
			t.Errorf("unstopped: %+v", list)
		}
		time.Sleep(time.Minute)
	})
}

func TestTrap24_FailuresDuringAPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := ordered("a"), ordered("b")
		_, p, _ := serve(t, tend.Spec{FailureThreshold: 0.5}, a, b)
		p.Lines()
		a.End(errBoom)
		time.Sleep(10 * time.Second)
		b.End(errBoom)
		time.Sleep(10 * time.Second)
		p.Want(
			"0s root/a service failed err=boom count=1 threshold=0.5 restarting delay=15s",
			"0s root pause began until=15s count=1 threshold=0.5",
			"10s root/b service failed err=boom ran=10s count=1.794 threshold=0.5 restarting delay=5s",
			"15s root pause ended lasted=15s",
			"15s root/a service started restarts=1",
			"15s root/b service started restarts=1",
		)
	})
}

func TestTrap25_AHundredCallersWhileEverythingCrashes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, done := serve(t, tend.Spec{FailureBackoff: time.Second, EventHook: func(tend.Event) {}})
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				for j := range 20 {
					tok := s.Add(tend.Func("crash", func(ctx context.Context) error {
						select {
						case <-time.After(time.Duration(i*j) * time.Millisecond):
							panic("crash")
						case <-ctx.Done():
							return nil
						}
					}))
					if j%10 == 0 {
						_ = s.Status()
					}
					_ = s.Restart(tok, errBoom)
					_ = s.Suspend(tok)
					_ = s.Restart(tok, nil)
					if j%2 == 0 {
						if err := s.RemoveAndWait(within(t, time.Minute), tok); err != nil {
							t.Error(err)
						}
					}
					if i == 99 && j == 15 {
						s.Stop()
					}
				}
			})
		}
		callers.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(s.Services()); n != 100*10 {
			t.Errorf("%d services are left", n)
		}
	})
}

func TestTrap26_DuplicateNames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{Timeout: time.Second}, idle("twin"))
		tok := s.Add(slow("twin", time.Minute))
		synctest.Wait()
		p.Lines()
		wantError(t, s.RemoveAndWait(within(t, 10*time.Second), tok), context.DeadlineExceeded)
		wantStates(t, s, "twin running, twin stuck")
		list := s.UnstoppedServices()
		if len(list) != 1 || list[0].Token != tok || strings.Count(list[0].Stacks, "1 goroutine:") != 1 || !strings.Contains(list[0].Stacks, "time.Sleep") {
			t.Errorf("unstopped: %+v", list)
		}
		time.Sleep(time.Minute)
	})
}

func TestTrap27_TheContextIsAlreadyCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := canceled()
		s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) { t.Errorf("event %v", e) }})
		s.Add(tend.Func("a", func(context.Context) error { t.Error("started"); return nil }))
		for name, err := range map[string]error{
			"Serve": s.Serve(ctx), "ServeBackground": <-s.ServeBackground(ctx), "WaitReady": s.WaitReady(ctx),
			"Start": func() error { _, err := s.Start(ctx, idle("b")); return err }(),
		} {
			if !errors.Is(err, errBoom) {
				t.Errorf("%s returns %v", name, err)
			}
		}
		if err := s.Serve(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Serve returns %v", err)
		}
		wantStates(t, s, "a pending")
	})
}

func TestTrap28_DeadlinePassedTheRemainingStopStepsAreStillTried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stopped := make(map[string]time.Duration)
		var mu sync.Mutex
		begin := time.Now()
		note := func(name string, takes time.Duration) tend.Service {
			return tend.Func(name, func(ctx context.Context) error {
				<-ctx.Done()
				mu.Lock()
				stopped[name] = time.Since(begin)
				mu.Unlock()
				time.Sleep(takes)
				return nil
			})
		}
		s, p, done := serve(t, tend.Spec{Ordered: true, StopWithin: 20 * time.Second, Timeout: time.Minute},
			note("first", 0), note("second", 0), note("third", time.Hour))
		p.Lines()
		if d := after(s.Stop); d != 19*time.Second {
			t.Errorf("Stop took %v", d)
		}
		<-done
		want := map[string]time.Duration{"first": 19 * time.Second, "second": 19 * time.Second, "third": 0}
		if diff := cmp.Diff(want, stopped); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Hour)
	})
}

func TestTrap29_RemoveAndWaitWithAContextThatHasEndedOnATokenThatIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		tok := s.Add(idle("a"))
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Error(err)
		}
		if err := s.RemoveAndWait(canceled(), tok); err != nil {
			t.Error(err)
		}
		if err := s.Remove(tok); err != nil {
			t.Error(err)
		}
		wantError(t, s.Restart(tok, nil), tend.ErrRemoved)
		wantError(t, s.Suspend(tok), tend.ErrRemoved)
		wantStates(t, s, "") // and the loop lives
	})
}

func TestTrap30_TokensAreNeverReused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{})
		seen := map[tend.ServiceToken]bool{}
		ids := map[uint64]bool{}
		for range 10_000 {
			tok := s.Add(tend.Child{Service: failing("a"), Restart: tend.Temporary})
			if seen[tok] || ids[tok.ID()] || tok == (tend.ServiceToken{}) {
				t.Fatalf("token %v again", tok)
			}
			seen[tok], ids[tok.ID()] = true, true
		}
	})
}

// canceled is a context that has ended because of errBoom.
func canceled() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errBoom)
	return ctx
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), text) {
			t.Errorf("panic is %v, want %q", v, text)
		}
	}()
	f()
}
