package suture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// This file holds what v4 documents.

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		s.Add(returns("svc", nil, errBoom))
		stop := serve(t, s)
		want(t, "events", l.lines(), []string{
			"0s root/svc failed: <nil> (1.00 of 5) restarting=true",
			"0s root/svc failed: boom (2.00 of 5) restarting=true",
		})
		same(t, "Serve", stop(), context.Canceled)
	})
}

func TestServeReturnsTheErrorOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		s.Add(idle("svc"))
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBoom)
		defer cancel()
		same(t, "Serve", s.Serve(ctx), context.DeadlineExceeded)
		same(t, "Serve after that", s.Serve(ctx), context.DeadlineExceeded)
	})
}

func TestServeTakesANilContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var none context.Context
		s := suture.NewSimple("root")
		s.Add(&service{"svc", func(context.Context) error { return suture.ErrTerminateSupervisorTree }})
		same(t, "Serve", s.Serve(none), suture.ErrTerminateSupervisorTree)
		same(t, "ServeBackground", <-s.ServeBackground(none), suture.ErrTerminateSupervisorTree)
	})
}

func TestServePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var missing *suture.Supervisor
		wantPanic(t, "with a nil *suture.Supervisor", func() { _ = missing.Serve(t.Context()) })
		wantPanic(t, "with a nil *suture.Supervisor", func() { missing.Add(idle("svc")) })
		zero := &suture.Supervisor{Name: "zero"}
		wantPanic(t, "incorrectly-constructed *suture.Supervisor", func() { _ = zero.Serve(t.Context()) })
		wantPanic(t, "incorrectly-constructed *suture.Supervisor", func() { zero.Add(idle("svc")) })
		wantPanic(t, "nil Service", func() { suture.NewSimple("root").Add(nil) })

		s := suture.NewSimple("root")
		s.Add(idle("svc"))
		stop := serve(t, s)
		wantPanic(t, `supervisor "root", which is being served already`, func() { _ = s.Serve(t.Context()) })
		wantPanic(t, `supervisor "root", which is being served already`, func() { s.ServeBackground(t.Context()) })
		want(t, "services", len(s.Services()), 1)
		same(t, "Serve", stop(), context.Canceled)
	})
}

// What ServeBackground returns need not be read.
func TestServeBackgroundIsServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		ctx, cancel := context.WithCancel(t.Context())
		s.ServeBackground(ctx)
		want(t, "services", s.Services(), []suture.Service{})
		runs := 0
		s.Add(counted("svc", &runs))
		synctest.Wait()
		want(t, "runs", runs, 1)
		cancel()
	})
}

func TestStopIsUnorderedAndBoundedByOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, Timeout: 5 * time.Second})
		release := make(chan struct{})
		var stopped time.Duration
		s.Add(hung("a", release))
		s.Add(&service{"b", func(ctx context.Context) error {
			<-ctx.Done()
			stopped = time.Since(l.began)
			return nil
		}})
		s.Add(hung("c", release))
		stop := serve(t, s)
		time.Sleep(time.Second)
		same(t, "Serve", stop(), context.Canceled)
		want(t, "stopped after", time.Since(l.began), 6*time.Second)
		want(t, "b stopped after", stopped, time.Second)
		want(t, "events", l.sorted(), []string{"6s root/a stop timeout", "6s root/c stop timeout"})
		close(release)
	})
}

