//go:build unix

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

func TestSignalStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		var cause error
		root.Add(tend.Func("a", func(ctx context.Context) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			time.Sleep(3 * time.Second)
			return nil
		}))
		s := perform(t.Context(), root, Options{})
		time.Sleep(time.Minute)
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 3*time.Second)
		if diff := cmp.Diff([]string{
			"0s INFO ready after=0s",
			`1m0s INFO stopping cause="signal: terminated"`,
			`1m3s INFO ended code=0 unstopped=0 cause="signal: terminated"`,
		}, s.log.lines()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if s.stderr.String() != "" {
			t.Errorf("there is nothing to report: %s", s.stderr)
		}
		var signalled *Signalled
		if !errors.As(cause, &signalled) || signalled.Signal != syscall.SIGTERM || time.Since(signalled.Time) != 3*time.Second {
			t.Errorf("the cause is %#v", cause)
		}
	})
}

// A name that is written otherwise in paths is no reason to miss the end.
func TestNameWithASlash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("my/shop", quiet(tend.Spec{}))
		root.Add(tend.Func("end", func(context.Context) error { return Exit(3, nil) }))
		s := perform(t.Context(), root, Options{})
		s.wantCode(t, 3, 0)
		contains(t, s.log.String(), `msg=stopping cause="tend: my%2Fshop/end ended the tree`)
	})
}

// A second SIGINT ends the program while the stop is under way, and says what it
// cuts off.
func TestSecondInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Idle("quick"))
		root.Add(tendtest.Slow("slowpoke", 8*time.Second))
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		s.signals <- syscall.SIGTERM
		time.Sleep(2 * time.Second)
		s.signals <- os.Interrupt
		s.wantCode(t, 130, 0)
		contains(t, s.stderr.String(),
			"root: interrupt again: ending at once; this still ran",
			"quick", "pending", "slowpoke", "stopping",
			"root/slowpoke is stopping since", ": signal: terminated\n",
			"1 goroutine:\n", "tendtest/services.go:")
		if strings.Contains(s.stderr.String(), "root/quick is") {
			t.Errorf("what has stopped does not hang:\n%s", s.stderr)
		}
		time.Sleep(time.Minute) // the tree stops behind its back
	})
}

// sent is a signal and how long after the one before it arrives.
type sent struct {
	after  time.Duration
	signal os.Signal
}

// Signals that say nothing new let the stop go on, which takes 8s.
func TestSignalsOfOneWish(t *testing.T) {
	for _, test := range []struct {
		name string
		sent []sent
	}{
		{"Ctrl-C, by the terminal and by a parent", []sent{{0, os.Interrupt}, {2 * time.Millisecond, os.Interrupt}}},
		{"Ctrl-C, and a parent that says SIGTERM", []sent{{0, os.Interrupt}, {time.Millisecond, syscall.SIGTERM}}},
		{"SIGTERM, and Ctrl-C just then", []sent{{0, syscall.SIGTERM}, {echo - 1, os.Interrupt}}},
		{"many parents", []sent{{0, os.Interrupt}, {30 * time.Millisecond, os.Interrupt}, {60 * time.Millisecond, os.Interrupt}}},
		{"two managers", []sent{{0, syscall.SIGTERM}, {300 * time.Millisecond, syscall.SIGTERM}}},
		{"a manager that repeats itself", []sent{{0, syscall.SIGTERM}, {time.Second, syscall.SIGTERM}, {time.Second, syscall.SIGTERM}}},
		{"the terminal closes", []sent{{0, syscall.SIGHUP}, {time.Second, syscall.SIGHUP}}},
		{"logout", []sent{{0, syscall.SIGTERM}, {time.Second, syscall.SIGHUP}}},
		{"the terminal of a stopping program closes", []sent{{0, os.Interrupt}, {time.Second, syscall.SIGHUP}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := tend.New("root", quiet(tend.Spec{}))
				root.Add(tendtest.Slow("x", 8*time.Second))
				s := perform(t.Context(), root, Options{})
				synctest.Wait()
				left := 8 * time.Second
				for _, n := range test.sent {
					time.Sleep(n.after)
					left -= n.after
					s.signals <- n.signal
				}
				s.wantCode(t, 0, left)
				if n := strings.Count(s.log.String(), `msg="the stop goes on"`); n != len(test.sent)-1 {
					t.Errorf("it was said %d times:\n%s", n, s.log)
				}
			})
		})
	}
}

