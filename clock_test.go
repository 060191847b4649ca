package tend_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestEachTimerFiresAlone: with a clock that stands still, a test can let the time
// come for one purpose and no other.
func TestEachTimerFiresAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		p := tendtest.NewTape(t, clock.Now())
		s, _, done := serve(t, tend.Spec{Clock: clock, FailureThreshold: 0.5, EventHook: p.Hook},
			failing("pausing"), slow("hanging", time.Second),
			tend.Child{Service: failing("delayed"), Backoff: tend.Backoff{Min: time.Hour}},
			tend.Child{Service: idle("starting"), ReadyTimeout: time.Hour},
			tend.Child{Service: idle("watched"), Watchdog: time.Hour})
		tokens := map[string]tend.ServiceToken{}
		for _, c := range s.Status().Services {
			tokens[c.Name] = c.Token
		}
		_ = s.Suspend(tokens["hanging"])
		wantStates(t, s, "pausing backoff, hanging stopping, delayed backoff, starting starting, watched running")
		p.Lines()
		clock.Trigger(tendtest.PauseTimer)
		p.Want(
			"15s root pause ended lasted=15s", // what a timer brings about happens when it was due
			"15s root/pausing service started restarts=1",
			"0s root/pausing service failed err=boom ran=-15s count=1 threshold=0.5 restarting delay=15s", // and the rest when the clock says
			"0s root pause began until=15s count=1 threshold=0.5",
		)
		clock.Trigger(tendtest.BackoffTimer)
		p.Want(
			"1h0m0s root/delayed service started restarts=1",
			"0s root/delayed service failed err=boom ran=-1h0m0s count=2 restarting delay=1h0m0s",
		)
		clock.Trigger(tendtest.ReadyTimer)
		p.Want(
			"0s root/starting service unresponsive cause=ErrNotReady",
			"0s root/starting service failed err=ErrNotReady count=2 threshold=0.5 restarting delay=15s",
		)
		clock.Trigger(tendtest.WatchdogTimer)
		p.Want(
			"0s root/watched service unresponsive cause=ErrUnresponsive",
			"0s root/watched service failed err=ErrUnresponsive count=3 threshold=0.5 restarting delay=15s",
		)
		clock.Trigger(tendtest.StopTimer)
		p.Want("0s root/hanging service stuck cause=ErrSuspended waited=10s")
		s.Stop()
		<-done
	})
}

// TestDrainTimer: how long a stop waits for a hook that blocks.
func TestDrainTimer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		release := make(chan struct{})
		s := tend.New("root", tend.Spec{Clock: clock, EventHook: func(tend.Event) { <-release }})
		done := s.ServeBackground(t.Context())
		go s.Stop()
		synctest.Wait()
		if len(done) > 0 {
			t.Error("Serve did not wait for the hook")
		}
		clock.Trigger(tendtest.DrainTimer)
		if err := <-done; err != nil {
			t.Error(err)
		}

		s = tend.New("root", tend.Spec{EventHook: func(tend.Event) { <-release }})
		done = s.ServeBackground(t.Context())
		if d := after(s.Stop); d != 100*time.Millisecond {
			t.Errorf("with the real clock it waited %v", d)
		}
		<-done
		close(release)
	})
}

// TestClockComesFromAbove: a nested supervisor has its parent's clock, and its
// own time goes on where it was.
func TestClockComesFromAbove(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(idle("early")) // stamped with the real clock
		if err := sub.Suspend(sub.Add(idle("held"))); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		clock := abtime.NewManualAtTime(time.Unix(1e9, 0))
		s, _, _ := serve(t, tend.Spec{Clock: clock}, sub)
		sub.Add(tend.Child{Service: idle("watched"), Watchdog: time.Second})
		time.Sleep(time.Hour)
		clock.Advance(5 * time.Second)
		at := time.Unix(1e9, 0)
		for _, c := range sub.Status().Services {
			if c.State == tend.StateSuspended {
				if held := at.Sub(c.Since); held != time.Minute {
					t.Errorf("suspended for %v when it was served", held)
				}
				continue
			}
			if c.State != tend.StateRunning || !c.Since.Equal(at) {
				t.Errorf("%s is %v since %v", c.Name, c.State, c.Since)
			}
		}
		if st := s.Status(); !st.Services[0].Supervisor.Time.Equal(at.Add(5 * time.Second)) {
			t.Errorf("the time below is %v", st.Services[0].Supervisor.Time)
		}
	})
}

