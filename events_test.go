package tend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestSlowHookMissesEventsAndIsTold: a queue is bounded, and what did not fit is
// counted where it is missing.
func TestSlowHookMissesEventsAndIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []tend.Event
		s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) { <-release; got = append(got, e) }})
		done := s.ServeBackground(t.Context())
		events := s.Events(t.Context())
		for range 2000 { // two events each
			if err := s.RemoveAndWait(t.Context(), s.Add(idle("a"))); err != nil {
				t.Fatal(err)
			}
		}
		close(release)
		synctest.Wait()
		s.Add(idle("b"))
		s.Stop()
		<-done
		check := func(who string, events []tend.Event) {
			total := uint64(0)
			for _, e := range events {
				total++
				if e, is := e.(tend.EventsDropped); is {
					total += e.N - 1
					if e.Level() != slog.LevelWarn || e.Supervisor != "root" {
						t.Errorf("%s: %v", who, e)
					}
				}
			}
			if total < 4001 || len(events) > 2100 {
				t.Errorf("%s: %d events, %d with those dropped", who, len(events), total)
			}
		}
		check("hook", got)
		var seen []tend.Event
		for e := range events {
			seen = append(seen, e)
			if _, dropped := e.(tend.EventsDropped); dropped {
				break
			}
		}
		// Two places are kept: for this word, and for the end of the root.
		if len(seen) != 1023 {
			t.Errorf("the subscriber got %d events before it was told of a gap", len(seen))
		}
		s.Stop()
	})
}

// TestHookThatExitsGetsEachEventOnce, on another goroutine.
func TestHookThatExitsGetsEachEventOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := tendtest.NewTape(t)
		s, _, _ := serve(t, tend.Spec{EventHook: func(e tend.Event) { p.Hook(e); runtime.Goexit() }}, idle("a"), idle("b"))
		p.Want(
			"0s root supervisor started services=2",
			"0s root/a service started",
			"0s root/b service started",
		)
		s.Stop()
		if lines := p.Lines(); len(lines) != 4 {
			t.Errorf("events of the stop: %v", lines)
		}
	})
}

// logged runs f with slog writing to a text, and returns that without times.
func logged(f func()) []string {
	var text bytes.Buffer
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "id" {
				return slog.Attr{}
			}
			return a
		},
	})))
	f()
	return strings.Split(strings.TrimSpace(text.String()), "\n")
}

// TestDefaultHookFoldsRepeats: a root without a hook logs the first failure in
// full, then sums, then the recovery.
func TestDefaultHookFoldsRepeats(t *testing.T) {
	lines := logged(func() {
		bubble(t, func(t *testing.T) {
			fails := 0
			s := tend.New("root", tend.Spec{})
			s.Add(tend.Child{
				Backoff: tend.Backoff{Min: 7100 * time.Millisecond}, // nothing happens when it sums up
				Service: tend.Func("a", func(ctx context.Context) error {
					if fails++; fails <= 12 {
						return errBoom
					}
					<-ctx.Done()
					return nil
				}),
			})
			done := s.ServeBackground(t.Context())
			time.Sleep(10 * time.Minute)
			o := ordered("b")
			s.Add(o)
			o.End(fmt.Errorf("one"))
			o.End(fmt.Errorf("two"))
			o.End(fmt.Errorf("two"))
			s.Stop()
			<-done
		})
	})
	want := []string{
		`level=WARN msg="service failed" supervisor=root service=a incarnation=1 error=boom ran=0s count=1 restarting=true delay=7.1s`,
		`level=WARN msg="same error" path=root/a error=boom again=1 in=10s`,
		`level=WARN msg="same error" path=root/a error=boom again=8 in=1m0s`,
		`level=WARN msg="same error" path=root/a error=boom again=2 in=8.1s`,
		`level=INFO msg=recovered path=root/a failures=12 after=1m25.2s`,
		`level=WARN msg="service failed" supervisor=root service=b incarnation=1 error=one ran=0s count=1 threshold=5 restarting=true`,
		`level=WARN msg="service failed" supervisor=root service=b incarnation=2 error=two ran=0s count=2 threshold=5 restarting=true`,
		`level=WARN msg="same error" path=root/b error=two again=1 in=0s`,
		`level=INFO msg="supervisor stopped" supervisor=root cause="tend: supervisor was stopped" took=0s`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDefaultHookForgetsWhoIsGone: services that give up or leave are summed up,
// and nobody recovers.
func TestDefaultHookForgetsWhoIsGone(t *testing.T) {
	lines := logged(func() {
		bubble(t, func(t *testing.T) {
			s := tend.New("root", tend.Spec{})
			s.Add(tend.Child{Service: failing("a"), Limit: tend.Limit{N: 3}})
			leaver := ordered("b")
			s.Add(leaver)
			done := s.ServeBackground(t.Context())
			leaver.End(errBoom)
			leaver.End(tend.ErrDoNotRestart)
			time.Sleep(time.Hour)
			s.Stop()
			<-done
		})
	})
	for _, line := range lines {
		if strings.Contains(line, "recovered") {
			t.Error(line)
		}
	}
	if text := strings.Join(lines, "\n"); strings.Count(text, `msg="same error" path=root/a error=boom again=2`) != 1 || strings.Count(text, "gave up") != 1 {
		t.Error(text)
	}
}

// TestWhatIsSaidOnTheWayDownIsNotLost: what a service returns that was asked to stop
// costs nothing, and is told and kept if it is more than that.
func TestWhatIsSaidOnTheWayDownIsNotLost(t *testing.T) {
	signal := errors.New("signal")
	for _, c := range []struct {
		name    string
		returns func(ctx context.Context) error
		level   slog.Level
	}{
		{"nil", func(context.Context) error { return nil }, slog.LevelDebug},
		{"its context's error", func(ctx context.Context) error { return ctx.Err() }, slog.LevelDebug},
		{"that, wrapped", func(ctx context.Context) error { return fmt.Errorf("read: %w", ctx.Err()) }, slog.LevelDebug},
		{"its cause", context.Cause, slog.LevelDebug},
		{"that, wrapped", func(ctx context.Context) error { return fmt.Errorf("read: %w", context.Cause(ctx)) }, slog.LevelDebug},
		{"a wish to leave", func(context.Context) error { return fmt.Errorf("all done: %w", tend.ErrDoNotRestart) }, slog.LevelDebug},
		{"a wish to end the tree", func(context.Context) error { return tend.ErrTerminateTree }, slog.LevelDebug},
		{"one with a reason", func(context.Context) error { return fmt.Errorf("exit 4: %w", tend.ErrTerminateTree) }, slog.LevelWarn},
		{"an error", func(context.Context) error { return errors.New("flush: no space left on device") }, slog.LevelWarn},
		{"its own deadline", func(context.Context) error { return context.DeadlineExceeded }, slog.LevelWarn},
		{"a panic", func(context.Context) error { panic("ouch") }, slog.LevelError},
		{"an exit", func(context.Context) error { runtime.Goexit(); return nil }, slog.LevelWarn},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var ended []tend.ServiceEnded
				s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
					if e, is := e.(tend.ServiceEnded); is {
						ended = append(ended, e)
					}
				}})
				tok := s.Add(tend.Func("a", func(ctx context.Context) error { <-ctx.Done(); return c.returns(ctx) }))
				ctx, cancel := context.WithCancelCause(t.Context())
				done := s.ServeBackground(ctx)
				synctest.Wait()
				if err := s.Suspend(tok); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if err := s.Restart(tok, nil); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				cancel(signal)
				<-done
				if len(ended) != 2 {
					t.Fatalf("it has ended %d times", len(ended))
				}
				want := 0
				for _, e := range ended {
					if e.Level() != c.level || e.Unclean != (c.level > slog.LevelInfo) {
						t.Errorf("%v, at %v", e, e.Level())
					}
					if e.Unclean {
						want++
					}
				}
				st := s.Status()
				if n := len(st.Services[0].Failures); n != want {
					t.Errorf("%d are in its history", n)
				}
				if st.Services[0].Failed != 0 || st.Count != 0 {
					t.Errorf("%d failures were counted, %g charged", st.Services[0].Failed, st.Count)
				}
			})
		})
	}
}