// A Ctrl-C that is held down ends the program although each comes soon after another.
func TestAnInterruptIsNoEchoOfOneThatDidNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		for range 2 {
			s.signals <- os.Interrupt
			time.Sleep(9 * echo / 10)
		}
		s.signals <- os.Interrupt
		s.wantCode(t, 130, 0)
		time.Sleep(time.Minute)
	})
}

// Ctrl-C that arrives in twos ends the program the second time, and not the first.
func TestInterruptsInTwos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		hung := make(chan struct{})
		s := perform(t.Context(), root, Options{Stderr: writerFunc(func([]byte) (int, error) { <-hung; return 0, nil })})
		synctest.Wait()
		for range 2 {
			s.signals <- os.Interrupt
			s.signals <- os.Interrupt
			time.Sleep(echo)
		}
		s.wantCode(t, 130, grace-echo) // the report was not cut short
		close(hung)
		time.Sleep(time.Minute)
	})
}

// A writer that hangs does not keep a second signal from ending the program.
func TestSecondInterruptWithHungStderr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		hung := make(chan struct{})
		s := perform(t.Context(), root, Options{Stderr: writerFunc(func([]byte) (int, error) { <-hung; return 0, nil })})
		synctest.Wait()
		s.signals <- os.Interrupt
		time.Sleep(echo)
		s.signals <- os.Interrupt
		s.wantCode(t, 130, grace)
		close(hung)
		time.Sleep(time.Minute)
	})
}

// When the tree has stopped, or was given up, what there is to say of it may hang: then, too.
func TestSecondInterruptWhenTheTreeHasStopped(t *testing.T) {
	for name, test := range map[string]struct {
		asks os.Signal // to stop; nil: the tree ends by itself
		want int
		left time.Duration
	}{
		"asked":             {syscall.SIGTERM, 130, 0},
		"ended by itself":   {nil, 3, grace - 550*time.Millisecond}, // a first signal changes nothing
		"asked by a Ctrl-C": {os.Interrupt, 130, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := tend.New("root", quiet(tend.Spec{StopWithin: time.Second}))
				hung := make(chan struct{})
				root.Add(tend.Func("x", func(ctx context.Context) error { <-hung; return nil }))
				if test.asks == nil {
					root.Add(tend.Func("end", func(context.Context) error { return Exit(3, nil) }))
				}
				s := perform(t.Context(), root, Options{Stderr: writerFunc(func([]byte) (int, error) { <-hung; return 0, nil })})
				synctest.Wait()
				if test.asks != nil {
					s.signals <- test.asks
				}
				time.Sleep(1500 * time.Millisecond)
				select {
				case s.signals <- os.Interrupt:
				case <-time.After(time.Second):
					t.Error("it is deaf")
				}
				s.wantCode(t, test.want, test.left)
				close(hung)
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestThirdInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		hung := make(chan struct{})
		s := perform(t.Context(), root, Options{Stderr: writerFunc(func([]byte) (int, error) { <-hung; return 0, nil })})
		synctest.Wait()
		s.signals <- os.Interrupt
		time.Sleep(echo)
		s.signals <- os.Interrupt
		time.Sleep(echo)
		s.signals <- syscall.SIGUSR1 // no others
		s.signals <- syscall.SIGTERM
		s.signals <- os.Interrupt
		s.wantCode(t, 130, 0)
		close(hung)
		time.Sleep(time.Minute)
	})
}

// A program that can reload does not while it stops.
func TestHangupWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		s := perform(t.Context(), root, Options{Reload: []func(context.Context) error{
			func(context.Context) error { t.Error("it reloads"); return nil },
		}})
		synctest.Wait()
		s.signals <- syscall.SIGTERM
		time.Sleep(time.Second)
		s.signals <- syscall.SIGHUP
		s.wantCode(t, 0, 7*time.Second)
		contains(t, s.log.String(), `at=1s level=INFO msg="the stop goes on" signal=hangup`)
	})
}