func TestTokens(t *testing.T) {
	s := suture.NewSimple("root")
	a, b := s.Add(idle("svc")), s.Add(idle("svc"))
	if a == b || a == (suture.ServiceToken{}) {
		t.Errorf("tokens %v and %v", a, b)
	}
	byToken := map[suture.ServiceToken]string{a: "a", b: "b"}
	want(t, "by token", byToken[b], "b")
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other, child := suture.NewSimple("root"), suture.NewSimple("other"), suture.NewSimple("child")
		runs := 0
		token := s.Add(counted("svc", &runs))
		s.Add(child)
		below := child.Add(idle("below"))
		foreign := other.Add(idle("svc"))

		same(t, "before Serve", s.Remove(token), nil)
		same(t, "zero, before Serve", s.Remove(suture.ServiceToken{}), suture.ErrWrongSupervisor)
		same(t, "other's, before Serve", s.Remove(foreign), suture.ErrWrongSupervisor)
		same(t, "child's, before Serve", s.Remove(below), suture.ErrWrongSupervisor)

		stop := serve(t, s)
		want(t, "runs", runs, 0)
		token = s.Add(counted("svc", &runs))
		synctest.Wait()
		want(t, "runs", runs, 1)
		for what, id := range map[string]suture.ServiceToken{"other's": foreign, "child's": below, "zero": {}} {
			same(t, what, s.Remove(id), suture.ErrWrongSupervisor)
			same(t, what, s.RemoveAndWait(id, time.Second), suture.ErrWrongSupervisor)
		}
		want(t, "child's services", len(child.Services()), 1)
		same(t, "its own", s.Remove(token), nil)
		same(t, "gone", s.Remove(token), nil)
		synctest.Wait()
		want(t, "services", len(s.Services()), 1)

		stays := s.Add(idle("stays"))
		_ = stop()
		same(t, "stopped", s.Remove(stays), nil)
		same(t, "stopped, other's", s.Remove(foreign), suture.ErrWrongSupervisor)
		serve(t, s)
		want(t, "services when served again", len(s.Services()), 1)
	})
}

func TestRemoveAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.New("root", suture.Spec{EventHook: newLog().hook, Timeout: 10 * time.Second})
		slow := func(d time.Duration) suture.ServiceToken {
			return s.Add(&service{"slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(d); return nil }})
		}
		same(t, "before Serve", s.RemoveAndWait(slow(0), time.Second), nil)
		stop := serve(t, s)
		want(t, "services", s.Services(), []suture.Service{})
		late := s.Add(idle("late"))
		for _, c := range []struct {
			takes, timeout, returns time.Duration
			err                     error
		}{
			{0, time.Second, 0, nil},
			{3 * time.Second, 4 * time.Second, 3 * time.Second, nil},
			{3 * time.Second, 2 * time.Second, 2 * time.Second, suture.ErrTimeout},
			{time.Minute, 0, time.Minute, nil}, // longer than Spec.Timeout
			{time.Minute, -1, time.Minute, nil},
		} {
			token := slow(c.takes)
			synctest.Wait()
			began := time.Now()
			same(t, fmt.Sprintf("%+v", c), s.RemoveAndWait(token, c.timeout), c.err)
			want(t, fmt.Sprintf("%+v", c), time.Since(began), c.returns)
		}
		token := slow(time.Hour)
		synctest.Wait()
		go func() { _ = stop() }()
		synctest.Wait()
		same(t, "stopping", s.RemoveAndWait(token, time.Second), suture.ErrSupervisorNotRunning)
		time.Sleep(time.Hour)
		same(t, "stopped", s.RemoveAndWait(late, time.Second), suture.ErrSupervisorNotRunning)
		serve(t, s)
		want(t, "services when served again", s.Services(), []suture.Service{})
	})
}

func TestRemoveAndWaitWhenTheSupervisorStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.New("root", suture.Spec{EventHook: newLog().hook, Timeout: 10 * time.Second})
		release := make(chan struct{})
		hangs := s.Add(hung("hangs", release))
		ends := s.Add(&service{"ends", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(5 * time.Second); return nil }})
		stop := serve(t, s)
		type answer struct {
			err   error
			after time.Duration
		}
		answers := [2]answer{}
		began := time.Now()
		for i, token := range []suture.ServiceToken{hangs, ends} {
			go func() {
				err := s.RemoveAndWait(token, 0)
				answers[i] = answer{err, time.Since(began)}
			}()
		}
		time.Sleep(time.Second)
		_ = stop()
		synctest.Wait()
		same(t, "hangs", answers[0].err, suture.ErrTimeout)
		same(t, "ends", answers[1].err, nil)
		want(t, "hangs", answers[0].after, 10*time.Second)
		want(t, "ends", answers[1].after, 5*time.Second)
		close(release)
	})
}

