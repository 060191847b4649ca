package actor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// question is what the actors of these tests understand.
type question struct {
	n     int
	reply actor.Reply[int]
}

// asked makes an actor, served by a supervisor, that treats questions so.
func asked(t *testing.T, spec actor.Spec[question], handle func(ctx context.Context, q question) error) (*tend.Supervisor, *actor.Actor[question]) {
	t.Helper()
	spec.New = func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
		return actor.Func[question](handle), nil
	}
	a := actor.New("a", &spec)
	s, _ := serve(t, tend.Spec{FailureThreshold: 1e9}, a)
	return s, a
}

func ask(ctx context.Context, a *actor.Actor[question], n int) (int, error) {
	return actor.Ask(ctx, a, func(r actor.Reply[int]) question { return question{n, r} })
}

func TestAsk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a := asked(t, actor.Spec[question]{}, func(_ context.Context, q question) error {
			switch {
			case q.n < 0:
				q.reply.Fail(errBoom)
			case !q.reply.Open():
				t.Error("nobody waits")
			case !q.reply.Send(2*q.n) || q.reply.Send(3) || q.reply.Fail(errBoom) || q.reply.Open(): // trap 8
				t.Error("the reply is not one of a single use")
			}
			return nil
		})
		if n, err := ask(t.Context(), a, 21); n != 42 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := ask(t.Context(), a, -1); !errors.Is(err, errBoom) || errors.Is(err, actor.ErrFailed) {
			t.Errorf("%v", err)
		}
		var zero actor.Reply[int]
		if zero.Send(1) || zero.Fail(nil) || zero.Open() {
			t.Error("somebody waits for the zero Reply")
		}
	})
}

// TestTrap06AReplyAfterTheAskerHasLeft is dropped, and nothing is left of the question.
func TestTrap06AReplyAfterTheAskerHasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a := asked(t, actor.Spec[question]{}, func(_ context.Context, q question) error {
			time.Sleep(time.Duration(q.n) * time.Second)
			if open := q.reply.Open(); open == (q.n == 2) || q.reply.Send(q.n) != open {
				t.Errorf("after %d s it is open: %v", q.n, open)
			}
			return nil
		})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBoom)
		defer cancel()
		if _, err := ask(ctx, a, 2); !errors.Is(err, errBoom) {
			t.Errorf("%v", err)
		}
		if n, err := ask(t.Context(), a, 1); n != 1 || err != nil {
			t.Errorf("the next question gets %d, %v", n, err)
		}
	})
}

// TestTrap07TheAskedDiesBeforeItReplies: with the message in hand, or with the Reply kept;
// the message behind it waits for the next run.
func TestTrap07TheAskedDiesBeforeItReplies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		runs := map[int]int{}
		_, a := asked(t, actor.Spec[question]{}, func(_ context.Context, q question) error {
			runs[q.n]++
			switch q.n {
			case 1:
				return nil // kept
			case 2:
				time.Sleep(time.Second)
				panic(actor.ErrGone)
			}
			q.reply.Send(q.n)
			return nil
		})
		var errs [3]error
		var got [3]int
		for n := range errs {
			go func() { got[n], errs[n] = ask(t.Context(), a, n+1) }()
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for n, err := range errs[:2] {
			var p *tend.PanicError
			if !errors.Is(err, actor.ErrFailed) || errors.Is(err, actor.ErrGone) || !errors.As(err, &p) {
				t.Errorf("question %d: %v", n+1, err)
			}
		}
		if errs[2] != nil || got[2] != 3 {
			t.Errorf("question 3: %d, %v", got[2], errs[2])
		}
		if runs[1] != 1 || runs[2] != 1 || runs[3] != 1 {
			t.Errorf("handled %v", runs)
		}
	})
}

// TestAskWhatStops: what is in hand ends with the reason, and what waits is gone.
func TestAskWhatStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a := asked(t, actor.Spec[question]{Mailbox: 1}, func(ctx context.Context, q question) error {
			<-ctx.Done()
			return nil
		})
		var errs [3]error
		for n := range errs {
			go func() { _, errs[n] = ask(t.Context(), a, n) }()
			synctest.Wait()
		}
		_ = s.Remove(s.Status().Services[0].Token)
		synctest.Wait()
		if !errors.Is(errs[0], actor.ErrFailed) || !errors.Is(errs[0], tend.ErrRemoved) {
			t.Errorf("in hand: %v", errs[0])
		}
		for _, err := range errs[1:] { // in the mailbox, and waiting for room
			if !errors.Is(err, actor.ErrGone) || !errors.Is(err, tend.ErrRemoved) {
				t.Errorf("not begun: %v", err)
			}
		}
		if _, err := ask(t.Context(), a, 9); !errors.Is(err, actor.ErrGone) {
			t.Errorf("later: %v", err)
		}
	})
}

