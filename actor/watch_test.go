package actor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// watcher makes an actor that watches others and notes what it is told; plain messages are
// handled by handle.
type watcher struct {
	*actor.Actor[any]
	told  []string
	stops []func()
}

func newWatcher(handle func(m any) error, others ...*actor.Actor[int]) *watcher {
	w := &watcher{}
	w.Actor = actor.New("watcher", &actor.Spec[any]{New: func(_ context.Context, self *actor.Actor[any]) (actor.Handler[any], error) {
		for _, other := range others {
			w.stops = append(w.stops, actor.Watch(self, other, func(d actor.Down) any { return d }))
		}
		return actor.Func[any](func(_ context.Context, m any) error {
			if d, is := m.(actor.Down); is {
				w.told = append(w.told, fmt.Sprint(d.Name, " ", d.Run, " ", d.Err, " ", d.Again))
				return nil
			}
			w.told = append(w.told, fmt.Sprint(m))
			return handle(m)
		}), nil
	}})
	return w
}

func (w *watcher) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	if d := cmp.Diff(want, w.told); d != "" {
		t.Errorf("%s: %s", what, d)
	}
	w.told = nil
}

// failing makes an actor that fails on 1, panics on 2, and leaves on 3.
func failing(spec actor.Spec[int]) *actor.Actor[int] {
	a, _ := newRecorder(spec, func(_ context.Context, m int) error {
		switch m {
		case 1:
			return errBoom
		case 2:
			panic("boom")
		case 3:
			return tend.ErrDoNotRestart
		}
		return nil
	})
	return a
}

func TestWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Second}}})
		w := newWatcher(func(any) error { return nil }, a)
		s, _ := serve(t, tend.Spec{}, w, a)
		tok := s.Status().Services[1].Token
		synctest.Wait()
		w.expect(t, "idle")
		send(t, a, 1)
		w.expect(t, "it has failed", "a 1 boom true")
		time.Sleep(time.Second)
		w.expect(t, "it runs again")
		_ = s.Restart(tok, nil)
		w.expect(t, "it was restarted", "a 2 <nil> true")
		_ = s.Restart(tok, errors.New("because"))
		w.expect(t, "it was blamed", "a 3 because true")
		_ = s.Suspend(tok)
		w.expect(t, "suspended in its delay", "a 3 <nil> false")
		_ = s.Restart(tok, nil)
		w.expect(t, "called back")
		send(t, a, 2)
		w.expect(t, "it has panicked", "a 4 panic: boom true")
		_ = s.Remove(tok)
		w.expect(t, "removed in its delay", "a 4 <nil> false")
		s.Add(a)
		synctest.Wait()
		send(t, a, 3)
		w.expect(t, "watched as long as the watcher runs", "a 1 "+tend.ErrDoNotRestart.Error()+" false")
	})
}

// TestTrap22WatchingTwiceTheDeadAndOneself.
func TestTrap22WatchingTwiceTheDeadAndOneself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		s, _ := serve(t, tend.Spec{})
		tok := s.Add(a)
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		b := failing(actor.Spec[int]{})
		s.Add(b)
		w := newWatcher(func(any) error { return nil }, a, b, b)
		s.Add(w)
		w.expect(t, "one is gone", "a 1 <nil> false")
		send(t, b, 1)
		w.expect(t, "both are told", "a 1 boom true", "a 1 boom true")
		w.stops[1]()
		send(t, b, 1)
		w.expect(t, "one was stopped", "a 2 boom true")

		downs := 0
		self := actor.New("self", &actor.Spec[int]{New: func(_ context.Context, me *actor.Actor[int]) (actor.Handler[int], error) {
			actor.Watch(me, me, func(actor.Down) int { downs++; return 0 })
			return actor.Func[int](func(_ context.Context, m int) error {
				if m > 0 {
					return errBoom
				}
				return nil
			}), nil
		}})
		s.Add(self)
		send(t, self, 1)
		synctest.Wait()
		if downs != 0 { // its watch has ended with the run
			t.Errorf("it is told of its own end %d times", downs)
		}
	})
}

