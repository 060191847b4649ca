package actor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// clerkPool is a pool of n that note what they do. A message is handled for a second if it
// begins with "slow", and fails if it begins with "bad".
func clerkPool(n int, spec actor.Spec[string]) (*actor.Pool[string], *book) {
	b := &book{began: time.Now()}
	spec.New = func(_ context.Context, self *actor.Actor[string]) (actor.Handler[string], error) {
		return actor.Func[string](func(_ context.Context, m string) error {
			b.note("%v begins %s", self, m)
			switch {
			case strings.HasPrefix(m, "slow"):
				time.Sleep(time.Second)
				b.note("%v has done %s", self, m)
			case strings.HasPrefix(m, "bad"):
				return errors.New(m)
			}
			return nil
		}), nil
	}
	spec.Lost = func(m string, why error) { b.note("lost %s: %v", m, why) }
	return actor.NewPool("p", n, &spec), b
}

// begun are the messages that the lines say were begun, without by whom.
func (b *book) begun() (list []string) {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.lines {
		if at, m, is := strings.Cut(line, " begins "); is {
			list = append(list, strings.Fields(at)[0]+" "+m)
		}
	}
	b.lines = nil
	slices.Sort(list)
	return list
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWhoIsFreeTakesWhatCameFirst, and those that wait are handled as members become free.
func TestWhoIsFreeTakesWhatCameFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(3, actor.Spec[string]{})
		tell(t, p, "slow 1") // before it is served
		s, _ := serve(t, tend.Spec{}, p)
		for i := range 6 {
			tell(t, p, fmt.Sprint("slow ", i+2))
		}
		wantLines(t, b.begun(), "0s slow 1", "0s slow 2", "0s slow 3")
		if box := s.Status().Services[0].Mailbox; box == nil || box.Waiting != 4 || box.Size != 256 {
			t.Errorf("the mailbox is %+v", box)
		}
		time.Sleep(time.Second)
		wantLines(t, b.begun(), "1s slow 4", "1s slow 5", "1s slow 6")
		time.Sleep(500 * time.Millisecond)
		tell(t, p, "quick") // all are busy
		wantLines(t, b.begun())
		time.Sleep(time.Second)
		wantLines(t, b.begun(), "2s quick", "2s slow 7")
		time.Sleep(time.Second)
		for i := range 3 { // all are free
			tell(t, p, fmt.Sprint("slow ", i))
		}
		wantLines(t, b.begun(), "3.5s slow 0", "3.5s slow 1", "3.5s slow 2")
		if got := fmt.Sprint(p, len(p.Supervisor().Status().Services)); got != "p 3" {
			t.Errorf("it is %s", got)
		}
	})
}

// TestHowLongMessagesOfAPoolWait is known to within a turn, though its mailbox is never empty.
func TestHowLongMessagesOfAPoolWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := clerkPool(1, actor.Spec[string]{})
		s, _ := serve(t, tend.Spec{}, p)
		began := time.Now()
		for i := range 3 {
			tell(t, p, fmt.Sprint("slow ", i))
			synctest.Wait()
		}
		time.Sleep(1500 * time.Millisecond)
		tell(t, p, "slow 3")
		time.Sleep(time.Second)
		synctest.Wait()
		if box := s.Status().Services[0].Mailbox; box.Waiting != 1 || box.Oldest.Sub(began) != time.Second { // it came at 1.5 s, in a turn from 1 s on
			t.Errorf("%d wait, the oldest since %v", box.Waiting, box.Oldest.Sub(began))
		}
		box := p.Supervisor().Status().Services[0].Mailbox
		if box.Size != 0 || box.Waiting != 0 || box.Handling.Sub(began) != 2*time.Second {
			t.Errorf("the member: %+v", box)
		}
	})
}

