package suture_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/suture"
)

// old is a service of suture v2 as they were written.
type old struct {
	stop  chan struct{}
	serve func()
}

func newOld() *old { return &old{stop: make(chan struct{})} }

func (o *old) Serve() {
	if o.serve != nil {
		o.serve()
	}
	<-o.stop
}

func (o *old) Stop() { o.stop <- struct{}{} } // waits for Serve

func (o *old) String() string { return "old" }

func TestAsService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		o := newOld()
		svc := suture.AsService(o)
		want(t, "name", fmt.Sprint(svc), "old")
		token := s.Add(svc)
		serve(t, s)
		o.stop <- struct{}{} // returns by itself
		want(t, "events", l.lines(), []string{"0s root/old failed: <nil> (1.00 of 5) restarting=true"})
		same(t, "RemoveAndWait", s.RemoveAndWait(token, time.Second), nil)
		want(t, "events", len(l.lines()), 1)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		same(t, "Serve with an ended context", svc.Serve(ctx), context.Canceled)
		wantPanic(t, "AsService of nil", func() { suture.AsService(nil) })
	})
}

// A panic in an old Serve is a failure. In v4 it crashes the program.
func TestAsServicePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		o := newOld()
		o.serve = func() { o.serve = nil; panic("old boom") }
		s.Add(suture.AsService(o))
		serve(t, s)
		want(t, "events", l.lines(), []string{"0s root/old panicked: old boom (1.00 of 5) restarting=true"})
		if e := last[suture.EventServicePanic](t, l); !strings.Contains(e.Stacktrace, "TestAsServicePanic") {
			t.Errorf("the stack does not show where it happened:\n%s", e.Stacktrace)
		}
	})
}

func TestAsServiceGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		o := newOld()
		o.serve = func() { o.serve = nil; runtime.Goexit() }
		s.Add(suture.AsService(o))
		serve(t, s)
		same(t, "Err", last[suture.EventServiceTerminate](t, l).Err, tend.ErrGoexit)
	})
}

// completes is a service of suture v2 that is done after so many runs.
type completes struct {
	*old
	runs, after int
}

func (c *completes) Serve()         { c.runs++ }
func (c *completes) Complete() bool { return c.runs >= c.after }

// v2 and v3 take a service out that says it is complete. v4 does not ask.
func TestAsServiceComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		c := &completes{old: newOld(), after: 3}
		s.Add(suture.AsService(c))
		serve(t, s)
		want(t, "events", l.lines(), []string{
			"0s root/old failed: <nil> (1.00 of 5) restarting=true",
			"0s root/old failed: <nil> (2.00 of 5) restarting=true",
		})
		want(t, "runs", c.runs, 3)
		want(t, "services", s.Services(), []suture.Service{})
	})
}

// stoppable is complete, but has been stopped.
type stoppable struct{ *old }

func (stoppable) Complete() bool { return true }

// A service that was stopped is not asked: it may be to start again.
func TestAsServiceStoppedIsNotComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		same(t, "Serve", suture.AsService(stoppable{newOld()}).Serve(ctx), context.Canceled)
	})
}

type incomplete struct{ *old }

func (i incomplete) Serve()       {}
func (incomplete) Complete() bool { panic("complete?") }

func TestAsServicePanicInComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook, FailureThreshold: 0.5})
		s.Add(suture.AsService(incomplete{newOld()}))
		serve(t, s)
		want(t, "events", l.lines(), []string{
			"0s root/old panicked: complete? (1.00 of 0.5) restarting=false", "0s root backoff",
		})
	})
}

type stops struct{ serve, stop func() }

func (s stops) Serve() { s.serve() }
func (s stops) Stop()  { s.stop() }

// A panic in an old Stop is told, with its own stack, once Serve has returned.
func TestAsServicePanicInStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := suture.New("root", suture.Spec{EventHook: l.hook})
		release := make(chan struct{})
		token := s.Add(suture.AsService(stops{
			serve: func() { <-release },
			stop:  func() { defer close(release); panicInStop() },
		}))
		serve(t, s)
		same(t, "RemoveAndWait", s.RemoveAndWait(token, time.Second), nil)
		want(t, "events", l.lines(), []string{"0s root/suture_test.stops panicked: boom (0.00 of 5) restarting=false"})
		if e := last[suture.EventServicePanic](t, l); !strings.Contains(e.Stacktrace, "panicInStop") {
			t.Errorf("the stack does not show where it happened:\n%s", e.Stacktrace)
		}
	})
}

func panicInStop() { panic(errBoom) }

// The panic is the same outside of a supervisor, and Stop is let finish.
func TestAsServiceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stopped := false
		svc := suture.AsService(stops{
			serve: func() { <-ctx.Done(); panic("serve") },
			stop:  func() { time.Sleep(time.Second); stopped = true },
		})
		time.AfterFunc(time.Second, cancel)
		wantPanic(t, "serve", func() { _ = svc.Serve(ctx) })
		want(t, "Stop has finished", stopped, true)

		svc = suture.AsService(stops{serve: func() {}, stop: func() { panic(errBoom) }})
		same(t, "Serve", svc.Serve(t.Context()), nil)
		ctx, cancel = context.WithCancel(t.Context())
		svc = suture.AsService(stops{serve: func() { <-ctx.Done() }, stop: func() { panic(errBoom) }})
		time.AfterFunc(time.Second, cancel)
		defer func() {
			err, _ := recover().(error)
			want(t, "unwraps", errors.Is(err, errBoom), true)
			want(t, "text", err.Error(), "in Stop: boom")
		}()
		_ = svc.Serve(ctx)
	})
}
