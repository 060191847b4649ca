package tend_test

// How a supervisor behaves, one thing after another: the file to read first. Traps
// that other libraries fell into are in traps_test.go, what a stop does in
// stop_test.go, what hostile user code may do in hostile_test.go, and every rule of
// the plan is a story in testdata/plan.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

func TestServicesStartWhenTheSupervisorIsServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(idle("before"))
		wantStates(t, s, "before pending")
		done := s.ServeBackground(t.Context())
		wantStates(t, s, "before running")
		s.Add(idle("while"))
		wantStates(t, s, "before running, while running")
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantStates(t, s, "before pending, while pending") // kept, for the next time
		done = s.ServeBackground(t.Context())
		wantStates(t, s, "before running, while running")
		s.Stop()
		<-done
	})
}

// TestWhatAnEndMeans is the table of the package documentation.
func TestWhatAnEndMeans(t *testing.T) {
	const failure, done, leaves = "a running", "a done", ""
	for _, c := range []struct {
		how  string
		end  func() error
		want [3]string // Permanent, Transient, Temporary
	}{
		{"nil", func() error { return nil }, [3]string{failure, done, leaves}},
		{"an error", func() error { return errBoom }, [3]string{failure, failure, leaves}},
		{"a foreign Canceled", func() error { return context.Canceled }, [3]string{failure, failure, leaves}},
		{"a panic", func() error { panic("boom") }, [3]string{failure, failure, leaves}},
		{"ErrDoNotRestart", func() error { return fmt.Errorf("enough: %w", tend.ErrDoNotRestart) }, [3]string{leaves, leaves, leaves}},
	} {
		for restart, want := range c.want {
			t.Run(fmt.Sprint(c.how, " of a ", tend.Restart(restart), " one"), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					o := ordered("a")
					s, p, _ := serve(t, tend.Spec{}, tend.Child{Service: o, Restart: tend.Restart(restart)})
					o.Run(func(context.Context) error { return c.end() })
					wantStates(t, s, want)
					if failed := len(grep(p, "root/a service failed")); (failed == 1) != (want == failure) {
						t.Errorf("it failed %d times", failed)
					}
				})
			})
		}
	}
}

func TestErrTerminateTreeEndsTheTree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, _, done := serve(t, tend.Spec{}, o, idle("b"))
		o.End(fmt.Errorf("disk is full: %w", tend.ErrTerminateTree))
		wantError(t, <-done, tend.ErrTerminateTree)
		wantStates(t, s, "a pending, b pending")
	})
}

func TestWhenFailingBecomesAHabitThereIsAPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o, other := ordered("sick"), ordered("well")
		s, p, _ := serve(t, tend.Spec{FailureThreshold: 2}, o, other)
		p.Lines()
		o.End(errBoom)
		o.End(errBoom)
		wantStates(t, s, "sick running, well running") // as if nothing had been
		o.End(errBoom)
		wantStates(t, s, "sick backoff, well running") // who does not fail does not notice
		s.Add(idle("new"))
		wantStates(t, s, "sick backoff, well running, new running")
		time.Sleep(5 * time.Second)
		other.End(errBoom) // who fails now waits for the same end
		wantStates(t, s, "sick backoff, well backoff, new running")
		time.Sleep(10 * time.Second)
		wantStates(t, s, "sick running, well running, new running")
		p.Want(
			"0s root/sick service failed err=boom count=1 threshold=2 restarting",
			"0s root/sick service started restarts=1",
			"0s root/sick service failed err=boom count=2 threshold=2 restarting",
			"0s root/sick service started restarts=2",
			"0s root/sick service failed err=boom count=3 threshold=2 restarting delay=15s",
			"0s root pause began until=15s count=3 threshold=2",
			"0s root/new service started",
			"5s root/well service failed err=boom ran=5s count=3.673 threshold=2 restarting delay=10s",
			"15s root pause ended lasted=15s",
			"15s root/sick service started restarts=3",
			"15s root/well service started restarts=1",
		)
	})
}

// TestResume: somebody who knows that the trouble is over need not wait.
func TestResume(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, _, _ := serve(t, tend.Spec{FailureThreshold: 0.5}, o)
		s.Resume(0) // there is no pause
		o.End(errBoom)
		s.Resume(time.Hour)
		time.Sleep(time.Minute)
		wantStates(t, s, "a backoff")
		s.Resume(time.Second)
		wantStates(t, s, "a backoff")
		time.Sleep(time.Second)
		wantStates(t, s, "a running")
		o.End(errBoom)
		wantStates(t, s, "a backoff")
		s.Resume(0)
		wantStates(t, s, "a running")
	})
}