// TestWhoWatchesLaterIsNotTold of an end that came before, though others are yet to be told: a
// run that watches itself does not hear of the one before it.
func TestWhoWatchesLaterIsNotTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told []uint64
		self := actor.New("self", &actor.Spec[int]{New: func(_ context.Context, me *actor.Actor[int]) (actor.Handler[int], error) {
			actor.Watch(me, me, func(d actor.Down) int { told = append(told, d.Run); return 0 })
			return actor.Func[int](func(_ context.Context, m int) error {
				if m > 0 {
					return errBoom
				}
				return nil
			}), nil
		}})
		send(t, self, 1)
		other := actor.New("other", &actor.Spec[int]{New: func(_ context.Context, me *actor.Actor[int]) (actor.Handler[int], error) {
			actor.Watch(me, self, func(d actor.Down) int { told = append(told, 10*d.Run); return 0 })
			return actor.Func[int](func(context.Context, int) error { return nil }), nil
		}})
		root, w := serveByHand(t, other, self)
		w.turn(0)
		w.turn(0)
		if len(w.ready) != 2 {
			t.Fatalf("%d are ready, not who tells of the end and the next run", len(w.ready))
		}
		w.turn(1) // the next run is faster
		w.work()
		if !slices.Equal(told, []uint64{10}) {
			t.Errorf("told of the ends of runs %d, tens those of the other", told)
		}
		root.Stop()
	})
}

// TestWhatAWatchDoesNotKnow: who begins while the actor does not run is not told of the end
// that it was before, but is told if it will not run again, whatever others know.
func TestWhatAWatchDoesNotKnow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		s, _ := serve(t, tend.Spec{}, a)
		tok := s.Status().Services[0].Token
		synctest.Wait()
		_ = s.Suspend(tok)
		synctest.Wait()
		first := newWatcher(nil, a)
		s.Add(first)
		first.expect(t, "it does not run")
		_ = s.Restart(tok, nil)
		first.expect(t, "it runs again")
		_ = s.Suspend(tok)
		first.expect(t, "suspended", "a 2 <nil> false")
		second := newWatcher(nil, a)
		s.Add(second)
		synctest.Wait()
		if err := s.RemoveAndWait(t.Context(), tok); err != nil {
			t.Error(err)
		}
		first.expect(t, "is known")
		second.expect(t, "it will not run again", "a 2 <nil> false")
		s.Add(a)
		synctest.Wait()
		send(t, a, 1) // its first run is as the one that they know, by its number
		first.expect(t, "it is back", "a 1 boom true")
		second.expect(t, "it is back", "a 1 boom true")
	})
}

// TestARunIsNotTakenForOneOfAnEarlierLife: an actor that was removed and is added again counts
// its runs anew.
func TestARunIsNotTakenForOneOfAnEarlierLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		w := newWatcher(nil, a)
		s, _ := serve(t, tend.Spec{}, a, w)
		synctest.Wait()
		if err := s.RemoveAndWait(t.Context(), s.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		w.expect(t, "removed", "a 1 <nil> false")
		s.Add(a)
		synctest.Wait()
		send(t, a, 1)
		w.expect(t, "back", "a 1 boom true")
	})
}

// TestWhoWatchesBeforeTheFirstRunOfALife does not take that for one of the life before.
func TestWhoWatchesBeforeTheFirstRunOfALife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		s, _ := serve(t, tend.Spec{}, a)
		synctest.Wait()
		if err := s.RemoveAndWait(t.Context(), s.Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		w := newWatcher(nil, a)
		serve(t, tend.Spec{Ordered: true}, tend.Child{Service: w.Actor, ReadyTimeout: time.Minute}, a)
		synctest.Wait()
		send(t, a, 1)
		w.expect(t, "its first run", "a 1 boom true")
	})
}