// TestAskWhoIsStuck: once the actor is reported as stuck nobody waits any more for what is in
// hand, or was kept; what waits behind it does if there will be another run.
func TestAskWhoIsStuck(t *testing.T) {
	for _, isFinal := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			step := make(chan struct{})
			s, a := asked(t, actor.Spec[question]{Child: tend.Child{Timeout: time.Minute}}, func(_ context.Context, q question) error {
				switch q.n {
				case 0: // kept
				case 1:
					<-step
					if q.reply.Send(1) {
						t.Error("somebody waits still")
					}
				case 2:
					q.reply.Send(7)
				}
				return nil
			})
			began := time.Now()
			var errs [3]error
			var took [3]time.Duration
			var answers [3]int
			for n := range errs {
				go func() { answers[n], errs[n] = ask(t.Context(), a, n); took[n] = time.Since(began) }()
				synctest.Wait()
			}
			token := s.Status().Services[0].Token
			if cause := tend.ErrRestartRequested; isFinal {
				_ = s.Remove(token)
			} else {
				_ = s.Restart(token, cause)
			}
			time.Sleep(2 * time.Minute)
			close(step)
			synctest.Wait()
			want := map[bool]error{false: tend.ErrRestartRequested, true: tend.ErrRemoved}[isFinal]
			for n, err := range errs[:2] {
				if !errors.Is(err, actor.ErrFailed) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, want) || took[n] != time.Minute {
					t.Errorf("final %v, question %d: %v after %v", isFinal, n, err, took[n])
				}
			}
			if isFinal != errors.Is(errs[2], actor.ErrGone) || isFinal && took[2] != time.Minute || !isFinal && (errs[2] != nil || answers[2] != 7) {
				t.Errorf("final %v, what waited: %d, %v after %v", isFinal, answers[2], errs[2], took[2])
			}
		})
	}
}

// TestAskWhoDropsTheOldest: the asker learns that its message had to make room.
func TestAskWhoDropsTheOldest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan struct{})
		_, a := asked(t, actor.Spec[question]{Mailbox: 1, DropOldest: true}, func(_ context.Context, q question) error {
			<-step
			q.reply.Send(q.n)
			return nil
		})
		var errs [4]error
		var got [4]int
		for n := range errs {
			go func() { got[n], errs[n] = ask(t.Context(), a, n) }()
			synctest.Wait()
		}
		close(step)
		synctest.Wait()
		if errs[0] != nil || errs[3] != nil || got != [4]int{0, 0, 0, 3} {
			t.Errorf("answered %v, %v", got, errs)
		}
		for _, err := range errs[1:3] {
			if !errors.Is(err, actor.ErrFull) {
				t.Errorf("displaced: %v", err)
			}
		}
	})
}

// TestAskWithAContextThatHasEnded: a message for which there is room is taken (trap 32),
// one that has to wait is not.
func TestTrap32AskWithAContextThatHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		handled := 0
		step := make(chan struct{})
		_, a := asked(t, actor.Spec[question]{Mailbox: 1}, func(context.Context, question) error { <-step; handled++; return nil })
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		for range 3 { // in hand, waiting, not taken
			if _, err := ask(ctx, a, 1); !errors.Is(err, errBoom) {
				t.Errorf("%v", err)
			}
			synctest.Wait()
		}
		close(step)
		synctest.Wait()
		if handled != 2 {
			t.Errorf("%d were handled", handled)
		}
	})
}

