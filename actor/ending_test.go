package actor_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/tendtest"
)

// TestAHelperThatFails ends the run of the actor that has started it, and is what that has failed
// with; what the actor is doing then is the last, and its context has ended.
func TestAHelperThatFails(t *testing.T) {
	for _, restart := range []tend.Restart{tend.Permanent, tend.Temporary} {
		bubble(t, func(t *testing.T) {
			a, r := newRecorder(actor.Spec[int]{Drain: 3 * time.Second, Child: tend.Child{Restart: restart}}, func(ctx context.Context, m int) error {
				if m > 0 {
					return nil
				}
				tend.Go(ctx, func(context.Context) error {
					time.Sleep(time.Second)
					return errBoom
				})
				return nil
			})
			_, tape := serve(t, tend.Spec{}, a)
			send(t, a, 0)
			synctest.Wait()
			tape.Lines()
			time.Sleep(time.Minute)
			if restart == tend.Permanent {
				tape.Want("1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1")
				send(t, a, 1)
				r.expect(t, []int{0, 1}, nil)
			} else {
				tape.Want("1s root/a service ended err=boom unclean next=gone")
			}
		})
	}
}

// curt is a handler whose Stop does something with its context.
type curt struct{ stop func(context.Context) }

func (*curt) Handle(context.Context, string) error { return nil }

func (c *curt) Stop(ctx context.Context, _ error) error {
	c.stop(ctx)
	return nil
}

// TestTheContextOfAStopIsKept by its handler: it has no deadline any more when the member, which woke
// again meanwhile, has nothing to do.
func TestTheContextOfAStopIsKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := make(chan context.Context, 1)
		var g *actor.Group[int, string]
		g = actor.NewGroup("g", actor.GroupSpec[int, string]{Idle: time.Second, New: func(context.Context, *actor.Actor[string], int) (actor.Handler[string], error) {
			return &curt{func(ctx context.Context) {
				select {
				case seen <- ctx:
					tell(t, g.To(1), "again")
				default:
				}
			}}, nil
		}})
		serve(t, tend.Spec{}, g)
		if err := g.Put(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		kept := <-seen
		seen <- nil
		synctest.Wait()
		if by, is := kept.Deadline(); is {
			t.Errorf("it ends at %v", by)
		}
	})
}

// TestAHelperFailsWhileAMessageIsInHand: the next one is not begun, and a stop after that is no
// second end.
func TestAHelperFailsWhileAMessageIsInHand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, r := newRecorder(actor.Spec[int]{Drain: 3 * time.Second}, func(ctx context.Context, _ int) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			<-ctx.Done()
			if ctx.Err() == nil {
				t.Error("the context has ended, and says that it has not")
			}
			time.Sleep(time.Second)
			return nil
		})
		s, tape := serve(t, tend.Spec{}, a)
		send(t, a, 0, 1)
		synctest.Wait()
		_ = s.Remove(s.Status().Services[0].Token)
		synctest.Wait()
		if err := a.TrySend(2); !errors.Is(err, actor.ErrGone) {
			t.Errorf("it says %v", err)
		}
		tape.Lines()
		time.Sleep(time.Minute)
		r.expect(t, []int{0}, []int{1})
		if got := tape.Lines(tend.ServiceEnded{}.Kind()); len(got) != 1 {
			t.Errorf("it has ended so: %q", got)
		}
	})
}

// TestDrainingEndsInTime though a message is in hand: its context ends then, earlier if the stop has
// to be through earlier.
func TestDrainingEndsInTime(t *testing.T) {
	for name, c := range map[string]struct {
		within, want time.Duration
	}{
		"alone":    {0, 5 * time.Second},
		"hastened": {2 * time.Second, time.Second + 1805*time.Millisecond}, // a twentieth is left to the supervisor, and one of that to Stop
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var took time.Duration
				a, r := newRecorder(actor.Spec[int]{Drain: 5 * time.Second}, func(ctx context.Context, _ int) error {
					began := time.Now()
					<-ctx.Done()
					took = time.Since(began)
					return nil
				})
				s, _ := serve(t, tend.Spec{StopWithin: c.within}, a)
				send(t, a, 0, 1)
				synctest.Wait()
				_ = s.Remove(s.Status().Services[0].Token)
				time.Sleep(time.Second)
				if c.within > 0 {
					go s.Stop()
				}
				time.Sleep(time.Minute)
				r.expect(t, []int{0}, []int{1})
				if took != c.want {
					t.Errorf("its context has ended after %v, not %v", took, c.want)
				}
			})
		})
	}
}

// TestWhoHasFailedDoesNotDrain: a temporary one that hangs hears of its Watchdog at once.
func TestWhoHasFailedDoesNotDrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		spec := actor.Spec[int]{Drain: time.Second, Child: tend.Child{Restart: tend.Temporary, Watchdog: 5 * time.Second}}
		a, _ := newRecorder(spec, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return nil
		})
		_, tape := serve(t, tend.Spec{}, a)
		send(t, a, 0)
		synctest.Wait()
		time.Sleep(time.Minute)
		tape.Want(
			"0s root supervisor started services=1", "0s root/a service started",
			"5s root/a service unresponsive cause=ErrUnresponsive",
			"5s root/a service failed err=ErrUnresponsive count=1",
		)
	})
}