// TestTheClockAboveStaysThere: who has left and is served by itself goes by the time of
// the machine.
func TestTheClockAboveStaysThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{EventHook: func(tend.Event) {}})
		s, _, _ := serve(t, tend.Spec{Clock: abtime.NewManualAtTime(time.Unix(1e9, 0))}, sub)
		if err := s.RemoveAndWait(t.Context(), s.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		done := sub.ServeBackground(t.Context())
		if st := sub.Status(); !st.Time.Equal(time.Now()) || !st.Since.Equal(st.Time) {
			t.Errorf("it is %v, and served since %v", st.Time, st.Since)
		}
		sub.Stop()
		<-done
	})
}

// TestAClockThatNobodyHears: of a supervisor that has its own, and is served by what
// hangs in a tree that has gone.
func TestAClockThatNobodyHears(t *testing.T) {
	bubble(t, func(t *testing.T) {
		at := time.Unix(1e9, 0)
		late := tend.New("late", tend.Spec{Clock: abtime.NewManualAtTime(at)})
		sub := tend.New("sub", tend.Spec{Timeout: time.Second})
		sub.Add(tend.Func("hangs", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Minute)
			return late.Serve(context.WithoutCancel(ctx))
		}))
		s, _, _ := serve(t, tend.Spec{}, sub)
		if err := s.RemoveAndWait(t.Context(), s.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if st := late.Status(); !st.Serving || !st.Time.Equal(at) {
			t.Errorf("it is served: %v, and there it is %v", st.Serving, st.Time)
		}
		late.Stop()
	})
}

// TestWatchdogIsExact: counted from the last sign of life.
func TestWatchdogIsExact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, _ := serve(t, tend.Spec{}, tend.Child{Watchdog: 10 * time.Second, Service: tend.Func("a", func(ctx context.Context) error {
			for range 3 {
				time.Sleep(7 * time.Second)
				tend.Alive(ctx)
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})})
		p.Lines()
		time.Sleep(time.Minute)
		p.Want(
			"31s root/a service unresponsive cause=ErrUnresponsive",
			"31s root/a service failed err=ErrUnresponsive ran=31s count=1 threshold=5 restarting",
			"31s root/a service started restarts=1",
		)
	})
}

// setClock is a real clock that somebody sets, as NTP or a resume does: the time of day
// jumps, and what measures durations does not.
type setClock struct {
	abtime.AbstractTime
	by atomic.Int64 // seconds
}

// Now makes what only package time itself can make: a time whose time of day and whose
// monotonic reading differ. In virtual time there are no monotonic readings otherwise.
func (c *setClock) Now() time.Time {
	t := c.AbstractTime.Now()
	since := t.Unix() - time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix() + c.by.Load()
	*(*struct {
		wall uint64 // a bit that says that there are both, 33 bits of seconds since 1885, 30 of nanoseconds
		ext  int64  // the monotonic reading
	})(unsafe.Pointer(&t)) = struct {
		wall uint64
		ext  int64
	}{1<<63 | uint64(since)<<30 | uint64(t.Nanosecond()), t.UnixNano()}
	return t
}

