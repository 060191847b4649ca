package actor_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// The traps into which other actor libraries have fallen, with their numbers; those that
// are about one noun stand beside its tests.

// TestTrap15StoppingWhoDoesNotRun: suspended, or in its delay. What waits is lost.
func TestTrap15StoppingWhoDoesNotRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		suspended, rs := newRecorder(actor.Spec[int]{}, nil)
		delayed, rd := newRecorder(actor.Spec[int]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Hour}}}, func(context.Context, int) error { return errBoom })
		s, _ := serve(t, tend.Spec{}, suspended, delayed)
		_ = s.Suspend(s.Status().Services[0].Token)
		send(t, delayed, 0)
		synctest.Wait()
		send(t, suspended, 1)
		send(t, delayed, 1)
		began := time.Now()
		s.Stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("the stop took %v", took)
		}
		rs.expect(t, nil, []int{1})
		rd.expect(t, nil, []int{0, 1})
	})
}

// TestTrap24AHandlerThatChangesItsOwnActor: Restart, Suspend and Remove take effect when it
// has returned, and who waits for its own end learns that it ends.
func TestTrap24AHandlerThatChangesItsOwnActor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		var wait error
		a, r := newRecorder(actor.Spec[int]{}, func(ctx context.Context, m int) error {
			self, _ := tend.Self(ctx)
			switch m {
			case 0:
				return s.Restart(self.Token, nil)
			case 1:
				return s.Suspend(self.Token)
			case 2:
				wait = s.RemoveAndWait(ctx, self.Token)
			}
			return nil
		})
		s, _ = serve(t, tend.Spec{}, a)
		tok := s.Status().Services[0].Token
		for m := range 3 { // what it asks for takes effect a moment later
			send(t, a, m)
			synctest.Wait()
		}
		send(t, a, 3)
		synctest.Wait()
		if status := s.Status().Services[0]; status.State != tend.StateSuspended || status.Incarnation != 2 {
			t.Errorf("it is %v in run %d", status.State, status.Incarnation)
		}
		r.expect(t, []int{0, 1}, nil)
		_ = s.Restart(tok, nil)
		r.expect(t, []int{0, 1, 2}, []int{3})
		if n := len(s.Status().Services); n != 0 || !errors.Is(wait, tend.ErrRemoved) {
			t.Errorf("%d services are left, and it has waited until %v", n, wait)
		}
	})
}

// TestTrap25AGroupOfActorsAndServices restarts in order, though one is stuck for a while.
func TestTrap25AGroupOfActorsAndServices(t *testing.T) {
	bubble(t, func(t *testing.T) {
		first, rf := newRecorder(actor.Spec[int]{}, nil)
		slow, rs := newRecorder(actor.Spec[int]{}, func(_ context.Context, m int) error {
			if m == 0 {
				time.Sleep(time.Minute)
			}
			return nil
		})
		fail := make(chan error)
		last := tend.Func("last", func(ctx context.Context) error {
			select {
			case err := <-fail:
				return err
			case <-ctx.Done():
				return nil
			}
		})
		s, tape := serve(t, tend.Spec{Strategy: tend.OneForAll}, first, slow, last)
		synctest.Wait()
		send(t, slow, 0, 1)
		synctest.Wait()
		fail <- errBoom
		time.Sleep(30 * time.Second) // slow is stuck, and all wait for it
		synctest.Wait()
		if rf.count() != 1 || rs.count() != 1 {
			t.Errorf("%d and %d runs, though one is stuck", rf.count(), rs.count())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		rs.expect(t, []int{0, 1}, nil)
		var stuck int
		for _, e := range tape.Events() {
			if _, is := e.(tend.ServiceStuck); is {
				stuck++
			}
		}
		if status := s.Status(); rf.count() != 2 || rs.count() != 2 || stuck != 1 || status.AllRunning() != nil {
			t.Errorf("%d and %d runs, %d stuck\n%v", rf.count(), rs.count(), stuck, status)
		}
	})
}

// TestTrap29OneProcessor: all of it holds.
func TestTrap29OneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for seed := uint64(1); seed <= 50 && !t.Failed(); seed++ {
		simulate(t, seed)
	}
}