// TestAMemberOfAPoolFailsAlone: what it had not begun is handled by the others, and it comes
// again.
func TestAMemberOfAPoolFailsAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(2, actor.Spec[string]{Child: tend.Child{Backoff: tend.Backoff{Min: 10 * time.Second, Max: 10 * time.Second}}})
		_, tape := serve(t, tend.Spec{}, p)
		synctest.Wait()
		tell(t, p, "bad 1")
		synctest.Wait()
		for i := range 3 {
			tell(t, p, fmt.Sprint("slow ", i))
		}
		wantLines(t, b.begun(), "0s bad 1", "0s slow 0")
		time.Sleep(3500 * time.Millisecond)
		wantLines(t, b.begun(), "1s slow 1", "2s slow 2")
		if lines := tape.Lines(tend.ServiceFailed{}.Kind(), tend.MessagesLost{}.Kind()); len(lines) != 2 {
			t.Errorf("told: %q", lines)
		}
		tell(t, p, "bad 2") // now both are down
		synctest.Wait()
		tell(t, p, "later")
		wantLines(t, b.begun(), "3.5s bad 2")
		time.Sleep(10 * time.Second)
		wantLines(t, b.begun(), "10s later")
	})
}

// TestAskingAPool ends once, whoever has the question.
func TestAskingAPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := actor.NewPool("p", 2, &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(_ context.Context, q question) error {
				time.Sleep(time.Second)
				switch q.n {
				case 1:
					return errBoom
				case 2:
					return nil
				}
				q.reply.Send(q.n * q.n)
				return nil
			}), nil
		}})
		s, _ := serve(t, tend.Spec{}, p)
		var all sync.WaitGroup
		put := func(n int, within time.Duration, check func(n int, err error) bool) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), within)
				defer cancel()
				got, err := actor.Ask(ctx, p, func(r actor.Reply[int]) question { return question{n: n, reply: r} })
				if !check(got, err) {
					t.Errorf("asked with %d it says %d, %v", n, got, err)
				}
			})
		}
		put(7, time.Hour, func(n int, err error) bool { return n == 49 && err == nil })
		put(8, time.Hour, func(n int, err error) bool { return n == 64 && err == nil })
		time.Sleep(100 * time.Millisecond)
		put(1, time.Hour, func(_ int, err error) bool { return errors.Is(err, actor.ErrFailed) && errors.Is(err, errBoom) })
		time.Sleep(10 * time.Millisecond)
		put(9, 500*time.Millisecond, func(_ int, err error) bool { return errors.Is(err, context.DeadlineExceeded) }) // waits
		time.Sleep(10 * time.Millisecond)
		put(2, 3*time.Second, func(_ int, err error) bool { return errors.Is(err, context.DeadlineExceeded) }) // is not answered
		all.Wait()
		if open := s.Status().Services[0].Mailbox.Open; open != 0 {
			t.Errorf("%d questions are open", open)
		}
		var mu sync.Mutex
		answered, gone := 0, 0
		for range 3 {
			put(3, time.Hour, func(n int, err error) bool {
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, actor.ErrGone) {
					gone++
					return true
				}
				answered++
				return n == 9 && err == nil
			})
		}
		time.Sleep(100 * time.Millisecond)
		if open := s.Status().Services[0].Mailbox.Open; open != 1 {
			t.Errorf("%d questions wait", open)
		}
		go s.Stop()
		all.Wait()
		if answered != 2 || gone != 1 { // those in hand are handled
			t.Errorf("%d are answered, %d gone", answered, gone)
		}
	})
}

