package actor_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/internal/timerid"
)

// diary notes when messages are handled.
type diary struct {
	begin time.Time
	lines []string
}

func (d *diary) note(m int) {
	d.lines = append(d.lines, fmt.Sprint(time.Since(d.begin), " ", m))
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, d.lines); diff != "" {
		t.Error(diff)
	}
	d.lines = nil
}

// scheduled makes an actor that sets timers when it begins, and notes what comes.
func scheduled(t *testing.T, spec actor.Spec[int], begin func(a *actor.Actor[int]), handle func(m int) error) (*tend.Supervisor, *actor.Actor[int], *diary) {
	t.Helper()
	d := &diary{begin: time.Now()}
	spec.New = func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
		begin(self)
		return actor.Func[int](func(_ context.Context, m int) error {
			d.note(m)
			return handle(m)
		}), nil
	}
	a := actor.New("a", &spec)
	s, _ := serve(t, tend.Spec{FailureThreshold: 1e9}, a)
	return s, a, d
}

func TestAfterAndEvery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var stops []func() bool
		_, _, d := scheduled(t, actor.Spec[int]{}, func(a *actor.Actor[int]) {
			stops = append(stops, a.After(3*time.Second, 1), a.Every(2*time.Second, 2), a.After(time.Minute, 3))
		}, func(int) error { return nil })
		time.Sleep(7 * time.Second)
		d.expect(t, "2s 2", "3s 1", "4s 2", "6s 2")
		if stops[0]() || !stops[1]() || !stops[2]() || stops[1]() {
			t.Error("the stops do not say what they have done")
		}
		time.Sleep(time.Hour)
		d.expect(t)
	})
}

// TestAFullMailboxKeepsNoTimer, and one that waits behind a message is not late for it.
func TestTimersBesideAFullMailbox(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a, d := scheduled(t, actor.Spec[int]{Mailbox: 2}, func(a *actor.Actor[int]) { a.After(time.Second, 9) }, func(int) error {
			time.Sleep(10 * time.Second)
			return nil
		})
		send(t, a, 1)
		synctest.Wait()
		send(t, a, 2, 3)
		time.Sleep(time.Hour)
		d.expect(t, "0s 1", "10s 9", "20s 2", "30s 3")
	})
}

// TestEveryDropsWhatIsTooSlow: at most one waits.
func TestEveryDropsWhatIsTooSlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a, d := scheduled(t, actor.Spec[int]{}, func(a *actor.Actor[int]) { a.Every(2*time.Second, 9) }, func(m int) error {
			if m == 1 {
				time.Sleep(11 * time.Second)
			}
			return nil
		})
		send(t, a, 1)
		time.Sleep(15 * time.Second)
		d.expect(t, "0s 1", "11s 9", "12s 9", "14s 9")
	})
}

// TestTrap10TimersEndWithTheRun: a ticker does not double over a restart, and a stopped
// timer's message is not handled though it was waiting.
func TestTrap10TimersEndWithTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var stop func() bool
		s, a, d := scheduled(t, actor.Spec[int]{}, func(a *actor.Actor[int]) {
			a.Every(10*time.Second, 9)
			stop = a.After(time.Second, 8)
		}, func(m int) error {
			switch m {
			case 1:
				time.Sleep(5 * time.Second) // 8 waits
				if !stop() {
					t.Error("it cannot be stopped")
				}
			case 2:
				time.Sleep(5 * time.Second)
				return errBoom
			}
			return nil
		})
		send(t, a, 1)
		time.Sleep(25 * time.Second)
		d.expect(t, "0s 1", "10s 9", "20s 9")
		send(t, a, 2) // at 25s, and 9 would come at 30s
		time.Sleep(20 * time.Second)
		d.expect(t, "25s 2", "31s 8", "40s 9")
		_ = s.Suspend(s.Status().Services[0].Token)
		time.Sleep(time.Hour)
		d.expect(t)
		if a.After(time.Second, 7)() {
			t.Error("there is a timer though it does not run")
		}
	})
}

// TestTimersGoByTheClockOfTheTree.
func TestTimersGoByTheClockOfTheTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		clock := abtime.NewManual()
		handled := 0
		a := actor.New("a", &actor.Spec[int]{New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
			self.After(time.Hour, 1)
			return actor.Func[int](func(context.Context, int) error { handled++; return nil }), nil
		}})
		serve(t, tend.Spec{Clock: clock}, a)
		time.Sleep(24 * time.Hour)
		if handled != 0 {
			t.Error("it goes by another clock")
		}
		clock.Trigger(timerid.Send)
		synctest.Wait()
		if handled != 1 {
			t.Error("it does not go by that clock")
		}
	})
}