// TestWhoHangsIsServedAgain takes messages again, as it will run when it has returned.
func TestWhoHangsIsServedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		a, r := newRecorder(actor.Spec[int]{}, func(context.Context, int) error {
			<-step
			return nil
		})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		s.ServeBackground(t.Context())
		send(t, a, 0)
		synctest.Wait()
		_ = s.Restart(s.Status().Services[0].Token, nil)
		send(t, a, 1)
		time.Sleep(time.Minute)
		s.Stop()
		if err := a.TrySend(2); !errors.Is(err, actor.ErrGone) {
			t.Errorf("it says %v", err)
		}
		done := s.ServeBackground(t.Context())
		synctest.Wait()
		send(t, a, 3)
		close(step)
		r.expect(t, []int{0, 1, 3}, nil)
		s.Stop()
		<-done
	})
}

// TestATemporaryOneThatHangsIsServedAgain takes none: its run stays the last.
func TestATemporaryOneThatHangsIsServedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		a, r := newRecorder(actor.Spec[int]{Child: tend.Child{Restart: tend.Temporary}}, func(context.Context, int) error {
			<-step
			return nil
		})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(a)
		s.ServeBackground(t.Context())
		send(t, a, 0)
		synctest.Wait()
		s.Stop()
		done := s.ServeBackground(t.Context())
		synctest.Wait()
		if err := a.TrySend(1); !errors.Is(err, actor.ErrGone) {
			t.Errorf("it says %v", err)
		}
		close(step)
		r.expect(t, []int{0}, nil)
		s.Stop()
		<-done
	})
}

// TestWhatHasFailedIsSaid to who asked, and to Stop, if it is a helper that has failed.
func TestWhatHasFailedIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		causes := make(chan error, 1)
		a := actor.New("a", &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return &keeper{causes: causes}, nil
		}})
		serve(t, tend.Spec{}, a)
		_, err := actor.Ask(t.Context(), a, func(r actor.Reply[int]) question { return question{reply: r} })
		if !errors.Is(err, actor.ErrFailed) || !errors.Is(err, errBoom) {
			t.Errorf("the answer is %v", err)
		}
		if err := <-causes; !errors.Is(err, errBoom) {
			t.Errorf("Stop hears %v", err)
		}
	})
}

// keeper keeps a question, and has a helper that fails.
type keeper struct {
	kept   actor.Reply[int]
	causes chan<- error
}

func (k *keeper) Handle(ctx context.Context, q question) error {
	k.kept = q.reply
	tend.Go(ctx, func(context.Context) error { return errBoom })
	return nil
}

func (k *keeper) Stop(_ context.Context, cause error) error {
	k.causes <- cause
	return nil
}

// TestTheLastRunHangs: who waits for it hears so, whether that it is the last is known before it is
// taken as stuck or after.
func TestTheLastRunHangs(t *testing.T) {
	for _, when := range []string{"early", "late", "temporary"} {
		bubble(t, func(t *testing.T) {
			end := make(chan struct{})
			child := tend.Child{}
			if when == "temporary" { // and its Watchdog finds out
				child = tend.Child{Restart: tend.Temporary, Watchdog: time.Second}
			}
			a := actor.New("a", &actor.Spec[question]{Child: child, New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
				return actor.Func[question](func(context.Context, question) error { <-end; return nil }), nil
			}})
			s, _ := serve(t, tend.Spec{}, a)
			token := s.Status().Services[0].Token
			answers := make(chan error, 2)
			for range 2 {
				go func() {
					_, err := actor.Ask(t.Context(), a, func(r actor.Reply[int]) question { return question{reply: r} })
					answers <- err
				}()
				synctest.Wait()
			}
			if when != "temporary" {
				_ = s.Restart(token, nil)
			}
			if when == "early" {
				_ = s.Remove(token)
			}
			time.Sleep(time.Minute)
			if when == "late" {
				_ = s.Remove(token)
			}
			synctest.Wait()
			if _, err := actor.Ask(t.Context(), a, func(r actor.Reply[int]) question { return question{reply: r} }); !errors.Is(err, actor.ErrGone) {
				t.Errorf("%s: asked then it says %v", when, err)
			}
			for range 2 {
				select {
				case err := <-answers:
					if !errors.Is(err, actor.ErrFailed) && !errors.Is(err, actor.ErrGone) {
						t.Errorf("%s: an answer is %v", when, err)
					}
				default:
					t.Errorf("%s: there is no answer", when)
				}
			}
			close(end)
		})
	}
}