// A service that has ended has, also if it was the last and the supervisor has
// ended with it.
func TestRemoveAndWaitForTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			s := suture.NewSimple("root")
			token := s.Add(&service{"slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }})
			stop := serve(t, s)
			go func() { same(t, "RemoveAndWait", s.RemoveAndWait(token, 0), nil) }()
			synctest.Wait()
			_ = stop()
		}
	})
}

// v4 documents it so for a supervisor that "was already stopped".
func TestAddWhenStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, below, none := 0, 0, suture.ServiceToken{}
		s, child := suture.New("root", suture.Spec{EventHook: newLog().hook, Timeout: time.Minute}), suture.NewSimple("child")
		s.Add(child)
		s.Add(&service{"slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }})
		stop := serve(t, s)
		go func() { _ = stop() }()
		synctest.Wait()
		same(t, "stopping", s.Add(counted("svc", &runs)), none)
		same(t, "below, stopped", child.Add(counted("svc", &below)), none)
		time.Sleep(time.Minute)
		other := suture.NewSimple("other")
		same(t, "stopped", s.Add(counted("svc", &runs)), none)
		same(t, "stopped, a supervisor", s.Add(other), none)
		stop = serve(t, s)
		want(t, "services when served again", len(s.Services())+len(child.Services()), 2)
		want(t, "served again", s.Add(counted("svc", &runs)) != none, true)
		want(t, "below, served again", child.Add(counted("svc", &below)) != none, true)
		synctest.Wait()
		want(t, "runs", []int{runs, below}, []int{1, 1})
		_ = stop()
	})
}

// A service may have ended the tree.
func TestAddWhileTheTreeTerminates(t *testing.T) {
	for name, quit := range map[string]suture.Service{
		"terminates":  returns("quit", suture.ErrTerminateSupervisorTree),
		"significant": tend.Child{Service: returns("quit", suture.ErrDoNotRestart), Significant: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := suture.NewSimple("root")
				s.Add(&service{"slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }})
				result := s.ServeBackground(t.Context())
				s.Add(quit)
				synctest.Wait()
				same(t, "Add", s.Add(idle("svc")), suture.ServiceToken{})
				want(t, "services", s.Services() == nil, true)
				<-result
				same(t, "Add", s.Add(idle("svc")), suture.ServiceToken{})
			})
		})
	}
}

// An error that asks for the end when nobody heeds it any more ends nothing.
func TestAddAfterARemovedServiceAskedForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		token := s.Add(&service{"svc", func(ctx context.Context) error { <-ctx.Done(); return suture.ErrTerminateSupervisorTree }})
		serve(t, s)
		same(t, "RemoveAndWait", s.RemoveAndWait(token, 0), nil)
		want(t, "added", s.Add(idle("svc")) != suture.ServiceToken{}, true)
	})
}

// A supervisor that was removed is over, until it is somewhere again.
func TestAddToASupervisorThatWasRemoved(t *testing.T) {
	type supervisor interface {
		Add(suture.Service) suture.ServiceToken
		Remove(suture.ServiceToken) error
		ServeBackground(context.Context) <-chan error
	}
	for name, newTop := range map[string]func() supervisor{
		"from one of this package": func() supervisor { return suture.NewSimple("top") },
		"from one of package tend": func() supervisor { return tend.New("top", tend.Spec{EventHook: func(tend.Event) {}}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				top, none := newTop(), suture.ServiceToken{}
				s, deep := suture.NewSimple("child"), suture.NewSimple("deep")
				s.Add(deep)
				token := top.Add(s)
				ctx, cancel := context.WithCancel(t.Context())
				result := top.ServeBackground(ctx)
				synctest.Wait()
				want(t, "served", s.Add(idle("svc")) != none, true)
				same(t, "Remove", top.Remove(token), nil)
				synctest.Wait()
				same(t, "removed", s.Add(idle("svc")), none)
				same(t, "below what was removed", deep.Add(idle("svc")), none)

				other := suture.NewSimple("other")
				token = other.Add(s)
				want(t, "added again", s.Add(idle("svc")) != none, true)
				want(t, "below what was added again", deep.Add(idle("svc")) != none, true)
				stop := serve(t, other)
				want(t, "services", []int{len(s.Services()), len(deep.Services())}, []int{3, 1})
				same(t, "RemoveAndWait", other.RemoveAndWait(token, 0), nil)
				token = other.Add(s)
				same(t, "RemoveAndWait", other.RemoveAndWait(token, 0), nil)
				same(t, "removed again", s.Add(idle("svc")), none)
				_ = stop()
				cancel()
				<-result
			})
		})
	}
}

func TestServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		a, b, c := idle("a"), suture.NewSimple("b"), suture.AsService(newOld())
		s.Add(a)
		want(t, "before Serve", s.Services() == nil, true)
		ctx, cancel := context.WithCancel(t.Context())
		result := s.ServeBackground(ctx)
		s.Add(b)
		s.Add(c)
		want(t, "served", s.Services(), []suture.Service{a, b, c}, identity)
		cancel()
		want(t, "told to stop", s.Services() == nil, true)
		same(t, "Serve", <-result, context.Canceled)
		want(t, "stopped", s.Services() == nil, true)
	})
}

// noRestart and fatal are made as users of v4 make theirs: Is compares with the
// variables of package suture.
type noRestart struct{ error }

func (noRestart) Is(target error) bool { return target == suture.ErrDoNotRestart }

type fatal struct {
	error
	status int
}

func (*fatal) Is(target error) bool { return target == suture.ErrTerminateSupervisorTree }

func TestDoNotRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		for _, err := range []error{
			suture.ErrDoNotRestart,
			tend.ErrDoNotRestart,
			fmt.Errorf("done: %w", suture.ErrDoNotRestart),
			errors.Join(errBoom, suture.ErrDoNotRestart),
			noRestart{errBoom},
		} {
			s.Add(returns("svc", err))
		}
		serve(t, s)
		want(t, "services", s.Services(), []suture.Service{})
		want(t, "events", l.lines(), nil)
	})
}

func TestTerminateSupervisorTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		root := suture.New("root", suture.Spec{EventHook: l.hook})
		child := suture.NewSimple("child")
		root.Add(child)
		stopped := 0
		for _, s := range []*suture.Supervisor{root, child} {
			s.Add(&service{"svc", func(ctx context.Context) error { <-ctx.Done(); stopped++; return nil }})
		}
		quit := &fatal{errBoom, 3}
		child.Add(&service{"fatal", func(context.Context) error { time.Sleep(time.Second); return quit }})
		same(t, "Serve", root.Serve(t.Context()), quit)
		want(t, "stopped", stopped, 2)
		want(t, "events", l.lines(), nil)
	})
}

// An error that is both asks for more by the one.
func TestTerminationGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		both := &fatal{noRestart{errBoom}, 1}
		s.Add(returns("svc", errors.Join(suture.ErrDoNotRestart, both)))
		same(t, "Serve", errors.Is(s.Serve(t.Context()), both), true)
	})
}

// Serve returns what the service returned that ended the tree, not what one that was
// removed, or was being stopped, returned besides.
func TestServeReturnsTheErrorThatEndedTheTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		removed, ended, stopped := &fatal{errBoom, 1}, &fatal{errBoom, 2}, &fatal{errBoom, 3}
		s := suture.NewSimple("root")
		token := s.Add(&service{"removed", func(ctx context.Context) error { <-ctx.Done(); return removed }})
		s.Add(&service{"ends", func(context.Context) error { time.Sleep(time.Second); return ended }})
		s.Add(&service{"is stopped", func(ctx context.Context) error { <-ctx.Done(); return stopped }})
		result := s.ServeBackground(t.Context())
		same(t, "RemoveAndWait", s.RemoveAndWait(token, 0), nil)
		same(t, "Serve", <-result, ended)
	})
}

