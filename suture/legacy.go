package suture

import (
	"context"
	"fmt"
	"runtime/debug"
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
// context if it was stopped. A panic in either is a panic of the service.
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
	defer func() {
		if value := recover(); value != nil {
			s.panicked = &stopPanic{value, debug.Stack()}
		}
	}()
	stop()
}

// stopPanic carries a panic of Stop to the goroutine of the service, with the
// stack that it happened on.
type stopPanic struct {
	value any
	stack []byte
}

func (p *stopPanic) Error() string { return fmt.Sprintf("in Stop: %v", p.value) }

func (p *stopPanic) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// name is what a service is called: what its String method says, else the name
// of its type. Never its contents, which may be secret or changing.
func name(service any) (name string) {
	if s, is := service.(fmt.Stringer); is {
		func() {
			defer func() { _ = recover() }()
			name = s.String()
		}()
	}
	if name == "" {
		name = fmt.Sprintf("%T", service)
	}
	return name
}
