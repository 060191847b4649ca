package actor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/tendtest"
)

// spell is for how long an actor hangs in each of what it does.
type spell struct {
	begin, handle, stop time.Duration
	alive               time.Duration // it says so that often; 0: never
}

// hanging makes the state of a run that hangs in its first run alone.
func hanging(h spell) func(context.Context, *actor.Actor[time.Duration]) (actor.Handler[time.Duration], error) {
	runs := 0
	return func(ctx context.Context, _ *actor.Actor[time.Duration]) (actor.Handler[time.Duration], error) {
		if runs++; runs > 1 {
			return &hanger{}, nil
		}
		wait(ctx, h.begin, h.alive)
		return &hanger{h}, nil
	}
}

// wait takes a time, and does not look whether ctx has ended.
func wait(ctx context.Context, d, alive time.Duration) {
	for alive > 0 && d > alive {
		time.Sleep(alive)
		tend.Alive(ctx)
		d -= alive
	}
	time.Sleep(d)
}

type hanger struct{ spell }

// Handle takes the time that it is given, or hangs and fails.
func (h *hanger) Handle(ctx context.Context, m time.Duration) error {
	if m > 0 {
		wait(ctx, m, h.alive)
		return nil
	}
	wait(ctx, h.handle, h.alive)
	return errBoom
}

func (h *hanger) Stop(context.Context, error) error {
	time.Sleep(h.stop)
	return nil
}

// TestTheWatchdogOfAnActor: nothing may be in hand for longer, and each has its time; one
// that is idle is alive.
func TestTheWatchdogOfAnActor(t *testing.T) {
	const limit = 10 * time.Second
	quick := slices.Repeat([]time.Duration{9 * time.Second}, 5)
	for name, test := range map[string]struct {
		hang     spell
		messages []time.Duration // 0: the one that hangs
		want     []string
	}{
		"New":               {spell{begin: 15 * time.Second}, nil, []string{"10s unresponsive", "15s failed: ErrUnresponsive"}},
		"New in time":       {spell{begin: 9 * time.Second}, nil, nil},
		"Handle":            {spell{handle: 15 * time.Second}, []time.Duration{0}, []string{"10s unresponsive", "15s failed: ErrUnresponsive"}},
		"not the first":     {spell{handle: 15 * time.Second}, append(quick, 0), []string{"55s unresponsive", "1m0s failed: ErrUnresponsive"}},
		"after New":         {spell{begin: 9 * time.Second, handle: 15 * time.Second}, []time.Duration{0}, []string{"19s unresponsive", "24s failed: ErrUnresponsive"}},
		"each in time":      {spell{}, quick, nil},
		"Stop":              {spell{handle: time.Second, stop: 15 * time.Second}, []time.Duration{0}, []string{"11s unresponsive", "16s failed: ErrUnresponsive"}},
		"it says so":        {spell{alive: 3 * time.Second}, []time.Duration{time.Minute}, nil},
		"it says so, once":  {spell{alive: 8 * time.Second, handle: 15 * time.Second}, []time.Duration{0}, []string{"15s failed: boom"}},
		"not often enough":  {spell{alive: 12 * time.Second}, []time.Duration{time.Minute}, []string{"10s unresponsive", "1m0s failed: ErrUnresponsive"}},
		"longer than twice": {spell{handle: 45 * time.Second}, []time.Duration{0}, []string{"10s unresponsive", "45s failed: ErrUnresponsive"}},
	} {
		for _, outside := range []bool{false, true} { // where the Watchdog is set
			bubble(t, func(t *testing.T) {
				spec := &actor.Spec[time.Duration]{New: hanging(test.hang), Inline: outside}
				child := tend.Child{Service: actor.New("a", spec)}
				if outside {
					child.Watchdog = limit
				} else {
					spec.Child.Watchdog, spec.Child.Timeout = limit, time.Hour
				}
				child.Timeout = time.Hour
				began := time.Now()
				s, tape := serve(t, tend.Spec{}, child)
				for _, m := range test.messages {
					if err := child.Service.(*actor.Actor[time.Duration]).TrySend(m); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				var got []string
				for _, e := range tape.Events() {
					at := e.From().Time.Sub(began)
					switch e := e.(type) {
					case tend.ServiceUnresponsive:
						got = append(got, fmt.Sprintf("%v unresponsive", at))
						if !strings.Contains(e.Stacks, "actor_test") || e.Cause.Err != tend.ErrUnresponsive {
							t.Errorf("%s: because of %v, in\n%s", name, e.Cause, e.Stacks)
						}
					case tend.ServiceFailed:
						why := strings.TrimPrefix(e.Err.Text, "tend: service did not call Alive in time")
						if errors.Is(e.Err, tend.ErrUnresponsive) {
							why = "ErrUnresponsive"
						}
						got = append(got, fmt.Sprintf("%v failed: %s", at, why))
					}
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%s, set outside %v: %q", name, outside, got)
				}
				if state := s.Status().Services[0].State; state != tend.StateRunning {
					t.Errorf("%s: it is %v", name, state)
				}
			})
		}
	}
}

// TestAWatchdogWhileItStops: then the Timeout is what counts.
func TestAWatchdogWhileItStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		spec := &actor.Spec[time.Duration]{New: hanging(spell{}), Child: tend.Child{Watchdog: time.Second, Timeout: 5 * time.Second}}
		a := actor.New("a", spec)
		s, tape := serve(t, tend.Spec{}, a)
		_ = a.TrySend(time.Minute)
		synctest.Wait()
		_ = s.Suspend(s.Status().Services[0].Token)
		time.Sleep(2 * time.Minute)
		for _, e := range tape.Events() {
			if _, is := e.(tend.ServiceUnresponsive); is {
				t.Errorf("%v", e)
			}
		}
	})
}

// TestAWatchdogThatWasHeldUp: with the whole program. Each thing has its time once more.
func TestAWatchdogThatWasHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		step := make(chan error)
		spec := stepping(step)
		spec.Child.Watchdog = 10 * time.Second
		a := actor.New("a", spec)
		s, tape := serve(t, tend.Spec{Clock: clock}, a)
		unresponsive := func() (n int) {
			synctest.Wait()
			for _, e := range tape.Events() {
				if _, is := e.(tend.ServiceUnresponsive); is {
					n++
				}
			}
			return n
		}
		synctest.Wait()
		clock.Trigger(tendtest.WatchdogTimer) // which nobody has armed
		_ = a.TrySend(1)
		synctest.Wait()
		clock.Advance(time.Hour)
		clock.Trigger(tendtest.WatchdogTimer)
		if n := unresponsive(); n != 0 {
			t.Error("it had no time once more")
		}
		clock.Advance(10 * time.Second)
		clock.Trigger(tendtest.WatchdogTimer)
		if n := unresponsive(); n != 1 {
			t.Errorf("%d times it was unresponsive", n)
		}
		close(step)
		synctest.Wait()
		s.Stop()
	})
}