// TestAPoolOfOneIsWaitedFor, and one of several is not, as any of them will do.
func TestAPoolOfOneIsWaitedFor(t *testing.T) {
	for n, want := range map[int]error{1: actor.ErrDeadlock, 2: nil} {
		bubble(t, func(t *testing.T) {
			var p *actor.Pool[question]
			p = actor.NewPool("p", n, &actor.Spec[question]{New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
				return actor.Func[question](func(ctx context.Context, q question) error {
					if q.n > 0 {
						q.reply.Send(q.n)
						return nil
					}
					_, err := actor.Ask(ctx, p, func(r actor.Reply[int]) question { return question{n: 7, reply: r} })
					q.reply.Fail(err)
					return nil
				}), nil
			}})
			serve(t, tend.Spec{}, p)
			if _, err := actor.Ask(t.Context(), p, func(r actor.Reply[int]) question { return question{reply: r} }); !errors.Is(err, want) {
				t.Errorf("with %d: %v", n, err)
			}
		})
	}
}

// TestAPoolThatStops handles what is in hand, and loses the rest before it is over; with
// Drain it goes on. Served again its mailbox is open.
func TestAPoolThatStops(t *testing.T) {
	for _, c := range []struct {
		drain time.Duration
		want  []string
		lost  int
	}{
		{0, []string{"0s slow 0", "0s slow 1"}, 4},
		{1500 * time.Millisecond, []string{"0s slow 0", "0s slow 1", "1s slow 2", "1s slow 3"}, 2},
		{time.Hour, []string{"0s slow 0", "0s slow 1", "1s slow 2", "1s slow 3", "2s slow 4", "2s slow 5"}, 0},
	} {
		bubble(t, func(t *testing.T) {
			p, b := clerkPool(2, actor.Spec[string]{Drain: c.drain, Mailbox: 4, Child: tend.Child{Timeout: 2 * time.Hour}})
			s, tape := serve(t, tend.Spec{}, p)
			synctest.Wait()
			for i := range 6 {
				tell(t, p, fmt.Sprint("slow ", i))
				synctest.Wait()
			}
			if err := p.TrySend("full"); !errors.Is(err, actor.ErrFull) {
				t.Errorf("a full one says %v", err)
			}
			waits := make(chan error, 1)
			go func() { waits <- p.Send(t.Context(), "patient") }()
			synctest.Wait()
			go s.Stop()
			synctest.Wait()
			if err := <-waits; !errors.Is(err, actor.ErrGone) {
				t.Errorf("who waits for room gets %v", err)
			}
			if err := p.TrySend("late"); !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrStopped) {
				t.Errorf("one that stops says %v", err)
			}
			s.Stop()
			b.mu.Lock()
			lost := 0
			for _, line := range b.lines {
				if strings.Contains(line, " lost ") {
					lost++
				}
			}
			b.mu.Unlock()
			if lost != c.lost {
				t.Errorf("%d are lost", lost)
			}
			wantLines(t, b.begun(), c.want...)
			var told uint64
			for _, e := range tape.Events() {
				if e, is := e.(tend.MessagesLost); is {
					told += e.N
				}
			}
			if told != uint64(c.lost) {
				t.Errorf("%d are told", told)
			}
			if err := p.TrySend("x"); !errors.Is(err, actor.ErrGone) {
				t.Errorf("one that has stopped says %v", err)
			}
			s.ServeBackground(t.Context())
			synctest.Wait()
			tell(t, p, "again")
			if got := b.begun(); len(got) != 1 {
				t.Errorf("served again: %q", got)
			}
		})
	}
}

// TestMembersOfAPoolThatLeave: the others go on, and when none is left what waits is lost;
// when one comes back the mailbox is open.
func TestMembersOfAPoolThatLeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(2, actor.Spec[string]{Child: tend.Child{Limit: tend.Limit{N: 1}}})
		serve(t, tend.Spec{}, p)
		synctest.Wait()
		first := p.Supervisor().Status().Services[0].Token
		if err := p.Supervisor().Remove(first); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tell(t, p, "good")
		wantLines(t, b.begun(), "0s good")
		second := p.Supervisor().Status().Services[0].Token
		if err := p.Supervisor().Suspend(second); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tell(t, p, "bad") // waits for the one that is suspended
		tell(t, p, "rest")
		wantLines(t, b.begun())
		if err := p.Supervisor().Restart(second, nil); err != nil {
			t.Error(err)
		}
		b.expect(t, "0s 2 begins bad", "0s lost bad: bad", "0s lost rest: tend/actor: p is gone: tend/actor: no member of the pool is left bad")
		if err := p.TrySend("x"); !errors.Is(err, actor.ErrGone) {
			t.Errorf("with nobody left it says %v", err)
		}
		if err := p.Supervisor().Restart(second, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tell(t, p, "good")
		wantLines(t, b.begun(), "0s good")
	})
}