// TestAWatchEndsWithItsRun: nothing is left of it, and the member that it watched may sleep.
func TestAWatchEndsWithItsRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := actor.NewGroup("g", actor.GroupSpec[int, int]{
			Idle: time.Minute,
			New: func(context.Context, *actor.Actor[int], int) (actor.Handler[int], error) {
				return actor.Func[int](func(context.Context, int) error { return nil }), nil
			},
		})
		w := actor.New("w", &actor.Spec[int]{New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
			actor.Watch(self, g.To(1), func(actor.Down) int { return 0 })
			return actor.Func[int](func(context.Context, int) error { return nil }), nil
		}})
		s, _ := serve(t, tend.Spec{}, g, w)
		if err := g.To(1).TrySend(1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if g.Len() != 1 || actor.WatchersOf(g, 1) != 1 {
			t.Errorf("while it is watched there are %d members, %d watch", g.Len(), actor.WatchersOf(g, 1))
		}
		if err := s.RemoveAndWait(t.Context(), s.Status().Services[1].Token); err != nil {
			t.Fatal(err)
		}
		if n := actor.WatchersOf(g, 1); n != 0 {
			t.Errorf("%d watch", n)
		}
		time.Sleep(2 * time.Minute)
		if g.Len() != 0 {
			t.Error("it does not sleep")
		}
	})
}

// TestADownComesAfterWhatWaited, and of several the last takes the place of the others; the
// watch ends with the run of who watches.
func TestADownComesAfterWhatWaited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		w := newWatcher(func(m any) error {
			if m == "fail" {
				return errBoom
			}
			time.Sleep(time.Second)
			return nil
		}, a)
		s, _ := serve(t, tend.Spec{FailureThreshold: 1e9}, w, a)
		tell := func(list ...string) {
			t.Helper()
			for _, m := range list {
				if err := w.TrySend(m); err != nil {
					t.Fatal(err)
				}
			}
		}
		tell("1", "2", "3")
		synctest.Wait()
		send(t, a, 1)
		synctest.Wait()
		tell("4")
		send(t, a, 1)
		time.Sleep(time.Minute)
		w.expect(t, "busy", "1", "2", "3", "a 2 boom true", "4")
		tell("fail")
		synctest.Wait() // now there is another run, and another watch
		send(t, a, 1)
		w.expect(t, "watched once", "fail", "a 3 boom true")
		s.Stop()
	})
}

// TestALink: the end of one is the end of the other.
func TestALink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		linked := actor.New("linked", &actor.Spec[error]{New: func(_ context.Context, self *actor.Actor[error]) (actor.Handler[error], error) {
			actor.Watch(self, a, func(d actor.Down) error { return d.Err })
			return actor.Func[error](func(_ context.Context, m error) error { return m }), nil
		}})
		s, _ := serve(t, tend.Spec{}, linked, a)
		synctest.Wait()
		send(t, a, 1)
		synctest.Wait()
		if status := s.Status().Services[0]; status.Failed != 1 || !errors.Is(status.Failures[0].Err, errBoom) {
			t.Errorf("%+v", status)
		}
	})
}

// TestTheMessageOfADownMayDoAnything: a panic or an exit is a failure of who watches.
func TestTheMessageOfADownMayDoAnything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for want, misdeed := range map[string]func(){"panic: boom": func() { panic("boom") }, tend.ErrGoexit.Error(): runtime.Goexit} {
			a := failing(actor.Spec[int]{})
			w := actor.New("w", &actor.Spec[int]{New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
				actor.Watch(self, a, func(actor.Down) int { misdeed(); return 0 })
				return actor.Func[int](func(context.Context, int) error { return nil }), nil
			}})
			s, _ := serve(t, tend.Spec{}, w, a)
			synctest.Wait()
			send(t, a, 1)
			synctest.Wait()
			if status := s.Status().Services[0]; status.Failed != 1 || status.Failures[0].Err.Text != want || status.Mailbox.Lost != 0 {
				t.Errorf("%s: %+v, %+v", want, status, status.Mailbox)
			}
		}
	})
}

// TestADownComesInItsPlace: after what came before it, and before the rest, though all of
// that is taken over at once.
func TestADownComesInItsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := failing(actor.Spec[int]{})
		w := newWatcher(func(m any) error {
			if m == 0 {
				time.Sleep(time.Second)
			}
			return nil
		}, a)
		serve(t, tend.Spec{}, w, a)
		synctest.Wait()
		tell := func(m any) {
			if err := w.TrySend(m); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		tell(0)
		tell(1)
		tell(2)
		send(t, a, 1)
		synctest.Wait()
		tell(3)
		tell(4)
		time.Sleep(time.Minute)
		w.expect(t, "in order", "0", "1", "2", "a 1 boom true", "3", "4")
	})
}