func TestAfterTheTreeHasTerminated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		one, other := &fatal{errBoom, 1}, &fatal{errBoom, 2}
		s.Add(returns("svc", one, other, one))
		token := s.Add(idle("idle"))
		same(t, "Serve", s.Serve(t.Context()), one)
		want(t, "services", s.Services() == nil, true)
		same(t, "RemoveAndWait", s.RemoveAndWait(token, 0), suture.ErrSupervisorNotRunning)
		same(t, "Serve", s.Serve(t.Context()), other)
		same(t, "ServeBackground", <-s.ServeBackground(t.Context()), one)
	})
}

type badError struct{ error }

func (badError) Is(error) bool { panic("Is") }

// An error that cannot be asked is a failure.
func TestErrorThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminated := 0
		s := suture.New("root", suture.Spec{EventHook: func(e suture.Event) {
			if _, is := e.(suture.EventServiceTerminate); is {
				terminated++
			}
		}})
		s.Add(returns("svc", badError{errBoom}, errBoom))
		serve(t, s)
		synctest.Wait()
		want(t, "failures told", terminated, 2)
	})
}

func TestDontPropagateTermination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := suture.NewSimple("root")
		child := suture.New("child", suture.Spec{DontPropagateTermination: true})
		svc := idle("svc")
		root.Add(svc)
		root.Add(child)
		child.Add(returns("fatal", &fatal{errBoom, 3}))
		serve(t, root)
		want(t, "services", root.Services(), []suture.Service{svc}, identity)

		alone := suture.New("alone", suture.Spec{DontPropagateTermination: true})
		alone.Add(returns("fatal", &fatal{errBoom, 3}))
		same(t, "Serve", alone.Serve(t.Context()), suture.ErrDoNotRestart)
	})
}

// A context error that is not of the service's own context is a failure.
func TestForeignContextErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []suture.EventServiceTerminate
		s := suture.New("root", suture.Spec{EventHook: func(e suture.Event) {
			events = append(events, e.(suture.EventServiceTerminate))
		}})
		s.Add(returns("svc", context.Canceled, context.Canceled, fmt.Errorf("dial: %w", context.DeadlineExceeded)))
		serve(t, s)
		if len(events) != 3 {
			t.Fatalf("%d events", len(events))
		}
		want(t, "equal", events[0].Err == events[1].Err, true)
		want(t, "text", events[0].Err.(error).Error(),
			"from some other context, not the service's context, so service is being restarted: context canceled")
		want(t, "is", errors.Is(events[2].Err.(error), context.DeadlineExceeded), true)
	})
}

func TestErrIsWhatTheServiceReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		s.Add(returns("svc", errBoom))
		serve(t, s)
		e := last[suture.EventServiceTerminate](t, l)
		same(t, "Err", e.Err, errBoom)
		want(t, "supervisor", e.Supervisor, s, identity)
		want(t, "service", e.Service, s.Services()[0], identity)
	})
}

func TestFailuresDecayAndPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{
			EventHook:        l.hook,
			FailureDecay:     0.5, // seconds
			FailureThreshold: 2.5,
			FailureBackoff:   10 * time.Second,
			BackoffJitter:    suture.NoJitter{},
		})
		s.Add(&service{"svc", func(ctx context.Context) error {
			switch time.Since(l.began).Seconds() {
			case 0, 10.5:
				time.Sleep(500 * time.Millisecond)
				return errBoom
			case 0.5:
				return errBoom
			}
			<-ctx.Done()
			return nil
		}})
		runs := 0
		s.Add(counted("other", &runs))
		serve(t, s)
		time.Sleep(time.Minute)
		want(t, "events", l.lines(), []string{
			"0.5s root/svc failed: boom (1.00 of 2.5) restarting=true",
			"0.5s root/svc failed: boom (2.00 of 2.5) restarting=true",
			"0.5s root/svc failed: boom (3.00 of 2.5) restarting=false",
			"0.5s root backoff",
			"10.5s root resume",
			"11s root/svc failed: boom (1.00 of 2.5) restarting=true",
		})
		want(t, "runs of the other service", runs, 1)
	})
}

