package tend_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/stopped"
)

var errOther = errors.New("other")

// obey is a helper, or a Serve, that ends when it is told.
func obey(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestAHelperThatObeysOverridesNothing: what Serve has returned counts, though the
// end of the context reaches the helper before Serve's word is looked at: there are
// many contexts below.
func TestAHelperThatObeysOverridesNothing(t *testing.T) {
	for _, c := range []struct {
		returns error
		want    string
	}{
		{nil, "root/a service ended next=done"},
		{tend.ErrDoNotRestart, "root/a service ended err=ErrDoNotRestart next=gone"},
		{tend.ErrTerminateTree, "root/a service ended err=ErrTerminateTree"},
		{errBoom, "root/a service failed err=boom count=1 threshold=5 restarting"},
	} {
		for range 50 {
			bubble(t, func(t *testing.T) {
				o := ordered("a")
				_, p, _ := serve(t, tend.Spec{}, tend.Child{Service: o, Restart: tend.Transient})
				p.Lines()
				o.Run(func(ctx context.Context) error {
					for range 1000 {
						_, cancel := context.WithCancel(ctx)
						t.Cleanup(cancel)
					}
					tend.Go(ctx, obey)
					return c.returns
				})
				if got := p.Lines(); got[0] != "0s "+c.want {
					t.Errorf("%v: %s, want %s", c.returns, got[0], c.want)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}

// TestAHelperThatObeysARemovalOverridesNothing: nor when it ends before Serve does.
func TestAHelperThatObeysARemovalOverridesNothing(t *testing.T) {
	for name, helper := range map[string]func(context.Context) error{
		"its end":         obey,
		"its end wrapped": func(ctx context.Context) error { return fmt.Errorf("read: %w", obey(ctx)) },
		"its cause":       func(ctx context.Context) error { _ = obey(ctx); return context.Cause(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, p, _ := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
					tend.Go(ctx, helper)
					<-ctx.Done()
					time.Sleep(time.Second)
					return errBoom
				}))
				p.Lines()
				_ = s.RemoveAndWait(t.Context(), s.Status().Services[0].Token)
				p.Want("1s root/a service ended err=boom cause=ErrRemoved unclean took=1s next=gone")
			})
		})
	}
}

// TestAHelperStartedOnTheWayDownOverridesNothing when it obeys.
func TestAHelperStartedOnTheWayDownOverridesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, p, _ := serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			<-ctx.Done()
			tend.Go(ctx, obey)
			time.Sleep(time.Second)
			return errBoom
		}))
		p.Lines()
		_ = s.RemoveAndWait(t.Context(), s.Status().Services[0].Token)
		p.Want("1s root/a service ended err=boom cause=ErrRemoved unclean took=1s next=gone")
	})
}

// blow panics; its name is in the stack.
func blow(v any) error { panic(v) }