// TestATemporaryThatCrashesIsAWarning, and one that is through is not.
func TestATemporaryThatCrashesIsAWarning(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var levels []slog.Level
		s := tend.New("root", tend.Spec{EventHook: func(e tend.Event) {
			if e, is := e.(tend.ServiceEnded); is {
				levels = append(levels, e.Level())
			}
		}})
		done := s.ServeBackground(t.Context())
		for _, f := range []func(context.Context) error{
			func(context.Context) error { return nil },
			func(context.Context) error { return tend.ErrDoNotRestart },
			func(context.Context) error { return errBoom },
			func(context.Context) error { return context.Canceled }, // of somebody else
			func(context.Context) error { panic("ouch") },
		} {
			s.Add(tend.Child{Service: tend.Func("a", f), Restart: tend.Temporary})
			synctest.Wait()
		}
		s.Stop()
		<-done
		if d := cmp.Diff([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelWarn, slog.LevelError}, levels); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// TestNestedHooks: events travel up, each once to each hook; a supervisor below
// another does not log by itself.
func TestNestedHooks(t *testing.T) {
	lines := logged(func() {
		bubble(t, func(t *testing.T) {
			inner, middle := tendtest.NewTape(t), tendtest.NewTape(t)
			leaf := tend.New("leaf", tend.Spec{EventHook: inner.Hook})
			o := ordered("o")
			leaf.Add(o)
			sub := tend.New("sub", tend.Spec{})
			sub.Add(leaf)
			s, p, _ := serve(t, tend.Spec{EventHook: middle.Hook}, sub)
			_ = p
			inner.Lines()
			middle.Lines()
			o.End(errBoom)
			inner.Want("0s root/sub/leaf/o service failed err=boom count=1 threshold=5 restarting", "0s root/sub/leaf/o service started restarts=1")
			middle.Want("0s root/sub/leaf/o service failed err=boom count=1 threshold=5 restarting", "0s root/sub/leaf/o service started restarts=1")
			s.Stop()
			// Served by itself, sub is a root, and logs.
			done := sub.ServeBackground(t.Context())
			o.End(errBoom)
			sub.Stop()
			<-done
			// And below another no more.
			s.ServeBackground(t.Context())
			o.End(errBoom)
		})
	})
	if text := strings.Join(lines, "\n"); strings.Count(text, "service failed") != 1 || !strings.Contains(text, "supervisor=sub/leaf service=o") {
		t.Error(text)
	}
}