// A supervisor that is stopped in a pause does not resume, at any depth, and not
// either when it is served again; the next pause has its own end.
func TestStopInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		spec := suture.Spec{
			EventHook: l.hook, FailureThreshold: 0.5, FailureBackoff: 3 * time.Second, BackoffJitter: suture.NoJitter{},
		}
		root, child := suture.New("root", spec), suture.New("child", spec)
		root.Add(child)
		root.Add(returns("a", errBoom))
		child.Add(returns("b", errBoom, errBoom))
		mid := tend.New("mid", tend.Spec{FailureThreshold: 0.5})
		mid.Add(returns("c", errBoom))
		root.Add(mid)
		stop := serve(t, root)
		want(t, "pauses", pauses(l, time.Second), []string{"0s child backoff", "0s mid backoff", "0s root backoff"}, anyOrder)
		_ = stop()
		stop = serve(t, root)
		want(t, "pauses", pauses(l, time.Minute)[3:], []string{"1s child backoff", "4s child resume"})
		_ = stop()
		want(t, "pauses", len(pauses(l, 0)), 5)
	})
}

// embeds and has are the two ways to have a supervisor; has may have none.
type embeds struct{ *suture.Supervisor }

type has struct {
	service
	inner *suture.Supervisor
}

func (h *has) GetSupervisor() *suture.Supervisor { return h.inner }

func TestTheParentsHookReplacesTheChilds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, l := newLog(), newLog()
		child := func(name string) *suture.Supervisor {
			s := suture.New(name, suture.Spec{EventHook: own.hook})
			s.Add(returns("svc", errBoom))
			return s
		}
		root := suture.New("root", suture.Spec{EventHook: l.hook})
		deep := child("deep")
		direct := child("direct")
		direct.Add(deep) // before direct is added
		root.Add(direct)
		root.Add(embeds{child("embedded")})
		inner := child("inner")
		root.Add(&has{service{"has", inner.Serve}, inner})
		root.Add(&has{*idle("has none"), nil})
		late := make(chan struct{})
		deep.Add(&service{"late", func(ctx context.Context) error {
			select {
			case <-late:
				late = nil
				return nil
			case <-ctx.Done():
				return nil
			}
		}})
		hidden := child("hidden") // keeps its own hook, as in v4
		root.Add(&service{"hides", hidden.Serve})
		stop := serve(t, root)
		for _, name := range []string{"direct", "deep", "embedded", "inner"} {
			line := "0s " + name + "/svc failed: boom (1.00 of 5) restarting=true"
			want(t, line, strings.Count(strings.Join(l.lines(), "\n"), line), 1)
		}
		want(t, "events", len(l.lines()), 4)
		want(t, "own events", own.lines(), []string{"0s hidden/svc failed: boom (1.00 of 5) restarting=true"})
		_ = stop()

		serve(t, deep) // still with the hook of root
		close(late)
		want(t, "last event", last[suture.EventServiceTerminate](t, l).ServiceName, "late")
	})
}

func TestSprint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		panics := func(v any) *service {
			done := false
			return &service{"svc", func(ctx context.Context) error {
				if !done {
					done = true
					panic(v)
				}
				<-ctx.Done()
				return nil
			}}
		}
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, Sprint: func(v any) string { return fmt.Sprintf("<%v>", v) }})
		s.Add(panics(42))
		serve(t, s)
		want(t, "with Sprint", last[suture.EventServicePanic](t, l).PanicMsg, "<42>")
		s = suture.New("root", suture.Spec{EventHook: l.hook})
		s.Add(panics(errBoom))
		serve(t, s)
		e := last[suture.EventServicePanic](t, l)
		want(t, "without", e.PanicMsg, "boom")
		want(t, "restarting", e.Restarting, true)
		if !strings.Contains(e.Stacktrace, "TestSprint") {
			t.Errorf("the stack does not show where it happened:\n%s", e.Stacktrace)
		}
	})
}

type changing struct{ text string }

func (c *changing) Error() string { return c.text }