// TestADroppingPool loses what came first.
func TestADroppingPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(1, actor.Spec[string]{DropOldest: true, Mailbox: 2})
		_, tape := serve(t, tend.Spec{}, p)
		synctest.Wait()
		tell(t, p, "slow")
		synctest.Wait()
		for i := range 4 {
			tell(t, p, fmt.Sprint(i))
			synctest.Wait()
		}
		b.expect(t, "0s 1 begins slow", "0s lost 0: "+actor.ErrFull.Error(), "0s lost 1: "+actor.ErrFull.Error())
		time.Sleep(time.Second)
		b.expect(t, "1s 1 has done slow", "1s 1 begins 2", "1s 1 begins 3")
		time.Sleep(time.Second)
		if lines := tape.Lines(tend.MessagesLost{}.Kind()); len(lines) != 2 || !strings.Contains(lines[0], "n=1") || !strings.Contains(lines[1], "n=1") {
			t.Errorf("told: %q", lines)
		}
	})
}

// TestWhatAMemberSendsToItself it alone handles, and a watch of a pool is told of the ends
// of all.
func TestWhatAMemberSendsToItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{began: time.Now()}
		p := actor.NewPool("p", 3, &actor.Spec[string]{New: func(_ context.Context, self *actor.Actor[string]) (actor.Handler[string], error) {
			self.After(time.Second, "timer of "+self.String())
			return actor.Func[string](func(_ context.Context, m string) error {
				if from, is := strings.CutPrefix(m, "timer of "); is {
					if from != self.String() {
						t.Errorf("%v gets the timer of %s", self, from)
					}
					return self.TrySend("own " + from)
				}
				if from, is := strings.CutPrefix(m, "own "); is && from != self.String() {
					t.Errorf("%v gets what %s has sent to itself", self, from)
				}
				b.note("%s", m)
				if m == "bad" {
					return errBoom
				}
				return nil
			}), nil
		}})
		watcher := actor.New("watcher", &actor.Spec[actor.Down]{New: func(_ context.Context, self *actor.Actor[actor.Down]) (actor.Handler[actor.Down], error) {
			actor.Watch(self, p, func(d actor.Down) actor.Down { return d })
			return actor.Func[actor.Down](func(_ context.Context, d actor.Down) error { b.note("down %v", d.Err); return nil }), nil
		}})
		serve(t, tend.Spec{}, p, watcher)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		b.mu.Lock()
		slices.Sort(b.lines)
		b.mu.Unlock()
		b.expect(t, "1s own 1", "1s own 2", "1s own 3")
		tell(t, p, "bad")
		b.expect(t, "1.5s bad", "1.5s down boom")
	})
}

// TestAMemberThatIsDownIsPassedOver: whoever is free and runs gets the message.
func TestAMemberThatIsDownIsPassedOver(t *testing.T) {
	for down := range 2 {
		bubble(t, func(t *testing.T) {
			p, b := clerkPool(2, actor.Spec[string]{})
			serve(t, tend.Spec{}, p)
			synctest.Wait()
			if err := p.Supervisor().Suspend(p.Supervisor().Status().Services[down].Token); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			tell(t, p, "good")
			b.expect(t, fmt.Sprintf("0s %d begins good", 2-down))
		})
	}
}