// TestAMemberIsSuspendedThatWasToLeave with its group: it is a member again.
func TestAMemberIsSuspendedThatWasToLeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		handled := 0
		g := actor.NewGroup("g", actor.GroupSpec[int, string]{
			Actor:      actor.Spec[string]{Child: tend.Child{Restart: tend.Temporary}},
			Supervisor: tend.Spec{Strategy: tend.OneForAll, EventHook: func(tend.Event) {}},
			New: func(context.Context, *actor.Actor[string], int) (actor.Handler[string], error) {
				return actor.Func[string](func(context.Context, string) error {
					<-step
					handled++
					return nil
				}), nil
			},
		})
		serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "hang")
		bad := tendtest.NewPuppet("bad")
		g.Supervisor().Add(bad)
		synctest.Wait()
		bad.End(errBoom)
		synctest.Wait()
		services := g.Supervisor().Status().Services
		member := services[slices.IndexFunc(services, func(c tend.ServiceStatus) bool { return c.Name == "1" })]
		if member.State != tend.StateStopping {
			t.Fatalf("it is %v", member.State)
		}
		_ = g.Supervisor().Suspend(member.Token)
		close(step)
		synctest.Wait()
		tell(t, g.To(1), "hello")
		if n := g.Len(); n != 1 {
			t.Errorf("there are %d members", n)
		}
		if err := g.Supervisor().Restart(member.Token, nil); err != nil {
			t.Error(err)
		}
		if synctest.Wait(); handled != 2 {
			t.Errorf("%d messages were handled", handled)
		}
	})
}

// TestAlarmsLetMessagesThrough though they are due again whenever one is handled.
func TestAlarmsLetMessagesThrough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		a := actor.New("a", &actor.Spec[string]{New: func(_ context.Context, self *actor.Actor[string]) (actor.Handler[string], error) {
			self.Every(2*time.Second, "tick")
			return actor.Func[string](func(_ context.Context, m string) error {
				if m == "tick" {
					time.Sleep(3 * time.Second)
					return nil
				}
				at = append(at, time.Since(began))
				return nil
			}), nil
		}})
		s, _ := serve(t, tend.Spec{}, a)
		time.Sleep(time.Second)
		for range 2 {
			_ = a.TrySend("hello")
		}
		time.Sleep(10500 * time.Millisecond)
		synctest.Wait()
		if want := []time.Duration{time.Second, time.Second}; !slices.Equal(at, want) {
			t.Errorf("they were handled at %v", at)
		}
		at = nil
		for range 2 { // ticks are in hand from 2 to 5 s, to 8, to 11, to 14, to 17
			_ = a.TrySend("hello")
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if want := []time.Duration{14 * time.Second, 17 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("they were handled at %v", at)
		}
		s.Stop()
	})
}

// TestReconcileWithAKeyThatDoesNotEqualItself changes nothing.
func TestReconcileWithAKeyThatDoesNotEqualItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := actor.NewGroup("g", actor.GroupSpec[float64, int]{New: func(context.Context, *actor.Actor[int], float64) (actor.Handler[int], error) {
			return actor.Func[int](func(context.Context, int) error { return nil }), nil
		}})
		serve(t, tend.Spec{}, g)
		g.Reconcile(slices.Values([]float64{-1}))
		if got, want := panicOf(func() { g.Reconcile(slices.Values([]float64{0, 1, 2, math.NaN()})) }), "tend/actor: g: a key that does not equal itself"; got != want {
			t.Errorf("%v", got)
		}
		if n := g.Len(); n != 1 {
			t.Errorf("there are %d members", n)
		}
		for _, key := range []float64{-1, 0, 1, 2} {
			if err := g.Put(t.Context(), key); err != nil {
				t.Errorf("%v: %v", key, err)
			}
		}
	})
}

// TestAPoolThatWaitsForItself is found out, also if it is full.
func TestAPoolThatWaitsForItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p *actor.Pool[int]
		var errs []error
		p = actor.NewPool("p", 1, &actor.Spec[int]{Mailbox: 1, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return actor.Func[int](func(ctx context.Context, m int) error {
				if m == 0 {
					errs = append(errs, p.Send(ctx, 1), p.Send(ctx, 2))
				}
				return nil
			}), nil
		}})
		serve(t, tend.Spec{}, p)
		if err := p.TrySend(0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], actor.ErrDeadlock) {
			t.Errorf("sending says %v", errs)
		}
	})
}

// TestLossesOfAPool are told of it, and of none of its members.
func TestLossesOfAPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		p := actor.NewPool("p", 1, &actor.Spec[int]{Mailbox: 1, DropOldest: true, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return actor.Func[int](func(context.Context, int) error { <-step; return nil }), nil
		}})
		_, tape := serve(t, tend.Spec{}, p)
		synctest.Wait()
		for range 3 {
			if err := p.TrySend(0); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		for _, e := range tape.Events() {
			if lost, is := e.(tend.MessagesLost); is && (lost.Supervisor != "root/p" || lost.Service != "") {
				t.Errorf("it is told of %s/%s", lost.Supervisor, lost.Service)
			}
		}
		if n := len(tape.Lines(tend.MessagesLost{}.Kind())); n == 0 {
			t.Error("nothing was told")
		}
		close(step)
	})
}
