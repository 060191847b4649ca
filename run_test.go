package tend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend/internal/goroutines"
)

// TestSizes: a service costs one piece of memory for its record and one for its run.
// The next sizes that the allocator has are 16 bytes more.
func TestSizes(t *testing.T) {
	if size := unsafe.Sizeof(node{}); size > 112 {
		t.Errorf("a record has %d bytes", size)
	}
	if size := unsafe.Sizeof(run{}); size > 48 {
		t.Errorf("a run has %d bytes", size)
	}
}

// TestNothingIsKeptOfTheLastMessages that come while the loop ends.
func TestNothingIsKeptOfTheLastMessages(t *testing.T) {
	s := New("root", Spec{EventHook: func(Event) {}})
	s.inbox.open()
	s.handle(start{term: 1})
	s.handle(shutdown{cause: known(ErrStopped), by: never})
	s.post(resume{})
	if err := s.finish(); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.inbox.spare {
		if m != nil {
			t.Errorf("%T is kept", m)
		}
	}
}

// isOnly is an error that is another one in the sense of errors.Is alone.
type isOnly struct{ target error }

func (isOnly) Error() string             { return "is only" }
func (e isOnly) Is(target error) bool    { return target == e.target }
func (e isOnly) As(any) bool             { panic("nobody asks") }
func panicOf(v any) error                { return &PanicError{Value: v} }
func escalation(last error) error        { return &TooManyFailures{Last: known(last)} }
func wrap(words string, err error) error { return fmt.Errorf("%s: %w", words, err) }

// uncomparable can be compared with nothing.
type uncomparable []error

func (uncomparable) Error() string     { return "uncomparable" }
func (e uncomparable) Unwrap() []error { return e }

// TestWhatAnErrorAsksFor: a panic and an escalation are failures, whatever they wrap
// and whoever wraps them; otherwise an error asks for what it is.
func TestWhatAnErrorAsksFor(t *testing.T) {
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nil, fine},
		{errors.New("x"), failing},
		{ErrGoexit, failing},
		{uncomparable{}, failing},
		{ErrDoNotRestart, doNotRestart},
		{ErrTerminateTree, terminate},
		{wrap("x", wrap("y", ErrTerminateTree)), terminate},
		{isOnly{ErrDoNotRestart}, doNotRestart},
		{wrap("x", isOnly{ErrTerminateTree}), terminate},
		{errors.Join(errors.New("x"), ErrDoNotRestart), doNotRestart},
		{uncomparable{errors.New("x"), ErrDoNotRestart}, doNotRestart},
		{errors.Join(ErrDoNotRestart, ErrTerminateTree), terminate},

		{panicOf(ErrTerminateTree), failing},
		{wrap("x", panicOf(ErrTerminateTree)), failing},
		{wrap("x", wrap("y", panicOf(wrap("z", ErrDoNotRestart)))), failing},
		{errors.Join(errors.New("x"), panicOf(ErrDoNotRestart)), failing},
		{fmt.Errorf("%w: %w", ErrDoNotRestart, panicOf(ErrTerminateTree)), doNotRestart}, // the wrapper's word
		{escalation(ErrTerminateTree), failing},
		{wrap("x", escalation(ErrTerminateTree)), failing},
		{fmt.Errorf("%w: %w", ErrTerminateTree, escalation(ErrDoNotRestart)), terminate},
		{(*TooManyFailures)(nil), failing},
		{(*PanicError)(nil), failing},
		{(*isOnly)(nil), failing},
	} {
		out := &outcome{n: &node{sup: New("root", Spec{})}, why: Reason{Err: c.err}}
		out.judge(t.Context())
		if out.verdict != c.want {
			t.Errorf("%v: verdict %d, want %d", c.err, out.verdict, c.want)
		}
	}
}

// TestWhatIsNews: an error is, unless it is just that the context has ended.
func TestWhatIsNews(t *testing.T) {
	open := t.Context()
	boom := errors.New("boom")
	ended, cancel := context.WithCancelCause(open)
	cancel(boom)
	late, stop := context.WithTimeoutCause(open, 0, ErrStopped)
	defer stop()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want bool
	}{
		{open, nil, false},
		{ended, nil, false},
		{open, boom, true},
		{open, context.Canceled, true},
		{ended, context.Canceled, false},
		{ended, wrap("read", context.Canceled), false},
		{ended, boom, false},
		{ended, wrap("read", boom), false},
		{ended, context.DeadlineExceeded, true},
		{ended, errors.New("boom"), true},
		{ended, panicOf(boom), true},
		{ended, wrap("x", ErrGoexit), true},
		{late, context.DeadlineExceeded, false},
		{late, ErrStopped, false},
		{late, context.Canceled, true},
	} {
		out := &outcome{n: &node{sup: New("root", Spec{})}, why: Reason{Err: c.err}}
		out.judge(c.ctx)
		if out.news != c.want {
			t.Errorf("%v after %v: news is %v", c.err, c.ctx.Err(), out.news)
		}
	}
}

// TestInertErrors: a run that ends with one of these is not said to be stopping while
// it is judged, as that is over at once; any other may be.
func TestInertErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, true},
		{errors.New("x"), true},
		{ErrGoexit, true},
		{context.Canceled, true},
		{context.DeadlineExceeded, true},
		{syscall.EINVAL, true},
		{wrap("x", wrap("y", context.Canceled)), true},
		{escalation(isOnly{}), true}, // has its text, and nobody asks it what it is
		{panicOf("text"), true},

		{isOnly{}, false},
		{wrap("x", isOnly{}), false},
		{panicOf(isOnly{}), false},
		{panicOf(t), false},
		{wrap("x", panicOf(t)), false},
		{errors.Join(isOnly{}), false},
		{uncomparable{}, false},
		{&fs.PathError{Err: isOnly{}}, false},
		{(*TooManyFailures)(nil), true},
		{(*PanicError)(nil), true},
	} {
		if got := isInert(c.err); got != c.want {
			t.Errorf("%T: %v", c.err, got)
		}
	}
}

