package tend_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
)

// TestEachTimerFiresAlone: with a clock that stands still, a test can let the time
// come for one purpose and no other.
func TestEachTimerFiresAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		s, p, done := serve(t, tend.Spec{Clock: clock, FailureThreshold: 0.5},
			failing("pausing"), slow("hanging", time.Second),
			tend.Child{Service: failing("delayed"), Backoff: tend.Backoff{Min: time.Hour}},
			tend.Child{Service: idle("starting"), ReadyTimeout: time.Hour},
			tend.Child{Service: idle("watched"), Watchdog: time.Hour})
		p.begin = clock.Now()
		tokens := map[string]tend.ServiceToken{}
		for _, c := range s.Status().Services {
			tokens[c.Name] = c.Token
		}
		_ = s.Suspend(tokens["hanging"])
		wantStates(t, s, "pausing backoff, hanging stopping, delayed backoff, starting starting, watched running")
		p.lines()
		clock.Trigger(tend.PauseTimer)
		p.want(
			"15s root: pause ended: after 15s", // what a timer brings about happens when it was due
			"15s root/pausing: service started: 1 restart",
			"0s root/pausing: service failed: boom; restarts in 15s", // and the rest when the clock says
			"0s root: pause began: until "+clock.Now().Add(15*time.Second).Format(time.TimeOnly)+", failure count 1.0 is over 0.5",
		)
		clock.Trigger(tend.BackoffTimer)
		p.want(
			"1h0m0s root/delayed: service started: 1 restart",
			"0s root/delayed: service failed: boom; restarts in 1h0m0s",
		)
		clock.Trigger(tend.ReadyTimer)
		p.want(
			"0s root/starting: service unresponsive: tend: service was not ready in time",
			"0s root/starting: service failed: tend: service was not ready in time; restarts in 15s",
		)
		clock.Trigger(tend.WatchdogTimer)
		p.want(
			"0s root/watched: service unresponsive: tend: service did not call Alive in time",
			"0s root/watched: service failed: tend: service did not call Alive in time; restarts in 15s",
		)
		clock.Trigger(tend.StopTimer)
		p.want("0s root/hanging: service stuck: has not returned after 10s")
		wait := make(chan error)
		go func() { wait <- s.RemoveAndWait(tokens["hanging"], time.Hour) }()
		synctest.Wait()
		clock.Trigger(tend.RemoveTimer)
		wantError(t, <-wait, tend.ErrTimeout)
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
		clock.Trigger(tend.DrainTimer)
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
		sub := tend.NewSimple("sub")
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
		p.lines()
		time.Sleep(time.Minute)
		p.want(
			"31s root/a: service unresponsive: tend: service did not call Alive in time",
			"31s root/a: service failed: tend: service did not call Alive in time",
			"31s root/a: service started: 1 restart",
		)
	})
}