// TestJitter: the length of a pause is a matter of chance, within its bounds.
func TestJitter(t *testing.T) {
	for jitter, most := range map[float64]time.Duration{0: 22500 * time.Millisecond, 0.2: 18 * time.Second, 1: 30 * time.Second, -1: 15 * time.Second} {
		bubble(t, func(t *testing.T) {
			p := tendtest.NewTape(t)
			lengths := map[time.Duration]bool{}
			for range 20 {
				s := tend.New("root", tend.Spec{FailureThreshold: 0.5, EventHook: p.Hook, Jitter: jitter})
				s.Add(failing("a"))
				done := s.ServeBackground(t.Context())
				synctest.Wait()
				length := time.Until(s.Status().PausedUntil)
				if length < 15*time.Second || length > most {
					t.Errorf("jitter %v: a pause of %v", jitter, length)
				}
				lengths[length] = true
				s.Stop()
				<-done
			}
			if (len(lengths) == 1) != (jitter < 0) {
				t.Errorf("jitter %v: lengths %v", jitter, lengths)
			}
		})
	}
}

func TestAServiceWithABudgetOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		own := tend.Child{
			Service: failing("own"), Backoff: tend.Backoff{Min: time.Second, Max: time.Minute}, Limit: tend.Limit{N: 3},
		}
		s, p, _ := serve(t, tend.Spec{FailureThreshold: 0.5}, own, idle("other"))
		time.Sleep(time.Hour)
		wantStates(t, s, "own failed, other running") // and there was no pause
		p.Want(
			"0s root supervisor started services=2",
			"0s root/own service started",
			"0s root/other service started",
			"0s root/own service failed err=boom count=1 threshold=3 restarting delay=1s",
			"1s root/own service started restarts=1",
			"1s root/own service failed err=boom count=2 threshold=3 restarting delay=2s",
			"3s root/own service started restarts=2",
			"3s root/own service failed err=boom count=3 threshold=3",
			"3s root/own service gave up err=boom failures=3",
		)
		_ = s.Restart(s.Status().Services[0].Token, nil) // an operator gives it a new budget
		wantStates(t, s, "own backoff, other running")
	})
}

func TestAGroupRestartsTogether(t *testing.T) {
	for strategy, want := range map[tend.Strategy][]string{
		tend.OneForOne:  {"0s root/b service started restarts=1"},
		tend.RestForOne: {"0s root/b service started restarts=1", "0s root/c service started restarts=1"},
		tend.OneForAll: {
			"0s root/a service started restarts=1", "0s root/b service started restarts=1", "0s root/c service started restarts=1",
		},
	} {
		t.Run(strategy.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := ordered("b")
				_, p, _ := serve(t, tend.Spec{Strategy: strategy}, idle("a"), o, idle("c"))
				p.Lines()
				o.End(errBoom)
				if got := p.Lines(tend.ServiceStarted{}.Kind()); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("started: %q, want %q", got, want)
				}
			})
		})
	}
}

func TestOrderedServicesStartOneAfterAnotherAndStopInReverse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ready := func(name string, after time.Duration) tend.Service {
			return tend.Child{ReadyTimeout: time.Minute, Service: tend.Func(name, func(ctx context.Context) error {
				time.Sleep(after)
				tend.Ready(ctx)
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			})}
		}
		s, p, done := serve(t, tend.Spec{Ordered: true}, ready("database", 3*time.Second), ready("server", 2*time.Second))
		if err := s.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		s.Stop()
		<-done
		p.Want(
			"0s root supervisor started services=2",
			"0s root/database service started",
			"3s root/database service ready took=3s",
			"3s root/server service started",
			"5s root/server service ready took=2s",
			"5s root supervisor stopping cause=ErrStopped",
			"6s root/server service ended cause=ErrStopped took=1s",
			"7s root/database service ended cause=ErrStopped took=1s",
			"7s root supervisor stopped cause=ErrStopped took=2s",
		)
	})
}

func TestSuspendKeepsAServiceAndRemoveDoesNot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{}, idle("a"), idle("b"))
		a, b := s.Status().Services[0].Token, s.Status().Services[1].Token
		if err := errors.Join(s.Suspend(a), s.RemoveAndWait(t.Context(), b)); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a suspended")
		if err := s.Restart(a, nil); err != nil {
			t.Error(err)
		}
		wantStates(t, s, "a running")
		wantError(t, s.Restart(b, nil), tend.ErrRemoved)
	})
}