// TestMailboxInTheStatus: how many wait, are open and were lost; nothing is left of what
// has ended.
func TestMailboxInTheStatus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step, began := make(chan error), time.Now()
		s, a := asked(t, actor.Spec[question]{Mailbox: 10, DropOldest: true}, func(context.Context, question) error { return <-step })
		expect := func(what string, want tend.Mailbox) {
			t.Helper()
			synctest.Wait()
			if want.Waiting > 0 {
				want.Oldest = began
			}
			if what != "idle" && what != "idle again" {
				want.Handling = began
			}
			if got := s.Status().Services[0].Mailbox; got == nil || *got != want {
				t.Errorf("%s: %+v", what, got)
			}
			one, err := s.ServiceStatus(s.Status().Services[0].Token)
			if err != nil || *one.Mailbox != want {
				t.Errorf("%s: alone %+v, %v", what, one.Mailbox, err)
			}
		}
		expect("idle", tend.Mailbox{Size: 10})
		ctx, cancel := context.WithCancel(t.Context())
		for n := range 4 {
			go func() { _, _ = ask(ctx, a, n) }()
		}
		expect("asked", tend.Mailbox{Waiting: 3, Size: 10, Open: 4})
		step <- nil // the question stays open
		expect("one was handled", tend.Mailbox{Waiting: 2, Size: 10, Open: 4})
		cancel()
		expect("the askers have left", tend.Mailbox{Waiting: 2, Size: 10})
		step <- errBoom
		expect("one has failed", tend.Mailbox{Waiting: 1, Size: 10, Lost: 1})
		step <- nil
		step <- nil
		expect("idle again", tend.Mailbox{Size: 10, Lost: 1})
		if text := s.Status().String(); !strings.Contains(text, "1 lost") {
			t.Errorf("the text is\n%s", text)
		}
	})
}

// TestInline: an Ask of an idle actor is answered on the goroutine of the asker, one of an
// actor that is busy waits in the mailbox; the rules are the same.
func TestInline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		step := make(chan struct{})
		var order []int
		s, a := asked(t, actor.Spec[question]{Inline: true}, func(ctx context.Context, q question) error {
			if ctx.Value(key{}) != nil {
				t.Error("it has the context of the asker")
			}
			order = append(order, q.n)
			switch q.n {
			case 2:
				<-step
			case 4:
				return errBoom
			case 5:
				panic("boom")
			case 6:
				return nil // kept
			}
			q.reply.Send(goroutine())
			return nil
		})
		synctest.Wait()
		ctx := context.WithValue(t.Context(), key{}, "asker")
		if n, err := ask(ctx, a, 1); n != goroutine() || err != nil {
			t.Errorf("idle: on goroutine %d, this is %d, %v", n, goroutine(), err)
		}
		if err := a.TrySend(question{n: 2}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ends := make(chan int)
		go func() {
			n, _ := ask(ctx, a, 3)
			if n == goroutine() {
				t.Error("busy: the asker handles it")
			}
			ends <- n
		}()
		synctest.Wait()
		close(step)
		<-ends
		for n := 4; n < 6; n++ {
			if _, err := ask(ctx, a, n); !errors.Is(err, actor.ErrFailed) {
				t.Errorf("question %d: %v", n, err)
			}
			synctest.Wait() // it runs again
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := ask(short, a, 6); !errors.Is(err, context.DeadlineExceeded) || s.Status().Services[0].Mailbox.Open != 0 {
			t.Errorf("kept for longer than anybody waits: %v, %+v", err, s.Status().Services[0].Mailbox)
		}
		var kept error
		go func() { _, kept = ask(ctx, a, 6) }()
		synctest.Wait()
		if n := s.Status().Services[0]; n.Incarnation != 3 || n.Mailbox.Open != 1 {
			t.Errorf("incarnation %d, %+v", n.Incarnation, n.Mailbox)
		}
		_ = s.Restart(s.Status().Services[0].Token, nil)
		synctest.Wait()
		if !errors.Is(kept, actor.ErrFailed) || !errors.Is(kept, tend.ErrRestartRequested) {
			t.Errorf("kept: %v", kept)
		}
		if d := cmp.Diff([]int{1, 2, 3, 4, 5, 6, 6}, order); d != "" {
			t.Error(d)
		}
	})
}

// TestWhatComesDuringAnInlineTurn is handled after it: messages, and what is due.
func TestWhatComesDuringAnInlineTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var order []int
		var a *actor.Actor[question]
		due := false
		begin := func(_ context.Context, self *actor.Actor[question]) (actor.Handler[question], error) {
			if due {
				self.After(2*time.Second, question{n: 9})
			}
			return actor.Func[question](func(_ context.Context, q question) error {
				order = append(order, q.n)
				if q.n == 1 {
					time.Sleep(5 * time.Second)
				}
				q.reply.Send(0)
				return nil
			}), nil
		}
		a = actor.New("a", &actor.Spec[question]{Inline: true, New: begin})
		serve(t, tend.Spec{}, a)
		synctest.Wait()
		go func() {
			time.Sleep(time.Second)
			_ = a.TrySend(question{n: 2})
		}()
		if _, err := ask(t.Context(), a, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]int{1, 2}, order); d != "" {
			t.Error(d)
		}
		order, due = nil, true
		b := actor.New("b", &actor.Spec[question]{Inline: true, New: begin})
		serve(t, tend.Spec{}, b)
		synctest.Wait()
		if _, err := ask(t.Context(), b, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if d := cmp.Diff([]int{1, 9}, order); d != "" {
			t.Error(d)
		}
	})
}