// TestWhatElseFailsIsTold: every panic and every error of a run is in one event, the
// panics at level error with their stack.
func TestWhatElseFailsIsTold(t *testing.T) {
	later := func(err func() error) func(context.Context) error {
		return func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			return err()
		}
	}
	panics := func() error { return blow("late") }
	fails := func() error { return errOther }
	for _, c := range []struct {
		name string
		run  func(ctx context.Context) error
		want []string
	}{
		{"a helper panics after Serve returned nil", func(ctx context.Context) error {
			tend.Go(ctx, later(panics))
			return nil
		}, []string{`1s root/a service also failed err="panic: late"`, "1s root/a service ended took=1s next=done"}},
		{"a helper fails after Serve returned nil", func(ctx context.Context) error {
			tend.Go(ctx, later(fails))
			return nil
		}, []string{`1s root/a service also failed err=other`, "1s root/a service ended took=1s next=done"}},
		{"a helper exits after Serve returned nil", func(ctx context.Context) error {
			tend.Go(ctx, later(func() error { runtime.Goexit(); return nil }))
			return nil
		}, []string{`1s root/a service also failed err=ErrGoexit`, "1s root/a service ended took=1s next=done"}},
		{"a second helper panics", func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			tend.Go(ctx, later(panics))
			return obey(ctx)
		}, []string{
			`1s root/a service also failed err="panic: late"`,
			"1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1",
		}},
		{"a second helper fails while Serve takes its time", func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			tend.Go(ctx, func(ctx context.Context) error { <-ctx.Done(); return errOther })
			<-ctx.Done()
			time.Sleep(time.Second)
			return nil
		}, []string{
			`0s root/a service also failed err=other`,
			"1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1",
		}},
		{"to ask the error of a late helper exits", func(ctx context.Context) error {
			tend.Go(ctx, later(func() error { return &hostileError{"Error", runtime.Goexit} }))
			return nil
		}, []string{`1s root/a service also failed err=*tend_test.hostileError`, "1s root/a service ended took=1s next=done"}},
		{"to ask the error of Serve exits", func(context.Context) error {
			return &hostileError{"Error", runtime.Goexit}
		}, []string{
			"0s root/a service failed err=*tend_test.hostileError count=1 threshold=5 restarting", "0s root/a service started restarts=1",
		}},
		{"Serve panics after a helper", func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			return later(panics)(ctx)
		}, []string{
			`1s root/a service also failed err="panic: late"`,
			"1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1",
		}},
		{"Serve fails after a helper", func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			return later(fails)(ctx)
		}, []string{
			`1s root/a service also failed err=other`,
			"1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1",
		}},
		{"the others obey", func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			tend.Go(ctx, func(ctx context.Context) error { _ = obey(ctx); return context.Cause(ctx) })
			return fmt.Errorf("read: %w", obey(ctx))
		}, []string{
			"0s root/a service failed err=boom count=1 threshold=5 restarting", "0s root/a service started restarts=1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := ordered("a")
				_, p, _ := serve(t, tend.Spec{FailureDecay: 1 << 62}, tend.Child{Service: o, Restart: tend.Transient})
				p.Lines()
				o.Run(c.run)
				time.Sleep(time.Second)
				p.Want(c.want...)
				wantPanicsTold(t, p.Events())
			})
		})
	}
}

// wantPanicsTold checks level and stack of what also failed.
func wantPanicsTold(t *testing.T, events []tend.Event) {
	t.Helper()
	for _, e := range events {
		if failed, is := e.(tend.ServiceFailed); is && failed.Err.Text == "" {
			t.Errorf("%v has no text", failed)
		}
		also, is := e.(tend.ServiceAlsoFailed)
		if !is {
			continue
		}
		if also.Err.Text == "" {
			t.Errorf("%v has no text", also)
		}
		level := "WARN"
		if strings.HasPrefix(also.Err.Text, "panic: ") {
			level = "ERROR"
			if stack := also.Err.Stack(); !strings.Contains(stack, "tend_test.blow\n") {
				t.Errorf("the stack is\n%s", stack)
			}
		}
		if also.Level().String() != level {
			t.Errorf("%v is at level %v", also, also.Level())
		}
	}
}

// TestAPanicOnTheWayDownOfAFailureIsTold: the failure is why the service was stopped.
func TestAPanicOnTheWayDownOfAFailureIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, p, _ := serve(t, tend.Spec{}, o)
		p.Lines()
		tok := s.Status().Services[0].Token
		for _, end := range []error{errOther, nil, context.Canceled} {
			o.Run(func(ctx context.Context) error {
				if <-ctx.Done(); end == errOther {
					return blow("down")
				}
				return end
			})
			_ = s.Restart(tok, errBoom)
			synctest.Wait()
		}
		p.Want(
			`0s root/a service also failed err="panic: down"`,
			"0s root/a service failed err=boom count=1 threshold=5 restarting", "0s root/a service started restarts=1",
			"0s root/a service failed err=boom count=2 threshold=5 restarting", "0s root/a service started restarts=2",
			"0s root/a service failed err=boom count=3 threshold=5 restarting", "0s root/a service started restarts=3",
		)
		wantPanicsTold(t, p.Events())
	})
}