// What a value says is taken when it happens, however late a hook hears of it.
func TestPanicMsgIsTakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, release := newLog(), make(chan struct{})
		s := suture.New("root", suture.Spec{EventHook: func(e suture.Event) { <-release; l.hook(e) }})
		value := &changing{"then"}
		s.Add(&service{"svc", func(context.Context) error { time.Sleep(time.Second); panic(value) }})
		over := make(chan struct{})
		token := s.Add(suture.AsService(stops{func() { <-over }, func() { defer close(over); panic(value) }}))
		serve(t, s)
		same(t, "Remove", s.Remove(token), nil)
		time.Sleep(time.Second)
		synctest.Wait()
		value.text = "later"
		close(release)
		want(t, "events", l.lines(), []string{
			"1s root/suture_test.stops panicked: then (0.00 of 5) restarting=false",
			"1s root/svc panicked: then (1.00 of 5) restarting=true",
		})
	})
}

func TestPassThroughPanics(t *testing.T) {
	if os.Getenv("SUTURE_TEST_PANIC") != "" {
		s := suture.New("root", suture.Spec{PassThroughPanics: true})
		s.Add(&service{"svc", func(context.Context) error { panic("passed through") }})
		_ = s.Serve(t.Context())
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPassThroughPanics$")
	cmd.Env = append(os.Environ(), "SUTURE_TEST_PANIC=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), "panic: passed through") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestUnstoppedServiceReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := suture.New("root", suture.Spec{EventHook: newLog().hook, Timeout: time.Second})
		reports := make(chan suture.UnstoppedServiceReport, 2)
		ask := func() {
			report, _ := s.UnstoppedServiceReport()
			reports <- report
		}
		go ask() // before it is served
		stop := serve(t, s)
		go ask()
		synctest.Wait()
		want(t, "reports while it is served", len(reports), 0)
		_ = stop()
		want(t, "nothing", <-reports == nil, true)
		want(t, "nothing", <-reports == nil, true)

		release := make(chan struct{})
		svc := hung("svc", release)
		stop = serve(t, s)
		id := s.Add(svc)
		s.Add(idle("idle"))
		synctest.Wait()
		_ = stop()
		got, err := s.UnstoppedServiceReport()
		same(t, "error", err, nil)
		wanted := suture.UnstoppedServiceReport{{[]*suture.Supervisor{s}, svc, "svc", id}}
		want(t, "report", got, wanted, identity)
		close(release)
		synctest.Wait()
		got, _ = s.UnstoppedServiceReport()
		want(t, "report after that", got, wanted, identity)
	})
}

func TestDefaultHookIsLogPrint(t *testing.T) {
	var out bytes.Buffer
	stdlog.SetOutput(&out)
	stdlog.SetFlags(0)
	defer func() { stdlog.SetOutput(os.Stderr); stdlog.SetFlags(stdlog.LstdFlags) }()
	synctest.Test(t, func(t *testing.T) {
		s := suture.NewSimple("root")
		s.Add(returns("svc", errBoom))
		serve(t, s)
	})
	want(t, "log", out.String(),
		"root: Failed service 'svc' (1.000000 failures of 5.000000), restarting: true, error: boom\n")
}

func TestName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("", suture.Spec{EventHook: l.hook})
		s.Name = "renamed"
		want(t, "String", s.String(), "renamed")
		want(t, "GetSupervisor", s.GetSupervisor(), s, identity)
		s.Add(returns("svc", errBoom))
		serve(t, s)
		want(t, "in events", last[suture.EventServiceTerminate](t, l).SupervisorName, "renamed")
	})
}

func TestErrorsAreThoseOfTheCore(t *testing.T) {
	for name, pair := range map[string][2]error{
		"ErrDoNotRestart":            {suture.ErrDoNotRestart, tend.ErrDoNotRestart},
		"ErrTerminateSupervisorTree": {suture.ErrTerminateSupervisorTree, tend.ErrTerminateTree},
		"ErrWrongSupervisor":         {suture.ErrWrongSupervisor, tend.ErrWrongSupervisor},
	} {
		if !errors.Is(pair[0], pair[1]) || !errors.Is(pair[1], pair[0]) {
			t.Errorf("%s is not the core's", name)
		}
	}
}