// TestWhatARunKeeps: fields of its own only if its settings need them, not because it is
// asked to stop.
func TestWhatARunKeeps(t *testing.T) {
	for _, c := range []struct {
		child                        Child
		keeps, hasClock, isToBeReady bool
	}{
		{Child{}, false, false, false},
		{Child{Restart: Transient}, false, false, false},
		{Child{Watchdog: time.Hour}, true, true, false},
		{Child{ReadyTimeout: time.Hour}, true, true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New("root", Spec{EventHook: func(Event) {}})
			c.child.Service = idleForever{}
			tok := s.Add(c.child)
			stop := served(t, s)
			synctest.Wait()
			r := tok.n.run
			m := r.own()
			if (m != nil) != c.keeps || m != nil && (m.clock != nil) != c.hasClock {
				t.Errorf("%+v: it keeps %+v", c.child, m)
			}
			if got := r.isFirstReady(); got != c.isToBeReady {
				t.Errorf("%+v: it is to be ready: %v", c.child, got)
			}
			if r.isFirstReady() {
				t.Errorf("%+v: it is ready again", c.child)
			}
			tok.n.why = suspension
			s.cancel(tok.n)
			if kept := r.own(); kept != m {
				t.Errorf("%+v: asked to stop it keeps %+v", c.child, kept)
			}
			stop()
		})
	}
}

// TestARunThatIsOverIsToldNothing, whoever has not heard of it yet.
func TestARunThatIsOverIsToldNothing(t *testing.T) {
	for _, over := range []*runMore{closedRun, refusedRun} {
		s := New("root", Spec{})
		n := s.newNode(idleForever{})
		n.run = &run{node: n}
		n.run.more.Store(over)
		s.limit(limit{n, time.Hour})
		s.explainTo(n.run, known(ErrStopped))
		s.probe(n)
		if n.run.why() != nil || n.run.stopBy() != never || n.run.isFirstReady() {
			t.Error("it has been told something")
		}
	}
}

// TestTheTimeThatIsLeftIsInTheRun: there the supervisor finds it that the run serves, when
// its context ends.
func TestTheTimeThatIsLeftIsInTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		above, below := New("above", Spec{}), New("below", Spec{})
		n := above.newNode(below)
		n.run = &run{node: n}
		below.term.Load().run = n.run
		stop := func() instant {
			return below.shutdownFor(below.term.Load(), endOfContext{}, below.explain(known(ErrStopped))).by
		}
		if by := stop(); by != never {
			t.Errorf("without a limit it is %v", by)
		}
		above.limit(limit{n, time.Hour})
		if by := stop(); by != time.Hour {
			t.Errorf("it is %v", by)
		}
	})
}

// TestANestedStopBeginsWithTheContext and not a moment before, when its run only knows that
// it is about to: the loop asks the context why.
func TestANestedStopBeginsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, sub := New("root", Spec{EventHook: func(Event) {}}), New("sub", Spec{})
		root.Add(sub)
		root.ServeBackground(t.Context())
		synctest.Wait()
		served := sub.term.Load()
		served.run.more.Store(askedRun)
		if !served.direct || served.isAsked() {
			t.Error("it has begun")
		}
		served.run.cancel(ErrStopped)
		if !served.isAsked() {
			t.Error("it has not begun")
		}
		sub.inbox.poke()
		root.Stop()
	})
}

// TestNoStacksSayWhy: if there are too many goroutines to look at.
func TestNoStacksSayWhy(t *testing.T) {
	s := New("root", Spec{})
	s.finder().fresh, s.finder().err = true, &goroutines.TooManyError{Goroutines: 2, Limit: 1}
	if _, err := s.Stacks(s.Add(idleForever{})); err == nil || err.Error() != "tend: no stacks: the program has 2 goroutines, more than 1" {
		t.Error(err)
	}
}

// TestAliveWithoutAWatchdog does nothing, whatever else there is to say of the run.
func TestAliveWithoutAWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("root", Spec{EventHook: func(Event) {}})
		tok := s.Add(Func("a", func(ctx context.Context) error {
			Alive(ctx)
			Annotate(ctx, slog.Int("n", 1))
			Alive(ctx)
			<-ctx.Done()
			return nil
		}))
		stop := served(t, s)
		synctest.Wait()
		if st := s.Status().Services[0]; st.State != StateRunning || st.Failed != 0 || tok.n.run.own().beats.Load() != 0 {
			t.Errorf("%+v", st)
		}
		stop()
	})
}

// TestWhatIsPastIsPastByAnyClock, and by as much.
func TestWhatIsPastIsPastByAnyClock(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	one, other := &clock{abtime.NewManualAtTime(at), at.Add(-time.Hour)}, &clock{abtime.NewManualAtTime(at), at.Add(-time.Minute)}
	for _, c := range []struct{ at, want instant }{
		{time.Hour + time.Second, time.Minute + time.Second},
		{time.Hour, time.Minute},
		{time.Hour - time.Second, time.Minute - time.Second},
		{-time.Hour, -119 * time.Minute},
		{never, never},
	} {
		if got := one.on(other, c.at); got != c.want {
			t.Errorf("%v is %v of the other clock, want %v", c.at, got, c.want)
		}
	}
}