// TestTheClockIsSet: what happens afterwards has the time of day of then, what happened
// before is as long ago as it is, and no duration changes.
func TestTheClockIsSet(t *testing.T) {
	for name, hour := range map[string]int64{"forward": 3600, "back": -3600} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				begin := time.Now()
				clock := &setClock{AbstractTime: abtime.NewRealTime()}
				a := ordered("a")
				p := tendtest.NewTape(t, begin.Add(time.Duration(hour)*time.Second))
				s, _, done := serve(t, tend.Spec{Clock: clock, EventHook: p.Hook}, a, tend.Child{Service: slow("b", time.Minute), Watchdog: time.Minute})
				p.Lines()
				time.Sleep(10 * time.Second)
				clock.by.Store(hour)
				a.End(errBoom)
				synctest.Wait()
				p.Want(
					"10s root/a service failed err=boom ran=10s count=1 threshold=5 restarting",
					"10s root/a service started restarts=1",
				)
				status := s.Status()
				was := func(what string, at time.Time, ago time.Duration) {
					t.Helper()
					if got := clock.Now().Round(0).Sub(at.Round(0)); got != ago {
						t.Errorf("%s was %v ago, want %v", what, got, ago)
					}
				}
				was("the beginning", status.Since, 10*time.Second)
				was("the second run of a", status.Services[0].Since, 0)
				was("the failure of a", status.Services[0].Failures[0].Time, 0)
				was("the first run of b", status.Services[1].Since, 10*time.Second)
				time.Sleep(49 * time.Second)
				wantStates(t, s, "a running, b running")
				time.Sleep(time.Second)
				wantStates(t, s, "a running, b stopping")
				s.Stop()
				<-done
			})
		})
	}
}

// unlike is a clock that cannot be compared.
type unlike struct {
	abtime.AbstractTime
	_ []int
}

// TestAClockThatCannotBeCompared is taken for another one each time, and ends nobody.
func TestAClockThatCannotBeCompared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(slow("leaf", time.Hour))
		root := tend.New("root", tend.Spec{Clock: unlike{AbstractTime: abtime.NewRealTime()}, StopWithin: 10 * time.Second, EventHook: func(tend.Event) {}})
		root.Add(sub)
		for range 2 {
			done := root.ServeBackground(t.Context())
			synctest.Wait()
			if d := after(root.Stop); d != 9025*time.Millisecond {
				t.Errorf("Stop took %v", d)
			}
			<-done
			time.Sleep(2 * time.Hour)
		}
	})
}

// countedTimers is a clock that knows how many timers have neither gone off nor been
// stopped.
type countedTimers struct {
	abtime.AbstractTime
	n atomic.Int64
}

func (c *countedTimers) AfterFunc(d time.Duration, f func(), id int) abtime.Timer {
	c.n.Add(1)
	return countedTimer{c.AbstractTime.AfterFunc(d, func() { c.n.Add(-1); f() }, id), c}
}

type countedTimer struct {
	abtime.Timer
	of *countedTimers
}

func (t countedTimer) Stop() bool {
	stopped := t.Timer.Stop()
	if stopped {
		t.of.n.Add(-1)
	}
	return stopped
}

// TestOneTimerForAll who wait for the same, and none when nobody waits.
func TestOneTimerForAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := &countedTimers{AbstractTime: abtime.NewRealTime()}
		s, _, _ := serve(t, tend.Spec{Clock: clock})
		want := func(n int64) {
			t.Helper()
			synctest.Wait()
			if got := clock.n.Load(); got != n {
				t.Errorf("there are %d timers, want %d", got, n)
			}
		}
		starts := func(within time.Duration) tend.ServiceToken {
			return s.Add(tend.Child{Service: idle("a"), ReadyTimeout: within})
		}
		want(0)
		late := starts(3 * time.Hour)
		early := starts(time.Hour)
		want(1)
		starts(2 * time.Hour)
		want(1)
		_ = s.Remove(early)
		want(1)
		_ = s.Remove(late)
		want(1)
		s.Stop()
		want(0)
	})
}