// TestWhoAsksDuringAnInlineTurn comes after the one whose turn it is: that one learns how it
// ends, failed or with its Reply kept, and the other one is answered.
func TestWhoAsksDuringAnInlineTurn(t *testing.T) {
	for name, fails := range map[string]error{"fails": errBoom, "keeps": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				step := make(chan struct{})
				s, a := asked(t, actor.Spec[question]{Inline: true}, func(_ context.Context, q question) error {
					switch q.n {
					case 1:
						<-step
						return fails
					case 2:
						<-step
						return errBoom
					}
					q.reply.Send(q.n)
					return nil
				})
				synctest.Wait()
				ends := make([]error, 4)
				for n := 1; n < len(ends); n++ {
					go func() { _, ends[n] = ask(t.Context(), a, n) }()
					synctest.Wait()
				}
				step <- struct{}{}
				synctest.Wait()
				if early := ends[1] != nil; early != (fails != nil) {
					t.Errorf("the first ended with %v", ends[1])
				}
				step <- struct{}{}
				synctest.Wait()
				if !errors.Is(ends[1], actor.ErrFailed) || !errors.Is(ends[2], actor.ErrFailed) || ends[3] != nil {
					t.Errorf("they ended with %v", ends[1:])
				}
				if n := s.Status().Services[0].Mailbox.Open; n != 0 {
					t.Errorf("%d are open", n)
				}
			})
		})
	}
}

// TestInlineAndGoexit ends the goroutine of the asker, and the run.
func TestInlineAndGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a := asked(t, actor.Spec[question]{Inline: true}, func(context.Context, question) error { runtime.Goexit(); return nil })
		synctest.Wait()
		returned := false
		go func() {
			_, _ = ask(t.Context(), a, 1)
			returned = true
		}()
		synctest.Wait()
		status := s.Status().Services[0]
		if returned || status.Incarnation != 2 || !errors.Is(status.Failures[0].Err, tend.ErrGoexit) {
			t.Errorf("the asker goes on: %v, %+v", returned, status)
		}
	})
}

// TestInlineWherePanicsPass: it panics in the asker, whose recover keeps it, and the run is
// over all the same.
func TestInlineWherePanicsPass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := actor.New("a", &actor.Spec[question]{Inline: true, New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
			return actor.Func[question](func(context.Context, question) error { panic("boom") }), nil
		}})
		s, _ := serve(t, tend.Spec{PassThroughPanics: true}, a)
		synctest.Wait()
		func() {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("it panics with %v", v)
				}
			}()
			_, _ = ask(t.Context(), a, 1)
		}()
		synctest.Wait()
		if status := s.Status().Services[0]; status.Incarnation != 2 || status.Mailbox.Open != 0 || status.Mailbox.Lost != 1 {
			t.Errorf("%+v, %+v", status, status.Mailbox)
		}
	})
}

// goroutine is the number of the caller's goroutine.
func goroutine() (n int) {
	var stack [64]byte
	_, _ = fmt.Sscanf(string(stack[:runtime.Stack(stack[:], false)]), "goroutine %d ", &n)
	return n
}

// BenchmarkAsk is a question and its answer, beside two channels.
func BenchmarkAsk(b *testing.B) {
	b.Run("inline", func(b *testing.B) { benchAsk(b, true) })
	b.Run("actor", func(b *testing.B) { benchAsk(b, false) })
	b.Run("channel", func(b *testing.B) {
		type q struct{ reply chan int }
		c := make(chan q)
		go func() {
			for q := range c {
				q.reply <- 1
			}
		}()
		for b.Loop() {
			q := q{make(chan int, 1)}
			c <- q
			<-q.reply
		}
		close(c)
	})
}

func benchAsk(b *testing.B, inline bool) {
	a := actor.New("a", &actor.Spec[question]{Inline: inline, New: func(context.Context, *actor.Actor[question]) (actor.Handler[question], error) {
		return actor.Func[question](func(_ context.Context, q question) error { q.reply.Send(q.n); return nil }), nil
	}})
	s := benchServe(b)
	if _, err := s.Start(b.Context(), a); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := ask(b.Context(), a, 1); err != nil {
			b.Fatal(err)
		}
	}
}
