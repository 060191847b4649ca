package actor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// TestAnIdleMemberIsPutToSleep after Idle, and at most a quarter more; a message makes it
// anew.
func TestAnIdleMemberIsPutToSleep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, b := clerks(actor.GroupSpec[int, string]{Idle: 4 * time.Second}, nil)
		s, tape := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		synctest.Wait()
		old, _ := g.Get(1)
		time.Sleep(2500 * time.Millisecond) // the hand has passed twice
		tell(t, g.To(1), "b")
		time.Sleep(4499 * time.Millisecond) // until 6.999 s
		if _, is := g.Get(1); !is {
			t.Error("it sleeps before it has been idle for four seconds")
		}
		time.Sleep(2 * time.Millisecond) // the fifth time since then is at 7 s
		synctest.Wait()
		if _, is := g.Get(1); is || g.Len() != 0 || len(s.Status().Services[0].Supervisor.Services) != 0 {
			t.Error("it does not sleep")
		}
		if err := old.TrySend("x"); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrRemoved) {
			t.Errorf("the one of before says %v", err)
		}
		b.expect(t, "0s new 1", "0s 1 handles a", "2.5s 1 handles b")
		tell(t, g.To(1), "c")
		b.expect(t, "7.001s new 1", "7.001s 1 handles c")
		time.Sleep(time.Hour)
		synctest.Wait()
		if g.Len() != 0 {
			t.Error("it does not sleep again")
		}
		tell(t, g.To(2), "d") // the hand had stopped
		time.Sleep(time.Hour)
		synctest.Wait()
		if g.Len() != 0 {
			t.Error("another one does not sleep")
		}
		if lines := tape.Lines(tend.ServiceEnded{}.Kind(), tend.ServiceFailed{}.Kind(), tend.ServiceChanged{}.Kind()); len(lines) > 0 {
			t.Errorf("told: %q", lines)
		}
	})
}

// TestStopIsCalledBeforeSleep, with a nil cause. A message that comes meanwhile makes the
// state anew at once, in the same run.
func TestStopIsCalledBeforeSleep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var b *book
		var g *actor.Group[int, string]
		g, b = clerks(actor.GroupSpec[int, string]{Idle: 4400 * time.Millisecond, New: slowly(&b)}, nil)
		s, _ := serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "a")
		time.Sleep(5900 * time.Millisecond)
		b.expect(t, "0s new 1", "0s 1 handles a", "5.5s 1 stops: <nil>")
		tell(t, g.To(1), "b")
		time.Sleep(time.Second)
		b.expect(t, "6.5s 1 has stopped", "6.5s new 1", "6.5s 1 handles b")
		if c := s.Status().Services[0].Supervisor.Services[0]; c.Incarnation != 1 || c.State != tend.StateRunning {
			t.Errorf("it is %v in run %d", c.State, c.Incarnation)
		}
		time.Sleep(time.Hour)
		b.expect(t, "11s 1 stops: <nil>", "12s 1 has stopped")
		if g.Len() != 0 {
			t.Error("it does not sleep")
		}
		tell(t, g.To(2), "c") // and one that is removed in its Stop
		time.Sleep(5900 * time.Millisecond)
		b.expect(t, "1h0m6.9s new 2", "1h0m6.9s 2 handles c", "1h0m12.4s 2 stops: <nil>")
		g.Remove(2)
		tell(t, g.To(2), "d")
		time.Sleep(time.Second)
		b.expect(t, "1h0m13.4s 2 has stopped", "1h0m13.4s new 2", "1h0m13.4s 2 handles d")
	})
}

// TestAStopThatFailsBeforeSleep is a failure of the run.
func TestAStopThatFailsBeforeSleep(t *testing.T) {
	for _, how := range []string{"error", "panic"} {
		bubble(t, func(t *testing.T) {
			g := actor.NewGroup("g", actor.GroupSpec[int, string]{Idle: 4 * time.Second, New: func(context.Context, *actor.Actor[string], int) (actor.Handler[string], error) {
				return &badEnd{how}, nil
			}})
			_, tape := serve(t, tend.Spec{}, g)
			tell(t, g.To(1), "a")
			time.Sleep(5050 * time.Millisecond)
			lines := tape.Lines(tend.ServiceFailed{}.Kind(), tend.ServiceAlsoFailed{}.Kind())
			if len(lines) != 1 {
				t.Errorf("%s: told %q", how, lines)
			}
			if c := g.Supervisor().Status().Services[0]; c.State != tend.StateBackoff {
				t.Errorf("%s: it is %v", how, c.State)
			}
		})
	}
}