// readyz asks the program whether it is ready.
func (s *stage) readyz() int {
	code, _ := get(s.program.listeners.routes(false), "GET", "http://localhost/readyz")
	return code
}

// With StopDelay, /readyz says no for as long before the tree is asked to stop,
// whoever wants that.
func TestStopDelay(t *testing.T) {
	for name, stop := range map[string]func(*stage, context.CancelCauseFunc){
		"signal":  func(s *stage, _ context.CancelCauseFunc) { s.signals <- syscall.SIGTERM },
		"context": func(_ *stage, cancel context.CancelCauseFunc) { cancel(errors.New("over")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := tend.New("root", quiet(tend.Spec{}))
				began, asked := time.Now(), time.Duration(0)
				root.Add(tend.Func("x", func(ctx context.Context) error {
					<-ctx.Done()
					asked = time.Since(began)
					return nil
				}))
				ctx, cancel := context.WithCancelCause(t.Context())
				s := perform(ctx, root, Options{StopDelay: 5 * time.Second})
				time.Sleep(time.Second)
				before := s.readyz()
				stop(s, cancel)
				synctest.Wait()
				if after := s.readyz(); before != 200 || after != 503 {
					t.Errorf("/readyz is %d, then %d", before, after)
				}
				s.wantCode(t, 0, 5*time.Second)
				if asked != 6*time.Second {
					t.Errorf("services were asked after %v", asked)
				}
				contains(t, s.log.String(), "at=1s level=INFO msg=stopping", `at=1s level=INFO msg="the stop waits" delay=5s`)
			})
		})
	}
}

// A SIGINT ends the delay, and the next one the program.
func TestStopDelayInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		s := perform(t.Context(), root, Options{StopDelay: 5 * time.Second})
		synctest.Wait()
		s.signals <- os.Interrupt
		s.signals <- os.Interrupt
		time.Sleep(time.Second)
		s.signals <- syscall.SIGTERM // waits
		s.signals <- os.Interrupt
		s.wantCode(t, 0, 8*time.Second)
	})
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", 8*time.Second))
		s := perform(t.Context(), root, Options{StopDelay: 5 * time.Second})
		synctest.Wait()
		for range 2 {
			s.signals <- os.Interrupt
			time.Sleep(echo)
		}
		s.signals <- os.Interrupt
		s.wantCode(t, 130, 0)
		time.Sleep(time.Minute)
	})
}

// Nobody has been sent to a tree that was never ready, and one that ends by itself
// cannot wait.
func TestNoStopDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tend.Child{Service: tendtest.Idle("x"), ReadyTimeout: time.Minute})
		s := perform(t.Context(), root, Options{StopDelay: time.Hour})
		synctest.Wait()
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 0)
	})
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", time.Second))
		s := perform(t.Context(), root, Options{StopDelay: time.Hour})
		synctest.Wait()
		go root.Stop()
		time.Sleep(time.Millisecond)
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, time.Second-time.Millisecond)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// What did not stop is named, also as the reason for exit code 1. Where it hangs is told
// once, by the tree.
func TestUnstopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{StopWithin: 4 * time.Second}))
		db := tend.New("db", tend.Spec{})
		db.Add(tendtest.Slow("pool", time.Hour))
		root.Add(db)
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 1, 3610*time.Millisecond) // each level keeps a twentieth, and does not need it
		contains(t, s.stderr.String(), "root: 1 service did not stop\n",
			"\nroot/db/pool did not stop, asked ", ": signal: terminated\n", `at "service stuck"`)
		if strings.Contains(s.stderr.String(), "services.go:") {
			t.Errorf("what the log has is told again:\n%s", s.stderr)
		}
		contains(t, s.log.String(), `level=ERROR msg=ended code=1 unstopped=1 error="1 service did not stop: root/db/pool" cause="signal: terminated"`)
		time.Sleep(time.Hour)
	})
}

func TestContextStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", time.Second))
		ctx, cancel := context.WithCancelCause(t.Context())
		s := perform(ctx, root, Options{})
		synctest.Wait()
		cancel(errors.New("the test is over"))
		synctest.Wait()
		s.signals <- syscall.SIGTERM // is only the first
		s.wantCode(t, 0, time.Second)
		contains(t, s.log.String(), `stopping cause="the test is over"`, "ended code=0")
	})
}

func TestContextEndedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tend.Func("x", func(context.Context) error { t.Error("it was started"); return nil }))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := perform(ctx, root, Options{})
		s.wantCode(t, 0, 0)
	})
}

// However the tree ends by itself, it is noticed when that begins, and the exit
// code is the one that the service gave.
func TestEndsByItself(t *testing.T) {
	soon := func(err error) tend.Service {
		return tend.Func("end", func(context.Context) error { time.Sleep(time.Second); return err })
	}
	for _, test := range []struct {
		name  string
		spec  tend.Spec
		child tend.Child
		code  int
		noted string // at 1s, while the other service still runs
	}{
		{"a code", tend.Spec{}, tend.Child{Service: soon(Exit(7, io.EOF))}, 7, "root/end ended the tree: exit code 7: EOF"},
		{"success", tend.Spec{}, tend.Child{Service: soon(Exit(0, nil))}, 0, "root/end ended the tree: exit code 0"},
		{"terminated", tend.Spec{}, tend.Child{Service: soon(tend.ErrTerminateTree)}, 1, "root/end ended the tree"},
		{"escalated", tend.Spec{Escalate: true, FailureThreshold: 0.5}, tend.Child{Service: soon(io.EOF)}, 1, "too many failures"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := tend.New("root", quiet(test.spec))
				root.Add(tendtest.Slow("other", time.Second))
				root.Add(test.child)
				s := perform(t.Context(), root, Options{})
				s.wantCode(t, test.code, 2*time.Second)
				contains(t, s.log.String(), "at=1s level=INFO msg=stopping", test.noted)
			})
		})
	}
}

// So are ends that nobody but the supervisor itself decides on.
func TestEndsWithLastSignificant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("quick", time.Second))
		root.Add(tendtest.Slow("other", 3*time.Second))
		root.Add(tend.Child{
			Significant: true, Restart: tend.Transient, Name: "job",
			Service: tend.Func("job", func(context.Context) error { time.Sleep(time.Second); return nil }),
		})
		s := perform(t.Context(), root, Options{})
		s.wantCode(t, 0, 4*time.Second)
		contains(t, s.log.String(), "at=1s level=INFO msg=stopping", "last significant service")
	})
}

func TestStopByMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("quick", time.Second))
		root.Add(tendtest.Slow("other", 3*time.Second))
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		go root.Stop()
		s.wantCode(t, 0, 3*time.Second)
		contains(t, s.log.String(), "at=0s level=INFO msg=stopping")
	})
}

// A code from far below gets to the top.
func TestExitFromBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, mid := tend.New("root", quiet(tend.Spec{})), tend.New("mid", tend.Spec{})
		root.Add(mid)
		mid.Add(tend.Func("end", func(context.Context) error { return Exit(9, nil) }))
		s := perform(t.Context(), root, Options{})
		s.wantCode(t, 9, 0)
	})
}

// So does one that a service gives when it is asked to stop, at any depth: it could
// not save what it had.
func TestExitOnTheWayDown(t *testing.T) {
	gives := func(name string, err error) tend.Service {
		return tend.Func(name, func(ctx context.Context) error { <-ctx.Done(); return err })
	}
	for _, test := range []struct {
		name string
		err  error
		code int
	}{
		{"a code", Exit(4, io.ErrShortWrite), 4},
		{"a code, wrapped", fmt.Errorf("flush: %w", Exit(4, io.ErrShortWrite)), 4},
		{"success", Exit(0, nil), 0},
		{"no code", errors.New("flush: no space left on device"), 0},
		{"hostile", &hostile{}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root, mid := tend.New("root", quiet(tend.Spec{Ordered: true})), tend.New("mid", quiet(tend.Spec{}))
				mid.Add(gives("cache", test.err))
				root.Add(gives("db", Exit(0, nil)))
				root.Add(mid)
				s := perform(t.Context(), root, Options{})
				synctest.Wait()
				s.signals <- syscall.SIGTERM
				s.wantCode(t, test.code, 0)
				if test.code != 0 {
					contains(t, s.log.String(), `msg=ended code=4 unstopped=0 error="root/mid/cache: `, `cause="signal: terminated"`)
				}
			})
		})
	}
}