// TestAHelperFailsJustAsServeDoes: whatever a helper ends with means the same as if
// Serve had, for every kind of service; nil is the exception.
func TestAHelperFailsJustAsServeDoes(t *testing.T) {
	ends := map[string]func() error{
		"an error":         func() error { return errBoom },
		"ErrDoNotRestart":  func() error { return fmt.Errorf("over: %w", tend.ErrDoNotRestart) },
		"ErrTerminateTree": func() error { return tend.ErrTerminateTree },
		"a panic":          func() error { panic("boom") },
		"a panic with one": func() error { panic(tend.ErrTerminateTree) },
		"Goexit":           func() error { runtime.Goexit(); return nil },
		"canceled":         func() error { return context.Canceled }, // from elsewhere
	}
	for name, end := range ends {
		for _, restart := range []tend.Restart{tend.Permanent, tend.Transient, tend.Temporary} {
			t.Run(fmt.Sprint(name, " ", restart), func(t *testing.T) {
				tape := func(run func(context.Context) error) (lines []string) {
					bubble(t, func(t *testing.T) {
						first := true
						_, p, _ := serve(t, tend.Spec{}, tend.Child{Restart: restart, Service: tend.Func("a", func(ctx context.Context) error {
							if first {
								first = false
								return run(ctx)
							}
							return obey(ctx)
						})})
						lines = p.Lines()
					})
					return lines
				}
				own := tape(func(context.Context) error { return end() })
				helpers := tape(func(ctx context.Context) error {
					tend.Go(ctx, func(context.Context) error { return end() })
					_ = obey(ctx)
					return nil
				})
				if d := cmp.Diff(own, helpers); d != "" {
					t.Errorf("-Serve +helper\n%s", d)
				}
			})
		}
	}
}

// TestNilOfAHelperIsNoNews: it is neither the end of the run nor the first failure.
func TestNilOfAHelperIsNoNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, p, _ := serve(t, tend.Spec{}, o)
		p.Lines()
		fail := make(chan error)
		o.Run(func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return nil })
			tend.Go(ctx, func(context.Context) error { return <-fail })
			return obey(ctx)
		})
		p.Want()
		wantStates(t, s, "a running")
		fail <- errBoom
		p.Want("0s root/a service failed err=boom count=1 threshold=5 restarting", "0s root/a service started restarts=1")
	})
}

// TestAFailedHelperMakesTheServiceStop: its time to stop runs from there.
func TestAFailedHelperMakesTheServiceStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, p, _ := serve(t, tend.Spec{Timeout: time.Second}, o)
		p.Lines()
		o.Run(func(ctx context.Context) error {
			tend.Go(ctx, func(context.Context) error { return errBoom })
			time.Sleep(time.Minute) // Serve does not listen
			return nil
		})
		wantStates(t, s, "a stopping")
		time.Sleep(time.Minute)
		p.Want(
			`1s root/a service stuck cause="tend: Serve has returned" waited=1s`,
			"1m0s root/a service failed err=boom ran=1m0s late=59s count=1 threshold=5 restarting",
			"1m0s root/a service started restarts=1",
		)
	})
}