// badEnd is a handler whose Stop fails.
type badEnd struct{ how string }

func (*badEnd) Handle(context.Context, string) error { return nil }

func (h *badEnd) Stop(_ context.Context, cause error) error {
	if cause == nil && h.how == "panic" {
		panic("bad end")
	}
	if cause == nil {
		return errors.New("bad end")
	}
	return nil
}

// TestTrap11WhatHasSomethingToDoIsNotPutToSleep: a message in hand or on the way, an open
// question, a timer, a subscription, a watch, a helper, somebody who watches.
func TestTrap11WhatHasSomethingToDoIsNotPutToSleep(t *testing.T) {
	var topic actor.Topic[string]
	for name, do := range map[string]func(ctx context.Context, self *actor.Actor[string]) (over func()){
		"a message in hand": func(context.Context, *actor.Actor[string]) func() { time.Sleep(time.Hour); return nil },
		"a timer": func(_ context.Context, self *actor.Actor[string]) func() {
			stop := self.After(24*time.Hour, "late")
			return func() { stop() }
		},
		"a subscription": func(_ context.Context, self *actor.Actor[string]) func() {
			return actor.Subscribe(&topic, self, func(v string) string { return v })
		},
		"a helper": func(ctx context.Context, _ *actor.Actor[string]) func() {
			done := make(chan struct{})
			tend.Go(ctx, func(context.Context) error { <-done; return nil })
			return func() { close(done) }
		},
		"a watch": func(_ context.Context, self *actor.Actor[string]) func() {
			return actor.Watch(self, self, func(actor.Down) string { return "down" })
		},
		"a context that somebody has": func(ctx context.Context, _ *actor.Actor[string]) func() {
			<-time.After(time.Hour)
			context.AfterFunc(ctx, func() {})
			return func() {}
		},
	} {
		bubble(t, func(t *testing.T) {
			var over func()
			g, _ := clerks(actor.GroupSpec[int, string]{Idle: 4 * time.Second}, func(ctx context.Context, self *actor.Actor[string], _ string) error {
				over = do(ctx, self)
				return nil
			})
			serve(t, tend.Spec{}, g)
			tell(t, g.To(1), "a")
			time.Sleep(time.Hour - time.Second)
			synctest.Wait()
			if _, is := g.Get(1); !is {
				t.Errorf("with %s it sleeps", name)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if over != nil {
				over()
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if g.Len() != 0 {
				t.Errorf("without %s it does not", name)
			}
		})
	}
}

// TestAnOpenQuestionKeepsItsMemberAwake until it is answered.
func TestAnOpenQuestionKeepsItsMemberAwake(t *testing.T) {
	bubble(t, func(t *testing.T) {
		kept := make(chan actor.Reply[int], 1)
		g := actor.NewGroup("g", actor.GroupSpec[int, question]{Idle: 4 * time.Second, New: func(context.Context, *actor.Actor[question], int) (actor.Handler[question], error) {
			return actor.Func[question](func(_ context.Context, q question) error { kept <- q.reply; return nil }), nil
		}})
		serve(t, tend.Spec{}, g)
		go func() {
			r := <-kept
			time.Sleep(time.Minute)
			r.Send(7)
		}()
		n, err := actor.Ask(t.Context(), g.To(1), func(r actor.Reply[int]) question { return question{reply: r} })
		if n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if g.Len() != 0 {
			t.Error("when it is answered it does not sleep")
		}
	})
}

// TestNoSleepWhileDown: a member that is suspended or in backoff stays.
func TestNoSleepWhileDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g, _ := clerks(actor.GroupSpec[int, string]{Idle: time.Second, Actor: actor.Spec[string]{Child: tend.Child{Backoff: tend.Backoff{Min: time.Hour, Max: time.Hour}}}},
			func(_ context.Context, _ *actor.Actor[string], m string) error {
				if m == "bad" {
					return errors.New(m)
				}
				return nil
			})
		serve(t, tend.Spec{}, g)
		tell(t, g.To(1), "bad")
		tell(t, g.To(2), "good")
		synctest.Wait()
		for _, c := range g.Supervisor().Status().Services {
			if c.Name == "2" {
				if err := g.Supervisor().Suspend(c.Token); err != nil {
					t.Error(err)
				}
			}
		}
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if g.Len() != 2 {
			t.Errorf("%d members", g.Len())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, is := g.Get(1); is || g.Len() != 1 {
			t.Error("the one that is up again does not sleep")
		}
	})
}
