package suture

import (
	"context"
	"fmt"
	"reflect"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// DeprecatedService is a service of suture v2 and v3: Serve blocks until Stop is
// called by another goroutine. [AsService] makes a [Service] of it.
type DeprecatedService interface {
	Serve()
	Stop()
}

// AsService makes a [Service] of an old one, called what the old one is called.
// When the context ends it calls Stop. It returns when Serve and, if it was
// called, Stop have returned: nil if Serve returned by itself, the error of the
// context if it was stopped. If the old one has a method Complete() bool as well, and
// Serve returned by itself, that is asked: true is [ErrDoNotRestart]. A panic in any of
// them is a panic of the service.
// AsService panics if service is nil.
func AsService(service DeprecatedService) Service {
	if service == nil {
		panic("tend/suture: AsService of nil")
	}
	return legacy{service}
}

type legacy struct{ old DeprecatedService }

func (l legacy) String() string { return name(l.old) }

// Serve runs the old Serve in its own goroutine, so that a panic of it, the
// stack and runtime.Goexit stay what they are. Stop is called from another one.
func (l legacy) Serve(ctx context.Context) error {
	served := make(chan struct{})
	stopper := stopper{done: make(chan struct{})}
	go stopper.run(ctx, served, l.old.Stop)

	func() {
		// Also when Serve panics: a Stop that has begun must not reach the next run.
		defer func() { close(served); <-stopper.done }()
		l.old.Serve()
	}()
	if stopper.panicked != nil {
		panic(stopper.panicked)
	}
	if stopper.called {
		return ctx.Err()
	}
	if c, is := l.old.(interface{ Complete() bool }); is && c.Complete() {
		return ErrDoNotRestart
	}
	return nil
}

// stopper calls Stop when the context ends before Serve has returned.
type stopper struct {
	done     chan struct{} // closed by run; then the rest may be read
	called   bool
	panicked *stopPanic
}

func (s *stopper) run(ctx context.Context, served <-chan struct{}, stop func()) {
	defer close(s.done)
	select {
	case <-served:
		return
	case <-ctx.Done():
	}
	s.called = true
	_ = guard.Try(func() error { stop(); return nil }, func(v any) error {
		p := &tend.PanicError{Value: v, PCs: goroutines.Callers(2)}
		s.panicked = &stopPanic{tend.Reason{Err: p}}
		s.panicked.why.Text = said.Panic(v) // user code, which may end the goroutine
		return nil
	})
}

// stopPanic carries a panic of Stop to the goroutine of the service, with what it
// said and the stack that it happened on.
type stopPanic struct{ why tend.Reason }

func (p *stopPanic) Error() string { return "in Stop: " + said.PanicValue(p.why.Error()) }
func (p *stopPanic) Unwrap() error { return p.why }

// name is what a service is called: what its String method says, else the name
// of its type. Never its contents, which may be secret or changing.
func name(service any) string {
	if s, is := service.(fmt.Stringer); is {
		if name := said.By(service, s.String); name != "" {
			return name
		}
	}
	return typeName(service)
}

// typeName is the type of a service, or of the old one in it.
func typeName(service any) string {
	if l, is := service.(legacy); is {
		service = l.old
	}
	if service == nil {
		return "<nil>"
	}
	return reflect.TypeOf(service).String()
}