// TestNothingIsStartedAfterServe: from when Serve has returned Go starts nothing and
// tells so, once for each run.
func TestNothingIsStartedAfterServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, p, _ := serve(t, tend.Spec{}, o)
		p.Lines()
		var old context.Context
		tooLate := func() {
			for range 3 {
				tend.Go(old, func(context.Context) error { t.Error("started"); return nil })
			}
		}
		o.Run(func(ctx context.Context) error {
			old = ctx
			tend.Go(ctx, func(context.Context) error { time.Sleep(time.Second); return nil })
			return errBoom
		})
		synctest.Wait()
		tooLate() // a helper still runs
		time.Sleep(time.Second)
		synctest.Wait()
		tooLate() // it is over
		p.Want(
			`0s root/a service also failed err="tend: Go was called when Serve had returned; nothing was started"`,
			"1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1",
		)
		o.Run(func(ctx context.Context) error { old = ctx; return errBoom })
		synctest.Wait()
		_ = s.RemoveAndWait(t.Context(), s.Status().Services[0].Token)
		p.Lines()
		tooLate() // of a service that has left
		p.Want(`1s root/a service also failed err="tend: Go was called when Serve had returned; nothing was started"`)
		events := p.Events()
		if n := events[len(events)-1].From().Incarnation; n != 2 {
			t.Errorf("told of run %d", n)
		}
	})
}

// TestAServiceWhoseErrorBlocksIsStopping from when Serve has returned: it has as long
// as any that is to stop, is on the books then, and its end is what it is.
func TestAServiceWhoseErrorBlocksIsStopping(t *testing.T) {
	for _, method := range []string{"Error", "Unwrap", "Is"} {
		for _, how := range []string{"returned", "panicked", "of a helper"} {
			if how == "panicked" && method != "Error" {
				continue // nobody asks a panic more
			}
			t.Run(method+" "+how, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					release := make(chan struct{})
					hostile := &hostileError{method, func() { <-release }}
					o := ordered("a")
					s, p, _ := serve(t, tend.Spec{Timeout: time.Second}, o)
					p.Lines()
					o.Run(func(ctx context.Context) error {
						switch how {
						case "panicked":
							panic(hostile)
						case "of a helper":
							tend.Go(ctx, func(context.Context) error { return hostile })
							return obey(ctx)
						}
						return hostile
					})
					wantStates(t, s, "a stopping")
					time.Sleep(time.Minute)
					p.Want(`1s root/a service stuck cause="tend: Serve has returned" waited=1s`)
					close(release)
					lines := p.Lines(tend.ServiceFailed{}.Kind())
					if len(lines) != 1 || !strings.Contains(lines[0], "hostile error") {
						t.Errorf("%q", lines)
					}
				})
			})
		}
	}
}

// TestReadyInTrouble: a service says that it is ready while its record gets the part
// that only services in trouble have. The race detector finds a mistake; nothing here
// may order the two.
func TestReadyInTrouble(t *testing.T) {
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	tok := s.Add(tend.Func("a", func(ctx context.Context) error {
		for ctx.Err() == nil {
			tend.Ready(ctx)
			runtime.Gosched()
		}
		return nil
	}))
	done := s.ServeBackground(t.Context())
	for s.Status().Services[0].Failed == 0 {
		_ = s.Restart(tok, errBoom)
	}
	s.Stop()
	<-done
}

// TestAServiceWhoseTextIsBeingRedactedIsStopping: Redact is code of users too, whatever
// the error is.
func TestAServiceWhoseTextIsBeingRedactedIsStopping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		o := ordered("a")
		sub := tend.New("sub", tend.Spec{Timeout: time.Second})
		sub.Add(o)
		s, p, _ := serve(t, tend.Spec{Redact: func(text string) string { <-release; return text }}, sub)
		p.Lines()
		o.End(errBoom)
		wantStates(t, sub, "a stopping")
		time.Sleep(time.Minute)
		p.Want(`1s root/sub/a service stuck cause="tend: Serve has returned" waited=1s`)
		close(release)
		synctest.Wait()
		wantStates(t, sub, "a running")
		s.Stop()
	})
}

// strange is an error that is not what it is asked for.
type strange func()

func (strange) Error() string     { return "strange" }
func (f strange) Is(_ error) bool { f(); return false }