// TestAServiceIsToldWhyItStops: the cause of its context is a value.
func TestAServiceIsToldWhyItStops(t *testing.T) {
	for want, ask := range map[error]func(s *tend.Supervisor, tok tend.ServiceToken, cancel context.CancelCauseFunc){
		tend.ErrRemoved:          func(s *tend.Supervisor, tok tend.ServiceToken, _ context.CancelCauseFunc) { _ = s.Remove(tok) },
		tend.ErrSuspended:        func(s *tend.Supervisor, tok tend.ServiceToken, _ context.CancelCauseFunc) { _ = s.Suspend(tok) },
		tend.ErrRestartRequested: func(s *tend.Supervisor, tok tend.ServiceToken, _ context.CancelCauseFunc) { _ = s.Restart(tok, nil) },
		errBoom: func(s *tend.Supervisor, tok tend.ServiceToken, _ context.CancelCauseFunc) {
			_ = s.Restart(tok, errBoom)
		},
		tend.ErrStopped: func(s *tend.Supervisor, _ tend.ServiceToken, _ context.CancelCauseFunc) { s.Stop() },
		context.DeadlineExceeded: func(_ *tend.Supervisor, _ tend.ServiceToken, cancel context.CancelCauseFunc) {
			cancel(context.DeadlineExceeded)
		},
	} {
		bubble(t, func(t *testing.T) {
			var got []error
			s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
			tok := s.Add(tend.Func("a", func(ctx context.Context) error {
				<-ctx.Done()
				got = append(got, context.Cause(ctx))
				return nil
			}))
			ctx, cancel := context.WithCancelCause(t.Context())
			done := s.ServeBackground(ctx)
			synctest.Wait()
			ask(s, tok, cancel)
			synctest.Wait()
			if len(got) != 1 || got[0] != want {
				t.Errorf("causes %v, want %v", got, want)
			}
			cancel(nil)
			<-done
		})
	}
}

func TestNestedSupervisorsEscalate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		sub := tend.New("sub", tend.Spec{Escalate: true, FailureThreshold: 0.5})
		tok := sub.Add(o)
		sub.Add(idle("b"))
		s, p, _ := serve(t, tend.Spec{}, sub)
		p.Lines()
		o.End(errBoom)
		wantStates(t, s, "sub running") // after one failure, and with all its services
		wantStates(t, sub, "a running, b running")
		if got := sub.Status().Services[0].Token; got != tok {
			t.Errorf("the token is %v, it was %v", got, tok)
		}
		if got := grep(p, "root/sub service failed"); len(got) != 1 {
			t.Errorf("failures of sub: %q", got)
		}
	})
}

// TestAnEscalationSaysWhatFailedLast, in numbers and as an error that is that failure.
func TestAnEscalationSaysWhatFailedLast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		_, _, done := serve(t, tend.Spec{Escalate: true, FailureThreshold: 0.5}, o)
		o.End(errBoom)
		err := <-done
		wantError(t, err, errBoom)
		var many *tend.TooManyFailures
		if !errors.As(err, &many) || many.Supervisor != "root" || many.Service != "a" || many.Count != 1 || many.Threshold != 0.5 || many.Last.Err != errBoom {
			t.Errorf("Serve returns %#v", err)
		}
	})
}

// TestEventsTravelUp: who listens at the root hears everything below it.
func TestEventsTravelUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		sub.Add(idle("a"))
		_, p, _ := serve(t, tend.Spec{}, sub)
		p.Want(
			"0s root supervisor started services=1",
			"0s root/sub service started",
			"0s root/sub supervisor started services=1",
			"0s root/sub/a service started",
			"0s root/sub service ready",
		)
	})
}

// TestStacks: where a service is, asked while it runs.
func TestStacks(t *testing.T) {
	hang := make(chan struct{})
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	begun := make(chan struct{})
	tok := s.Add(tend.Func("a", func(context.Context) error { close(begun); <-hang; return nil }))
	bare := tend.New("bare", tend.Spec{NoLabels: true})
	unlabelled := bare.Add(idle("b"))
	s.Add(bare)
	done := s.ServeBackground(t.Context())
	<-begun
	if stacks, err := s.Stacks(tok); err != nil || !containsAll(stacks, "1 goroutine:", "TestStacks.func2\n\t", "supervisor_test.go:") {
		t.Errorf("%v\n%s", err, stacks)
	}
	if _, err := s.Stacks(unlabelled); err == nil || err.Error() != "tend: no stacks: Spec.NoLabels is set" {
		t.Error(err)
	}
	_, err := bare.Stacks(tok)
	wantError(t, err, tend.ErrWrongSupervisor)
	close(hang)
	s.Stop()
	<-done
	if _, err := s.Stacks(s.Add(idle("pending"))); err == nil || err.Error() != "tend: no stacks: no goroutine has its label" {
		t.Error(err)
	}
}