// TestTrap31AnActorInsideOfAService that has a Serve of its own: that is called.
func TestTrap31AnActorInsideOfAService(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{}, nil)
		w := &wrapper{Actor: a}
		s, _ := serve(t, tend.Spec{}, w)
		send(t, a, 1)
		r.expect(t, []int{1}, nil)
		if w.calls != 1 {
			t.Errorf("its Serve was called %d times", w.calls)
		}
		s.Stop()
		if err := a.TrySend(2); !errors.Is(err, actor.ErrGone) {
			t.Errorf("it has stopped: %v", err)
		}
	})
}

type wrapper struct {
	*actor.Actor[int]
	calls int
}

func (w *wrapper) Serve(ctx context.Context) error {
	w.calls++
	return w.Actor.Serve(ctx)
}

// TestTrap34TwoBubbles with a tree each do not meet.
func TestTrap34TwoBubbles(t *testing.T) {
	for _, name := range []string{"one", "another"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				for range 20 {
					s, a := asked(t, actor.Spec[question]{}, func(_ context.Context, q question) error {
						time.Sleep(time.Second)
						q.reply.Send(q.n)
						return nil
					})
					if n, err := ask(t.Context(), a, 7); n != 7 || err != nil {
						t.Errorf("%d, %v", n, err)
					}
					s.Stop()
				}
			})
		})
	}
}

// TestTrap35MessagesOfAnySize: none at all, and 64 KiB.
func TestTrap35MessagesOfAnySize(t *testing.T) {
	bubble(t, func(t *testing.T) {
		if n := handledOf[struct{}](t); n != 100 {
			t.Errorf("%d empty ones were handled", n)
		}
		if n := handledOf[[64 << 10]byte](t); n != 100 {
			t.Errorf("%d large ones were handled", n)
		}
	})
}

// handledOf sends a hundred zero messages of a type.
func handledOf[M any](t *testing.T) (n int) {
	t.Helper()
	a := actor.New("a", &actor.Spec[M]{New: func(context.Context, *actor.Actor[M]) (actor.Handler[M], error) {
		return actor.Func[M](func(context.Context, M) error { n++; return nil }), nil
	}})
	serve(t, tend.Spec{}, a)
	for range 100 {
		if err := a.Send(t.Context(), *new(M)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	return n
}

// TestErrorsSayWhoIsGone, and why.
func TestErrorsSayWhoIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _ := newRecorder(actor.Spec[int]{Child: tend.Child{Limit: tend.Limit{N: 1}}}, func(context.Context, int) error { return errBoom })
		s, _ := serve(t, tend.Spec{}, a)
		send(t, a, 1)
		synctest.Wait()
		got := []string{a.TrySend(2).Error()}
		s.Stop()
		_ = s.Remove(s.Status().Services[0].Token)
		synctest.Wait()
		got = append(got, a.TrySend(2).Error())
		want := []string{"tend/actor: a is gone: boom", "tend/actor: a is gone: tend: service was removed"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// TestALongTurnEnds when it has taken a millisecond and others wait: each gets its turn.
func TestALongTurnEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var order []string
		spec := &actor.Spec[int]{New: func(_ context.Context, self *actor.Actor[int]) (actor.Handler[int], error) {
			return actor.Func[int](func(context.Context, int) error {
				order = append(order, self.String())
				time.Sleep(time.Millisecond)
				return nil
			}), nil
		}}
		var all []tend.Service
		for _, name := range []string{"a", "b", "c"} {
			a := actor.New(name, spec)
			send(t, a, 0, 1, 2, 3)
			all = append(all, a)
		}
		root, w := serveByHand(t, all...)
		w.work()
		root.Stop()
		if got := strings.Join(order, ""); got != "aabbccaabbcc" {
			t.Errorf("turns are %s", got)
		}
	})
}
