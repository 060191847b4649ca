package actor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// ring is n actors, each of which asks the next, the last the first, when it is asked with
// a number of steps to go.
func ring(t *testing.T, n int, inline bool) (*tend.Supervisor, []*actor.Actor[question]) {
	t.Helper()
	all := make([]*actor.Actor[question], n)
	s, _ := serve(t, tend.Spec{FailureThreshold: 1e9})
	for i := range all {
		all[i] = actor.New("a", &actor.Spec[question]{Inline: inline, New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(ctx context.Context, q question) error {
				if q.n == 0 {
					q.reply.Send(0)
					return nil
				}
				below, cancel := context.WithTimeout(ctx, time.Hour) // a deadline changes nothing
				defer cancel()
				got, err := ask(below, all[(i+1)%n], q.n-1)
				if err != nil {
					q.reply.Fail(err)
				}
				q.reply.Send(got + 1)
				return nil
			}), nil
		}})
		s.Add(all[i])
	}
	synctest.Wait()
	return s, all
}

// TestTrap09Circles: whoever would close one gets ErrDeadlock at once, and who waits for it
// what it makes of that.
func TestTrap09Circles(t *testing.T) {
	for _, inline := range []bool{false, true} {
		for n := 1; n < 5; n++ {
			bubble(t, func(t *testing.T) {
				_, all := ring(t, n, inline)
				began := time.Now()
				if got, err := ask(t.Context(), all[0], n-1); err != nil || got != n-1 {
					t.Errorf("%d in a row: %d, %v", n, got, err)
				}
				if _, err := ask(t.Context(), all[0], n); !errors.Is(err, actor.ErrDeadlock) {
					t.Errorf("a circle of %d: %v", n, err)
				}
				if time.Since(began) != 0 {
					t.Error("it took time")
				}
			})
		}
	}
}

// TestWhoHasBeenAnsweredMayBeAsked, before it goes on: it does not wait any more.
func TestWhoHasBeenAnsweredMayBeAsked(t *testing.T) {
	for range 100 {
		bubble(t, func(t *testing.T) {
			var a, b *actor.Actor[question]
			var errs []error
			s, _ := serve(t, tend.Spec{})
			a = actor.New("a", &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
				return actor.Func[question](func(ctx context.Context, q question) error {
					if q.n > 0 {
						_, err := ask(ctx, b, 1)
						errs = append(errs, err)
					}
					q.reply.Send(0)
					return nil
				}), nil
			}})
			b = actor.New("b", &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
				return actor.Func[question](func(ctx context.Context, q question) error {
					q.reply.Send(0)
					_, err := ask(ctx, a, 0)
					errs = append(errs, err)
					return nil
				}), nil
			}})
			s.Add(a)
			s.Add(b)
			synctest.Wait()
			if _, err := ask(t.Context(), a, 1); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if len(errs) != 2 || errs[0] != nil || errs[1] != nil {
				t.Errorf("%v", errs)
			}
		})
	}
}

// TestTrap09Rooms: circles of those who wait for room, and for oneself.
func TestTrap09Rooms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var a, b *actor.Actor[int]
		var errs []error
		flood := func(to **actor.Actor[int]) func(context.Context, int) error {
			return func(ctx context.Context, m int) error {
				if m < 0 {
					return nil
				}
				for range 3 {
					if err := (*to).Send(ctx, -1); err != nil {
						errs = append(errs, err)
					}
				}
				return nil
			}
		}
		s, _ := serve(t, tend.Spec{})
		self, _ := newRecorder(actor.Spec[int]{Mailbox: 2}, func(ctx context.Context, m int) error { return flood(&a)(ctx, m) })
		a = self
		s.Add(self)
		send(t, self, 1)
		synctest.Wait()
		if len(errs) != 1 || !errors.Is(errs[0], actor.ErrDeadlock) {
			t.Errorf("to its own full mailbox: %v", errs)
		}
		errs = nil
		a, _ = newRecorder(actor.Spec[int]{Mailbox: 1}, func(ctx context.Context, m int) error { return flood(&b)(ctx, m) })
		b, _ = newRecorder(actor.Spec[int]{Mailbox: 1}, func(ctx context.Context, m int) error { return flood(&a)(ctx, m) })
		send(t, a, 1)
		send(t, b, 1)
		s.Add(a)
		s.Add(b)
		synctest.Wait()
		for _, err := range errs {
			if !errors.Is(err, actor.ErrDeadlock) {
				t.Errorf("flooding each other: %v", err)
			}
		}
		if len(errs) == 0 {
			t.Error("they have not met")
		}
		for _, svc := range s.Status().Services {
			if svc.Mailbox.Waiting != 0 {
				t.Errorf("%s stands still", svc.Name)
			}
		}
	})
}