// One that a service gives because it alone is removed is no exit code.
func TestExitOfRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		token := root.Add(tend.Func("x", func(ctx context.Context) error { <-ctx.Done(); return Exit(4, nil) }))
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		if err := root.RemoveAndWait(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		s.signals <- syscall.SIGTERM
		s.wantCode(t, 0, 0)
	})
}

// Nor is it one if the whole tree begins to stop before that has returned.
func TestExitOfOneThatIsStillBeingStopped(t *testing.T) {
	for name, ask := range map[string]func(*tend.Supervisor, tend.ServiceToken) error{
		"removed":   (*tend.Supervisor).Remove,
		"suspended": (*tend.Supervisor).Suspend,
		"restarted": func(root *tend.Supervisor, x tend.ServiceToken) error { return root.Restart(x, nil) },
		"replaced":  func(root *tend.Supervisor, x tend.ServiceToken) error { return root.Replace(x, tendtest.Idle("y")) },
		"blamed":    func(root *tend.Supervisor, x tend.ServiceToken) error { return root.Restart(x, io.EOF) },
		"silent": func(*tend.Supervisor, tend.ServiceToken) error {
			time.Sleep(time.Minute)
			synctest.Wait()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := tend.New("root", quiet(tend.Spec{}))
				x := root.Add(tend.Child{Watchdog: time.Minute, Service: tend.Func("x", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(3 * time.Second)
					return Exit(4, nil)
				})})
				s := perform(t.Context(), root, Options{})
				synctest.Wait()
				if err := ask(root, x); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				s.signals <- syscall.SIGTERM
				s.wantCode(t, 0, 2*time.Second)
			})
		})
	}
}

// An error may do anything when it is asked what it is.
func TestHostileError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tend.Func("end", func(context.Context) error { return &hostile{} }))
		s := perform(t.Context(), root, Options{})
		s.wantCode(t, 1, 0)
	})
}

// hostile is ErrTerminateTree the first time that it is asked.
type hostile struct{ asked bool }

func (h *hostile) Error() string { return "hostile" }
func (h *hostile) Is(target error) bool {
	if target == tend.ErrTerminateTree && !h.asked {
		h.asked = true
		return true
	}
	panic("hostile")
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Idle("x"))
		var calls []string
		began := time.Now()
		hook := func(name string, takes time.Duration, err error) func(context.Context) error {
			return func(ctx context.Context) error {
				calls = append(calls, time.Since(began).String()+" "+name)
				time.Sleep(takes)
				return err
			}
		}
		s := perform(t.Context(), root, Options{Reload: []func(context.Context) error{
			hook("fails", time.Second, io.EOF),
			func(context.Context) error { panic("ouch") },
			hook("works", time.Second, nil),
		}})
		synctest.Wait()
		s.signals <- syscall.SIGHUP
		synctest.Wait()
		s.signals <- syscall.SIGHUP
		s.signals <- syscall.SIGHUP // one more for both
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"0s fails", "1s works", "2s fails", "3s works"}, calls); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		contains(t, s.log.String(), "msg=reloading", `at=1s level=ERROR msg="reload failed" error=EOF`,
			`msg="reload failed" error="panic: ouch"`, "at=2s level=INFO msg=reloaded hooks=3 failed=2", "at=2s level=INFO msg=reloading")
		s.signals <- os.Interrupt
		s.wantCode(t, 0, 0)
	})
}