// TestAsLongAsOneIsLeft the mailbox is open: one that comes back counts again.
func TestAsLongAsOneIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(2, actor.Spec[string]{Child: tend.Child{Limit: tend.Limit{N: 1}}})
		serve(t, tend.Spec{}, p)
		synctest.Wait()
		for range 3 {
			tell(t, p, "bad")
			synctest.Wait()
			tell(t, p, "good")
			for _, c := range p.Supervisor().Status().Services {
				if c.State == tend.StateFailed {
					if err := p.Supervisor().Restart(c.Token, nil); err != nil {
						t.Error(err)
					}
				}
			}
			synctest.Wait()
		}
		tell(t, p, "bad") // one is down, and stays
		synctest.Wait()
		b.begun()
		tell(t, p, "good")
		wantLines(t, b.begun(), "0s good")
	})
}

// TestAsLongAsOneIsSuspended the mailbox is open: also if the pool has been served before.
func TestAsLongAsOneIsSuspended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(2, actor.Spec[string]{Child: tend.Child{Limit: tend.Limit{N: 1}}})
		s, _ := serve(t, tend.Spec{}, p)
		synctest.Wait()
		first := p.Supervisor().Status().Services[0].Token
		if err := p.Supervisor().Suspend(first); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		s.Stop()
		s.ServeBackground(t.Context())
		synctest.Wait()
		tell(t, p, "bad")
		synctest.Wait()
		tell(t, p, "good")
		wantLines(t, b.begun(), "0s bad")
		if err := p.Supervisor().Restart(first, nil); err != nil {
			t.Error(err)
		}
		wantLines(t, b.begun(), "0s good")
		if err := p.Supervisor().Suspend(first); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		s.Stop()
		s.ServeBackground(t.Context())
		synctest.Wait()
		tell(t, p, "rest") // nobody runs
		if err := p.Supervisor().Restart(first, nil); err != nil {
			t.Error(err)
		}
		wantLines(t, b.begun(), "0s rest")
	})
}

// TestMembersOfAPoolAnswerForThemselves: without settings they have delays of their own.
func TestMembersOfAPoolAnswerForThemselves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(2, actor.Spec[string]{})
		_, tape := serve(t, tend.Spec{}, p)
		for range 20 {
			tell(t, p, "bad")
		}
		time.Sleep(time.Minute)
		if n, pauses := len(b.begun()), tape.Lines(tend.PauseBegan{}.Kind()); n != 20 || len(pauses) > 0 {
			t.Errorf("%d were begun, and %q told", n, pauses)
		}
	})
}

// TestAPoolThatStopsSaysWhy to those who send.
func TestAPoolThatStopsSaysWhy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := clerkPool(2, actor.Spec[string]{})
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(p)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := s.ServeBackground(ctx)
		synctest.Wait()
		cancel(errBoom)
		<-done
		if err := p.TrySend("x"); !errors.Is(err, actor.ErrGone) || !errors.Is(err, errBoom) {
			t.Errorf("it says %v", err)
		}
	})
}

// TestServeOfAPoolWaitsForLost, though that was called for what was dropped before; and a
// panic of Lost is told.
func TestServeOfAPoolWaitsForLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		over := false
		p := actor.NewPool("p", 1, &actor.Spec[string]{
			New: func(context.Context, *actor.Actor[string]) (actor.Handler[string], error) {
				return actor.Func[string](func(context.Context, string) error { return nil }), nil
			},
			Mailbox: 1, DropOldest: true,
			Lost: func(m string, _ error) {
				if m == "a" {
					time.Sleep(time.Second)
					over = true
				}
				panic("in Lost")
			},
		})
		s, tape := serve(t, tend.Spec{}, p)
		synctest.Wait()
		if err := p.Supervisor().Suspend(p.Supervisor().Status().Services[0].Token); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		tell(t, p, "a")
		tell(t, p, "b")
		synctest.Wait()
		s.Stop()
		if !over {
			t.Error("Serve has returned before Lost")
		}
		if lines := tape.Lines(tend.ServiceAlsoFailed{}.Kind()); len(lines) != 2 || !strings.Contains(lines[0], "in Lost") {
			t.Errorf("told: %q", lines)
		}
	})
}