func TestWaitState(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, done := serve(t, tend.Spec{})
		ready := make(chan struct{})
		tok := s.Add(tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("a", func(ctx context.Context) error {
			select {
			case <-ready:
				tend.Ready(ctx)
			case <-ctx.Done():
			}
			<-ctx.Done()
			time.Sleep(time.Second)
			return nil
		})})
		reaches := func(state tend.State, within time.Duration) {
			t.Helper()
			if d := after(func() {
				if err := s.WaitState(t.Context(), tok, state); err != nil {
					t.Error(err)
				}
			}); d != within {
				t.Errorf("it took %v until it was %v", d, state)
			}
		}
		reaches(tend.StateStarting, 0)
		wantError(t, s.WaitState(within(t, time.Minute), tok, tend.StateRunning), context.DeadlineExceeded)
		close(ready)
		reaches(tend.StateRunning, 0)
		_ = s.Suspend(tok)
		reaches(tend.StateSuspended, time.Second)
		_ = s.Restart(tok, nil)
		reaches(tend.StateRunning, 0)
		_ = s.Restart(tok, nil)
		reaches(tend.StateRunning, time.Second) // and not the run that was asked to stop
		_ = s.Remove(tok)
		reaches(tend.StateGone, time.Second)
		wantError(t, s.WaitState(t.Context(), tok, tend.StateRunning), tend.ErrRemoved)
		s.Stop()
		<-done
	})
}

// TestServiceStatusBeforeItIsServed: its path is where it is now.
func TestServiceStatusBeforeItIsServed(t *testing.T) {
	root, sub := tend.New("root", tend.Spec{}), tend.New("sub", tend.Spec{})
	tok := sub.Add(idle("a"))
	root.Add(sub)
	if got, err := root.ServiceStatus(tok); err != nil || got.Path != "root/sub/a" || got.State != tend.StatePending {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestServiceStatusSaysWhoHoldsItUp as Status does.
func TestServiceStatusSaysWhoHoldsItUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, _, _ := serve(t, tend.Spec{Ordered: true}, tend.Child{Service: idle("first"), ReadyTimeout: time.Hour})
		got, err := s.ServiceStatus(s.Add(idle("second")))
		if err != nil || got.WaitingFor.Error() != "its turn" || got.HeldBy != "root/first" {
			t.Errorf("it waits for %v, held by %q: %v", got.WaitingFor, got.HeldBy, err)
		}
	})
}

func TestServiceStatus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("sub", tend.Spec{})
		tok := sub.Add(tend.Func("a", func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Int("port", 80))
			<-ctx.Done()
			return nil
		}))
		s, _, done := serve(t, tend.Spec{}, sub)
		synctest.Wait()
		got, err := s.ServiceStatus(tok)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(s.Status().Services[0].Supervisor.Services[0], got, cmp.Comparer(func(a, b tend.ServiceToken) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
		if whole, err := s.ServiceStatus(s.Status().Services[0].Token); err != nil || whole.Supervisor != nil || whole.Name != "sub" {
			t.Errorf("of a nested supervisor: %+v, %v", whole, err)
		}
		_ = s.RemoveAndWait(t.Context(), tok)
		_, err = s.ServiceStatus(tok)
		wantError(t, err, tend.ErrRemoved)
		s.Stop()
		<-done
	})
}

// TestNestedIsTheSupervisorOfAToken: one that was added, one that a service serves, at any
// depth; and none where there is none.
func TestNestedIsTheSupervisorOfAToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		root, sub, served := tend.New("root", tend.Spec{}), tend.New("sub", tend.Spec{}), tend.New("served", tend.Spec{EventHook: func(tend.Event) {}})
		idle := sub.Add(tendtest.Idle("idle"))
		serves := sub.Add(tend.Func("serves", served.Serve))
		tokens := map[tend.ServiceToken]*tend.Supervisor{root.Add(sub): sub, idle: nil, serves: served}
		done := root.ServeBackground(t.Context())
		synctest.Wait()
		for token, want := range tokens {
			if got, err := root.Nested(token); got != want || err != nil {
				t.Errorf("%v: %v, %v; want %v", token, got, err, want)
			}
		}
		if _, err := served.Nested(idle); !errors.Is(err, tend.ErrWrongSupervisor) {
			t.Errorf("of another supervisor: %v", err)
		}
		if err := root.RemoveAndWait(t.Context(), serves); err != nil {
			t.Error(err)
		}
		if _, err := root.Nested(serves); !errors.Is(err, tend.ErrRemoved) {
			t.Errorf("of one that has left: %v", err)
		}
		root.Stop()
		<-done
	})
}