// A hook that exits has failed, and can be called again; nobody else calls it.
func TestReloadExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Idle("x"))
		calls := 0
		s := perform(t.Context(), root, Options{Reload: []func(context.Context) error{
			func(context.Context) error { return nil },
			func(context.Context) error {
				if calls++; calls == 1 {
					runtime.Goexit()
				}
				return nil
			},
			func(context.Context) error { return nil },
		}})
		for range 2 {
			s.signals <- syscall.SIGHUP
			time.Sleep(time.Minute)
		}
		contains(t, s.log.String(), "at=0s level=INFO msg=reloading", "at=0s level=INFO msg=reloaded hooks=3 failed=2",
			"at=1m0s level=INFO msg=reloading", "at=1m0s level=INFO msg=reloaded hooks=3 failed=0")
		if calls != 2 {
			t.Errorf("%d calls", calls)
		}
		s.signals <- os.Interrupt
		s.wantCode(t, 0, 0)
	})
}

// A hook that hangs keeps nothing from stopping, and is told. No other is called after it, for one
// more reload that was wanted before the stop either.
func TestReloadEndsWithStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Slow("x", time.Second))
		told, calls := time.Time{}, 0
		s := perform(t.Context(), root, Options{Reload: []func(context.Context) error{
			func(ctx context.Context) error {
				calls++
				<-ctx.Done()
				told = time.Now()
				time.Sleep(time.Minute)
				return nil
			},
			func(context.Context) error { t.Error("a hook is called after the stop has begun"); return nil },
		}})
		synctest.Wait()
		s.signals <- syscall.SIGHUP
		synctest.Wait()
		s.signals <- syscall.SIGHUP
		s.signals <- os.Interrupt
		began := time.Now()
		s.wantCode(t, 0, time.Second)
		synctest.Wait()
		if told != began {
			t.Errorf("the hook was told %v after the stop began", told.Sub(began))
		}
		time.Sleep(time.Hour)
		contains(t, s.log.String(), "at=0s level=INFO msg=reloading", "at=0s level=INFO msg=stopping", "at=1m0s level=INFO msg=reloaded hooks=2 failed=1")
		if n := strings.Count(s.log.String(), "msg=reload"); calls != 1 || n != 2 { // one began and ended
			t.Errorf("%d calls:\n%s", calls, s.log)
		}
	})
}

func TestHangupWithoutHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		s.signals <- syscall.SIGHUP
		s.wantCode(t, 0, 0)
	})
}

func TestDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tendtest.Idle("fine"))
		root.Add(tend.Child{Service: tendtest.Slow("hung", time.Hour), Timeout: time.Second})
		root.Add(tend.Child{Service: tendtest.Idle("waiting"), ReadyTimeout: time.Hour})
		s := perform(t.Context(), root, Options{})
		synctest.Wait()
		for _, c := range root.Status().Services {
			if c.Name == "hung" {
				if err := root.Remove(c.Token); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(2 * time.Second)
		s.signals <- syscall.SIGUSR1
		synctest.Wait()
		contains(t, s.stderr.String(), "root: as asked, ", "├─ fine", "running", "├─ hung", "stuck", "└─ waiting", "starting",
			"\nroot/hung did not stop, asked ", ": tend: service was removed\n", "tendtest/services.go:",
			"\nroot/waiting is starting since ", "tendtest/services.go:")
		if n := strings.Count(s.stderr.String(), "\nroot/hung "); n != 1 {
			t.Errorf("what hangs is named %d times:\n%s", n, s.stderr)
		}
		s.signals <- os.Interrupt
		s.wantCode(t, 1, 0)
		time.Sleep(time.Hour)
	})
}

// A logger that hangs, on a pipe that nobody reads, say, holds nothing up: services
// are asked at once, and only the end waits for what was logged.
func TestHungLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		var asked time.Time
		root.Add(tend.Func("x", func(ctx context.Context) error {
			<-ctx.Done()
			asked = time.Now()
			return nil
		}))
		hung := make(chan struct{})
		s := perform(t.Context(), root, Options{Logger: slog.New(hungHandler{slog.DiscardHandler, hung})})
		synctest.Wait()
		began := time.Now()
		s.signals <- os.Interrupt
		s.wantCode(t, 0, grace)
		if asked != began {
			t.Errorf("it was asked %v after the signal", asked.Sub(began))
		}
		close(hung)
	})
}