// TestWhoIsNotWaitedFor: nobody once the reply is kept, a helper waits for itself, and
// who asks with another context is not known.
func TestWhoIsNotWaitedFor(t *testing.T) {
	t.Run("queued", func(t *testing.T) { notWaitedFor(t, false) })
	t.Run("inline", func(t *testing.T) { notWaitedFor(t, true) })
}

func notWaitedFor(t *testing.T, inline bool) {
	bubble(t, func(t *testing.T) {
		var a, b *actor.Actor[question]
		var kept actor.Reply[int]
		var got []error
		note := func(_ int, err error) { got = append(got, err) }
		s, _ := serve(t, tend.Spec{})
		b = actor.New("b", &actor.Spec[question]{Mailbox: 1, Inline: inline, New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(ctx context.Context, q question) error {
				switch q.n {
				case 1:
					kept = q.reply
				case 2: // a waits for what is kept, and is asked all the same: until there is an answer
					ctx, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					note(ask(ctx, a, 3))
					kept.Send(1)
				}
				return nil
			}), nil
		}})
		a = actor.New("a", &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(ctx context.Context, q question) error {
				switch q.n {
				case 1:
					note(ask(ctx, b, 1))
				case 4:
					tend.Go(ctx, func(ctx context.Context) error {
						note(ask(ctx, a, 0))
						return nil
					})
				case 5:
					ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(t.Context()), time.Second, errBoom)
					defer cancel()
					note(ask(ctx, a, 0))
				}
				q.reply.Send(0)
				return nil
			}), nil
		}})
		s.Add(a)
		s.Add(b)
		synctest.Wait() // both are idle
		tell := func(to *actor.Actor[question], n int) {
			t.Helper()
			if err := to.TrySend(question{n: n}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		tell(a, 1)
		tell(b, 2)
		time.Sleep(time.Minute)
		synctest.Wait()
		tell(a, 4)
		tell(a, 5)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []error{context.DeadlineExceeded, nil, nil, errBoom}
		if len(got) != len(want) {
			t.Fatalf("%v", got)
		}
		for i := range want {
			if !errors.Is(got[i], want[i]) {
				t.Errorf("wait %d: %v", i+1, got[i])
			}
		}
	})
}

// TestWaits: a chain is no circle, and what is over counts no more.
func TestDeadlocksAreNoneOfOtherErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a := asked(t, actor.Spec[question]{}, func(context.Context, question) error { return actor.ErrDeadlock })
		_, err := ask(t.Context(), a, 1)
		if d := cmp.Diff([]bool{true, false}, []bool{errors.Is(err, actor.ErrFailed), errors.Is(err, actor.ErrDeadlock)}); d != "" {
			t.Errorf("%v: %s", err, d)
		}
	})
}

// TestAKeptReplyBesideDisplacedMessages: nobody is waited for whose reply is kept, also if
// messages behind it had to make room while it was in hand.
func TestAKeptReplyBesideDisplacedMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s *tend.Supervisor
		var a, b *actor.Actor[question]
		var kept actor.Reply[int]
		var got error
		s, b = asked(t, actor.Spec[question]{Mailbox: 1, DropOldest: true}, func(ctx context.Context, q question) error {
			switch q.n {
			case 1:
				kept = q.reply
				for range 3 {
					_ = b.TrySend(question{n: 2})
				}
			case 2:
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				_, got = ask(ctx, a, 3)
				kept.Send(1)
			}
			return nil
		})
		a = actor.New("a", &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(ctx context.Context, q question) error {
				if q.n == 1 {
					_, _ = ask(ctx, b, 1)
				}
				return nil
			}), nil
		}})
		s.Add(a)
		_ = a.TrySend(question{n: 1})
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(got, context.DeadlineExceeded) {
			t.Error(got)
		}
	})
}
