package actor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/stopped"
)

// Serve runs the actor on the goroutine of the caller until ctx ends or a run does, and
// returns how that has ended: in a test, or wrapped by a service with a Serve of its own.
// A supervisor to which the actor itself was added does not call it. A panic goes on
// through Serve, after Stop was called. The end of ctx closes the mailbox, a failure keeps
// it open. It panics if the actor is in a tree, or Serve is under way.
func (a *Actor[M]) Serve(ctx context.Context) error {
	if ctx == nil {
		panic(fmt.Sprintf("tend/actor: Serve of %q with a nil context", a.name))
	}
	if ctx.Err() != nil {
		return stopped.Err(ctx)
	}
	l := &lonely{ctx: ctx, wake: make(chan struct{}, 1), awaited: a.spec.Child.ReadyTimeout > 0}
	a.mu.Lock()
	if a.is(placed | alone) {
		a.mu.Unlock()
		panic(fmt.Sprintf("tend/actor: Serve of %q, which is in a tree or served already", a.name))
	}
	a.set(alone, true)
	number := a.number() + 1
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.set(alone, false)
		a.mu.Unlock()
	}()
	svc := (*service[M])(a)
	svc.Launch(l, number)
	// On a goroutine of its own: this one may be in a turn.
	stop := context.AfterFunc(ctx, func() {
		svc.Cancel(number, latent.Stop{Cause: context.Cause(ctx), Final: true})
	})
	defer stop()
	return l.serve()
}

// lonely is the link of an actor that nobody supervises.
type lonely struct {
	ctx     context.Context
	wake    chan struct{}
	waits   latent.Waits
	awaited bool // by who serves it

	scratch sync.Pool

	mu       sync.Mutex
	tasks    []latent.Task
	ended    bool
	over     bool // nobody takes turns any more
	err      error
	panicked any
}

// serve takes turns until the run has ended and nothing is left to tell.
func (l *lonely) serve() error {
	defer func() { // a turn has called Goexit: what is left to do is done, and then it goes on
		for !l.isOver() {
			l.takeTurns()
		}
	}()
	for l.takeTurns(); !l.isOver(); l.takeTurns() {
		<-l.wake
	}
	if l.panicked != nil {
		panic(l.panicked)
	}
	if l.err == nil && l.ctx.Err() != nil {
		return stopped.Err(l.ctx)
	}
	return l.err
}

func (l *lonely) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = l.ended && len(l.tasks) == 0
	return l.over
}

func (l *lonely) takeTurns() {
	for {
		l.mu.Lock()
		if len(l.tasks) == 0 {
			l.mu.Unlock()
			return
		}
		t := l.tasks[0]
		l.tasks = l.tasks[1:]
		l.mu.Unlock()
		if t.Turn(0) {
			l.Schedule(t)
		}
	}
}

// Schedule gives t its turn on a goroutine of its own if Serve has returned: what the open
// mailbox of one that has failed loses then is told all the same.
func (l *lonely) Schedule(t latent.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		go func() {
			for t.Turn(0) {
			}
		}()
		return
	}
	l.tasks = append(l.tasks, t)
	l.poke()
}

func (l *lonely) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lonely) Ended(_ uint64, made context.Context, _, err error) {
	if c, is := made.(*lonelyContext); is {
		c.cancel(errEnded)
	}
	l.mu.Lock()
	l.ended, l.err = true, err
	l.mu.Unlock()
	l.poke() // it may have been idle
}

var errEnded = errors.New("tend/actor: the run has ended")

func (l *lonely) Broken(v any) error {
	if v == nil {
		return tend.ErrGoexit
	}
	l.panicked = v
	return fmt.Errorf("panic: %v", v)
}

// lonelyContext is the context of a run, with its end.
type lonelyContext struct {
	context.Context
	cancel context.CancelCauseFunc
}

func (l *lonely) Context(uint64, bool) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(l.ctx))
	return &lonelyContext{ctx, cancel}, cancel
}

func (l *lonely) Opened(uint64, context.Context)      {}
func (l *lonely) Stopped() error                      { return context.Cause(l.ctx) }
func (l *lonely) Record() any                         { return nil }
func (l *lonely) Service() any                        { return nil }
func (l *lonely) HasHelpers(context.Context) bool     { return false }
func (l *lonely) Slept(uint64, context.Context)       {}
func (l *lonely) IsCrowded() bool                     { return false }
func (l *lonely) Waits() *latent.Waits                { return &l.waits }
func (l *lonely) Keep(k latent.Keeper)                { k.Shrink() }
func (l *lonely) Scratch() *sync.Pool                 { return &l.scratch }
func (l *lonely) Ready(uint64)                        { tend.Ready(l.ctx) }
func (l *lonely) Beside(uint64, error)                {}
func (l *lonely) Lost(uint64, string, error)          {}
func (l *lonely) Awaited() bool                       { return l.awaited }
func (l *lonely) Watchdog() time.Duration             { return 0 }
func (l *lonely) Watch(*latent.Vigil)                 {}
func (l *lonely) Unwatch(*latent.Vigil)               {}
func (l *lonely) Silent(uint64)                       {}
func (l *lonely) Alive(context.Context) time.Duration { return 0 }
func (l *lonely) Note() time.Duration                 { return 0 }
func (l *lonely) Moment() time.Duration               { return 0 }
func (l *lonely) When(time.Duration) time.Time        { return time.Time{} }
func (l *lonely) Clock() abtime.AbstractTime          { return abtime.NewRealTime() }
