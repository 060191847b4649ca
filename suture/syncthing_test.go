package suture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/suture"
)

// This file holds what large programs have built around v4, written anew after
// Syncthing's packages svcutil, model and connections: it must go on working.

// tracked keeps the last error of a function.
type tracked struct {
	name  string
	serve func(context.Context) error
	mu    sync.Mutex
	err   error
}

func (s *tracked) Serve(ctx context.Context) error {
	err := s.serve(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	return err
}

func (s *tracked) Error() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *tracked) String() string { return s.name }

// fatalError ends the program with a status. As in Syncthing it may wrap anything.
type fatalError struct {
	err    error
	status int
}

func (e *fatalError) Error() string        { return e.err.Error() }
func (e *fatalError) Unwrap() error        { return e.err }
func (e *fatalError) Is(target error) bool { return target == suture.ErrTerminateSupervisorTree }

// onDone runs when its supervisor is done.
type onDone func()

func (f onDone) Serve(ctx context.Context) error { <-ctx.Done(); f(); return nil }
func (f onDone) String() string                  { return "on done" }

// folded logs failures, equal ones in a row once. It has no lock: events of one
// tree come one at a time.
func folded(log func(string)) suture.EventHook {
	var prev suture.EventServiceTerminate
	return func(ev suture.Event) {
		e, is := ev.(suture.EventServiceTerminate)
		if !is {
			log(ev.String())
			return
		}
		if e.ServiceName != prev.ServiceName || e.Err != prev.Err {
			log(fmt.Sprintf("%s: service %s failed: %s", e.SupervisorName, e.ServiceName, e.Err))
		}
		prev = e
	}
}

// app embeds a supervisor and keeps services by key, each below a supervisor of
// its own for the sake of its own backoff.
type app struct {
	*suture.Supervisor
	mu     sync.Mutex
	tokens map[string]suture.ServiceToken
}

func newApp() *app {
	return &app{Supervisor: suture.New("app", suture.Spec{}), tokens: map[string]suture.ServiceToken{}}
}

func (a *app) Set(key string, svc suture.Service) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if token, is := a.tokens[key]; is {
		_ = a.RemoveAndWait(token, time.Second)
	}
	own := suture.New(key, suture.Spec{FailureThreshold: 2, FailureBackoff: time.Minute, BackoffJitter: suture.NoJitter{}})
	own.Add(svc)
	a.tokens[key] = a.Add(own)
}

func (a *app) Status() int { return len(a.Services()) } // not the core's

// printTree shows a tree by what v4 offers for it.
func printTree(w io.Writer, s suture.Service, level int) {
	fmt.Fprintf(w, "%s%v\n", strings.Repeat("  ", level), s)
	if sup, is := s.(interface{ Services() []suture.Service }); is {
		for _, below := range sup.Services() {
			printTree(w, below, level+1)
		}
	}
}

func TestWhatLargeProgramsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged []string
		root := suture.New("main", suture.Spec{
			EventHook: folded(func(line string) { logged = append(logged, line) }),
			Timeout:   10 * time.Second,
		})
		a := newApp()
		root.Add(a)
		began := time.Now()
		flaky := &tracked{name: "listener", serve: func(ctx context.Context) error {
			if time.Since(began) < time.Second {
				return errBoom
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		a.Set("tcp", flaky)
		a.Set("quic", idle("old"))
		done := false
		root.Add(onDone(func() { done = true }))
		quit := &fatalError{errBoom, 3}
		root.Add(&tracked{name: "upgrader", serve: func(ctx context.Context) error {
			time.Sleep(time.Hour)
			return fmt.Errorf("upgrade: %w", quit)
		}})

		result := root.ServeBackground(t.Context())
		a.Set("quic", idle("new"))
		synctest.Wait()
		same(t, "last error", flaky.Error(), errBoom)
		want(t, "services of the app", a.Status(), 2)
		var tree strings.Builder
		printTree(&tree, root, 0)
		want(t, "tree", tree.String(),
			"main\n  app\n    tcp\n      listener\n    quic\n      new\n  on done\n  upgrader\n")
		err := <-result
		var fatal *fatalError
		want(t, "fatal", errors.As(err, &fatal) && fatal.status == 3, true)
		want(t, "error", err.Error(), "upgrade: boom")
		want(t, "done", done, true)
		synctest.Wait()
		want(t, "log", logged, []string{
			"tcp: service listener failed: boom",
			"tcp: Entering the backoff state.",
			"tcp: Exiting backoff state.",
		})
	})
}