// TestWhoEndsTheContextOfAHelper other than the supervisor has no failure of it, as long as the
// helper says no more than that it was cancelled. What else it may say, the service has done to
// itself; unless somebody stands between the two, who knows what that means.
func TestWhoEndsTheContextOfAHelper(t *testing.T) {
	own := func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		return ctx, func() { cancel(errBoom) }
	}
	late := func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		return ctx, func() { time.Sleep(2 * time.Second); cancel() }
	}
	between := func(end func(context.Context) (context.Context, func())) func(context.Context) (context.Context, func()) {
		return func(ctx context.Context) (context.Context, func()) {
			inner, stop := end(ctx)
			return stopped.Between(ctx, inner), stop
		}
	}
	failed := func(ctx context.Context) error { return fmt.Errorf("by the way: %w", context.Cause(ctx)) }
	for name, c := range map[string]struct {
		context func(context.Context) (context.Context, func())
		returns func(context.Context) error
		want    string // what it fails with; empty: nothing
	}{
		"obeys":                        {own, context.Context.Err, ""},
		"obeys in its own words":       {own, func(ctx context.Context) error { return fmt.Errorf("over: %w", ctx.Err()) }, ""},
		"says why":                     {own, context.Cause, "boom"},
		"has failed":                   {own, func(context.Context) error { return errOther }, "other"},
		"is late":                      {late, context.Context.Err, "DeadlineExceeded"},
		"is cancelled when it is late": {late, func(context.Context) error { return context.Canceled }, "Canceled"},
		"panics":                       {own, func(context.Context) error { return strange(func() { panic("ouch") }) }, "strange"},
		"exits":                        {own, func(context.Context) error { return strange(runtime.Goexit) }, "strange"},
		"obeys somebody between":       {between(own), context.Context.Err, ""},
		"says why somebody did it":     {between(own), failed, ""},
		"is late for somebody":         {between(late), failed, ""},
		"panics with that":             {own, func(ctx context.Context) error { panic(fmt.Errorf("query: %w", ctx.Err())) }, `"panic: query: context canceled"`},
		"wishes something":             {own, func(ctx context.Context) error { return errors.Join(tend.ErrDoNotRestart, ctx.Err()) }, `"tend: service asks not to be restarted`},
		"escalates": {own, func(ctx context.Context) error {
			return &tend.TooManyFailures{Service: "x", Last: tend.NewReason(ctx, ctx.Err())}
		}, `"tend: x: context canceled; too many failures`},
		"is late above somebody between": {func(ctx context.Context) (context.Context, func()) {
			above, stop := late(ctx)
			inner, _ := between(own)(above)
			return inner, stop
		}, context.Context.Err, "DeadlineExceeded"},
		"says why, that is above somebody": {func(ctx context.Context) (context.Context, func()) {
			above, stop := own(ctx)
			inner, _ := between(late)(above)
			return inner, stop
		}, context.Cause, "boom"},
		"says why somebody above somebody did it": {func(ctx context.Context) (context.Context, func()) {
			above, stop := between(own)(ctx)
			inner, _ := between(late)(above)
			return inner, stop
		}, context.Cause, ""},
		"has failed for itself": {between(own), func(context.Context) error { return errOther }, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := ordered("a")
				_, p, _ := serve(t, tend.Spec{}, o)
				p.Lines()
				o.Run(func(ctx context.Context) error {
					inner, end := c.context(ctx)
					tend.Go(inner, func(ctx context.Context) error {
						<-ctx.Done()
						return c.returns(ctx)
					})
					end()
					return obey(ctx)
				})
				time.Sleep(time.Minute)
				lines := slices.DeleteFunc(p.Lines(), func(line string) bool { return strings.Contains(line, "service started") })
				if c.want == "" && len(lines) != 0 || c.want != "" && (len(lines) != 1 || !strings.Contains(lines[0], " err="+c.want)) {
					t.Errorf("%q", lines)
				}
			})
		})
	}
}