// A logger and a writer that panic do no harm.
func TestPanickingLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := tend.New("root", quiet(tend.Spec{}))
		root.Add(tend.Child{Service: tendtest.Slow("x", time.Hour), Timeout: time.Second})
		boom := writerFunc(func([]byte) (int, error) { panic("ouch") })
		s := perform(t.Context(), root, Options{Stderr: boom, Logger: slog.New(slog.NewTextHandler(boom, nil))})
		s.signals <- syscall.SIGUSR1
		synctest.Wait()
		s.signals <- os.Interrupt
		s.wantCode(t, 1, time.Second)
		time.Sleep(time.Hour)
	})
}

type hungHandler struct {
	slog.Handler
	hung chan struct{}
}

func (h hungHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h hungHandler) Handle(context.Context, slog.Record) error {
	<-h.hung
	return nil
}

func TestCheck(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	run := func(root *tend.Supervisor, o Options) func() {
		return func() { Run(t.Context(), root, o) }
	}
	wantPanic(t, "tend/app: the supervisor is nil", run(nil, Options{}))
	wantPanic(t, "tend: zero Supervisor; make one with New", run(new(tend.Supervisor), Options{}))
	wantPanic(t, "tend/app: Options.StopDelay is -1ns", run(root, Options{StopDelay: -1}))
	wantPanic(t, "tend/app: Options.Reload[0] is nil", run(root, Options{Reload: []func(context.Context) error{nil}}))
}

// What the tree redacts, the log and the probes of the program do not tell either: of
// its own checks and hooks, of a service that ends it, and of why it was asked to.
func TestRedact(t *testing.T) {
	const secret = "hunter2"
	hide := func(text string) string { return strings.ReplaceAll(text, secret, "***") }
	t.Run("a service ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			root := tend.New("root", quiet(tend.Spec{Redact: hide}))
			root.Add(tend.Child{Significant: true, Restart: tend.Transient, Limit: tend.Limit{N: 1}, Name: "a", Service: tend.Func("a", func(context.Context) error {
				time.Sleep(time.Second)
				return errors.New("password " + secret)
			})})
			s := perform(t.Context(), root, Options{
				Live:   func(tend.Status) error { return errors.New("live " + secret) },
				Ready:  func(tend.Status) error { panic("ready " + secret) },
				Reload: []func(context.Context) error{func(context.Context) error { return errors.New("reload " + secret) }},
			})
			synctest.Wait()
			s.signals <- syscall.SIGHUP
			h := s.program.listeners.routes(true)
			for path, want := range map[string]string{"/livez": "live ***\n", "/readyz": "panic: ready ***\n"} {
				if _, body := get(h, "GET", "http://localhost"+path); body != want {
					t.Errorf("%s: %q, want %q", path, body, want)
				}
			}
			if live := s.program.systemd.check(root.Status()); live == nil || strings.Contains(statusLine(up, root.Status(), nil, live), secret) {
				t.Errorf("STATUS: %q", statusLine(up, root.Status(), nil, live))
			}
			<-s.code
			s.wantNone(t, secret, 2)
		})
	})
	t.Run("a cause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			root := tend.New("root", quiet(tend.Spec{Redact: hide}))
			root.Add(tendtest.Idle("a"))
			s := perform(ctx, root, Options{})
			synctest.Wait()
			cancel(errors.New("because " + secret))
			<-s.code
			s.wantNone(t, secret, 2)
		})
	})
}

// wantNone checks that nothing has told a secret, which was cut out so often.
func (s *stage) wantNone(t *testing.T, secret string, cut int) {
	t.Helper()
	text := s.log.String() + s.stderr.String()
	if strings.Contains(text, secret) || strings.Count(text, "***") < cut {
		t.Errorf("want no %s, and *** %d times, in\n%s", secret, cut, text)
	}
}