// TestTheMailboxOfAMember is bounded, whatever it has handled of the pool's; and a dropping
// pool knows whose question was in hand.
func TestTheMailboxOfAMember(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := actor.NewPool("p", 1, &actor.Spec[question]{Mailbox: 2, DropOldest: true, New: func(_ context.Context, self *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(_ context.Context, q question) error {
				switch q.n {
				case 0:
					q.reply.Send(0)
				case 1:
					return errBoom
				case 2:
					for i := range 5 {
						if err := self.TrySend(question{n: 10 + i}); (err == nil) != (i < 2) {
							t.Errorf("message %d to itself: %v", i, err)
						}
					}
					q.reply.Send(0)
				}
				return nil
			}), nil
		}})
		serve(t, tend.Spec{}, p)
		for i, want := range []error{0: nil, 1: nil, 2: nil, 3: actor.ErrFailed, 4: nil} {
			n := []int{0, 0, 0, 1, 2}[i]
			if _, err := actor.Ask(t.Context(), p, func(r actor.Reply[int]) question { return question{n: n, reply: r} }); !errors.Is(err, want) {
				t.Errorf("question %d: %v", i, err)
			}
		}
	})
}

// TestWhoIsCalledAndDoesNotCome: another member takes the message.
func TestWhoIsCalledAndDoesNotCome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, b := clerkPool(2, actor.Spec[string]{})
		s, w := serveByHand(t, p)
		w.work()
		tell(t, p, "x") // the second member is called,
		synctest.Wait()
		if err := p.Supervisor().Suspend(p.Supervisor().Status().Services[1].Token); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.work() // and is to stop before it has its turn
		b.expect(t, "0s 1 begins x")
		s.Stop()
	})
}

// TestWhoIsBusyWithWhatItAloneGot is not free: another member takes the message.
func TestWhoIsBusyWithWhatItAloneGot(t *testing.T) {
	for _, busy := range []string{"1", "2"} { // whichever would be called first
		bubble(t, func(t *testing.T) {
			b := &book{began: time.Now()}
			p := actor.NewPool("p", 2, &actor.Spec[string]{New: func(_ context.Context, self *actor.Actor[string]) (actor.Handler[string], error) {
				if self.String() == busy {
					self.After(time.Second, "long")
				}
				return actor.Func[string](func(_ context.Context, m string) error {
					b.note("%s", m)
					if m == "long" {
						time.Sleep(time.Hour)
					}
					return nil
				}), nil
			}})
			serve(t, tend.Spec{}, p)
			time.Sleep(1500 * time.Millisecond)
			tell(t, p, "x")
			b.expect(t, "1s long", "1.5s x")
			time.Sleep(2 * time.Hour)
		})
	}
}

// TestWhatComesAsThereIsRoom is for whoever is free, too.
func TestWhatComesAsThereIsRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var w *worker
		called := -1
		p := actor.NewPool("p", 2, &actor.Spec[string]{Mailbox: 1, New: func(context.Context, *actor.Actor[string]) (actor.Handler[string], error) {
			return actor.Func[string](func(_ context.Context, m string) error {
				if m == "1" {
					w.mu.Lock()
					called = len(w.ready)
					w.mu.Unlock()
				}
				return nil
			}), nil
		}})
		var s *tend.Supervisor
		s, w = serveByHand(t, p)
		w.work()
		tell(t, p, "1")
		go func() { _ = p.Send(t.Context(), "2") }() // waits for room
		synctest.Wait()
		w.turn(0)
		if called != 1 {
			t.Errorf("while the first is in hand %d are called for the second", called)
		}
		w.work()
		s.Stop()
	})
}

// TestNothingComesBetweenWhatIsTakenOverAndItsBeginning: else a member that fails keeps a
// message of all.
func TestNothingComesBetweenWhatIsTakenOverAndItsBeginning(t *testing.T) {
	newer := func(b *book, topic *actor.Topic[string]) func(context.Context, *actor.Actor[string]) (actor.Handler[string], error) {
		return func(_ context.Context, self *actor.Actor[string]) (actor.Handler[string], error) {
			actor.Subscribe(topic, self, func(m string) string { return m })
			return actor.Func[string](func(_ context.Context, m string) error {
				b.note("%v begins %s", self, m)
				if m == "bad" {
					return errBoom
				}
				return nil
			}), nil
		}
	}
	try := func(what string, make func(b *book, topic *actor.Topic[string]) (tend.Service, actor.Address[string]), want ...string) {
		bubble(t, func(t *testing.T) {
			t.Log(what)
			b, topic := &book{began: time.Now()}, &actor.Topic[string]{Latest: true}
			svc, to := make(b, topic)
			s, w := serveByHand(t, svc)
			w.work()
			tell(t, to, "1")
			tell(t, to, "2")
			w.look = func() { // the turn is about to look for more
				w.look = nil
				topic.Publish("bad")
			}
			w.turn(0)
			w.work()
			b.expect(t, want...)
			s.Stop()
		})
	}
	try("a pool", func(b *book, topic *actor.Topic[string]) (tend.Service, actor.Address[string]) {
		p := actor.NewPool("p", 2, &actor.Spec[string]{New: newer(b, topic)})
		return p, p
	}, "0s 2 begins 1", "0s 2 begins 2", "0s 2 begins bad", "0s 1 begins bad")
	try("one that drops", func(b *book, topic *actor.Topic[string]) (tend.Service, actor.Address[string]) {
		a := actor.New("a", &actor.Spec[string]{Mailbox: 2, DropOldest: true, New: newer(b, topic)})
		return a, a
	}, "0s a begins 1", "0s a begins 2", "0s a begins bad")
}

// TestMisuseOfPools panics at the call that is wrong.
func TestMisuseOfPools(t *testing.T) {
	newer := func(context.Context, *actor.Actor[string]) (actor.Handler[string], error) { return nil, nil }
	for want, f := range map[string]func(){
		`tend/actor: NewPool "p": n is 0`:                                            func() { actor.NewPool("p", 0, &actor.Spec[string]{New: newer}) },
		`tend/actor: New "p": the Spec is nil`:                                       func() { actor.NewPool[string]("p", 1, nil) },
		`tend/actor: NewPool "p": Spec.Inline is set, and a pool asks nobody inline`: func() { actor.NewPool("p", 1, &actor.Spec[string]{New: newer, Inline: true}) },
	} {
		if got := panicOf(f); got != want {
			t.Errorf("%v\nwant %s", got, want)
		}
	}
}

// TestAMemberThatPanicsTakesNothing: what waits is for those who run.
func TestAMemberThatPanicsTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &book{began: time.Now()}
		p := actor.NewPool("p", 2, &actor.Spec[time.Duration]{
			Child: tend.Child{Backoff: tend.Backoff{Min: time.Hour}},
			New: func(context.Context, *actor.Actor[time.Duration]) (actor.Handler[time.Duration], error) {
				return actor.Func[time.Duration](func(_ context.Context, m time.Duration) error {
					b.note("begins %v", m)
					time.Sleep(m)
					if m == time.Second {
						panic("boom")
					}
					return nil
				}), nil
			},
		})
		serve(t, tend.Spec{}, p)
		synctest.Wait()
		for _, m := range []time.Duration{time.Second, 2 * time.Second, 0} {
			if err := p.TrySend(m); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		wantLines(t, b.lines, "0s begins 1s", "0s begins 2s", "2s begins 0s")
	})
}
