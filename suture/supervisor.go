package suture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/place"
)

// Supervisor keeps services alive. It is a [Service] itself, to be added to
// another one. Make one with [New] or [NewSimple], then call Serve or
// ServeBackground or add it to another supervisor. All methods may be called at
// any time, from any goroutine, also from its services and hooks.
type Supervisor struct {
	// Name is what the supervisor is called in events. Do not change it while the
	// supervisor is served.
	Name string
	known

	core   *tend.Supervisor
	hook   EventHook
	sprint SprintFunc
	asker  *asker // nil: the core knows how long pauses are
	// Of the Spec.
	threshold        float64
	keepsTermination bool

	serving atomic.Bool
	stops   stops // that tell knows of, as of losses
	losses  losses

	in     atomic.Pointer[entry]      // in whose context it is or was last served; nil: a root
	added  atomic.Pointer[entry]      // with which it was added since it was last served, if it was
	served atomic.Pointer[string]     // the path when it was last served
	heeds  atomic.Pointer[Supervisor] // whose hook it uses; nil: its own
	nests  weakSet[entry]             // its services below which there are supervisors

	mu    sync.Mutex
	term  *term                          // the one that is on, else the latest; at first the one to come
	books map[uint64]weak.Pointer[entry] // by the number of the token
	room  room                           // of the books
	types map[string]int                 // how many services were called as their type is
}

// term is one time of being served.
type term struct {
	ctx       context.Context        // nil: it has not begun
	endAsked  atomic.Bool            // a service may have ended the tree
	over      chan struct{}          // closed when Serve is about to return
	unstopped UnstoppedServiceReport // to be read then
}

// New makes a supervisor. The name need not be unique. It panics if a setting is
// not a number, or the half-life negative.
func New(name string, spec Spec) *Supervisor {
	s := &Supervisor{
		Name:             name,
		hook:             spec.EventHook,
		sprint:           spec.Sprint,
		threshold:        cmp.Or(spec.FailureThreshold, 5),
		keepsTermination: spec.DontPropagateTermination,
		term:             &term{over: make(chan struct{})},
		books:            map[uint64]weak.Pointer[entry]{},
	}
	if s.hook == nil {
		s.hook = func(e Event) { log.Print(e) }
	}
	core := spec.core(name)
	core.EventHook = s.tell
	s.core = tend.New(name, core)
	s.asker = newAsker(spec, s.core)
	s.known = known{s.core, nil}
	return s
}

// NewSimple is New(name, Spec{}).
func NewSimple(name string) *Supervisor { return New(name, Spec{}) }

// known makes a Supervisor, and what embeds one, known to the core as a supervisor
// when it is added to that. The core recognises what embeds one of its own, by a
// method that is not exported. The exported ones that would come with it, and that
// Supervisor does not have itself, meet their like in hidden, so that Go promotes
// neither: a program written for v4 may have such methods in what else it embeds,
// or look for them.
type known struct {
	*embedded
	hidden
}

type embedded = tend.Supervisor

type hidden interface {
	AddHook()
	Events()
	Nested()
	Path()
	Reason()
	Restart()
	Replace()
	ReplaceWhenReady()
	Resume()
	ServiceStatus()
	Stacks()
	Start()
	Status()
	Stop()
	Suspend()
	UnstoppedServices()
	WaitReady()
	WaitState()
}

// made panics if s was not made by New.
func (s *Supervisor) made(method string) {
	if s == nil {
		panic("tend/suture: " + method + " with a nil *suture.Supervisor")
	}
	if s.core == nil {
		panic("tend/suture: " + method + " on an incorrectly-constructed *suture.Supervisor: make one with New")
	}
}

// String is Name.
func (s *Supervisor) String() string { return s.Name }

// HasSupervisor is a service with a supervisor in it. A type that embeds a
// *Supervisor is one already. GetSupervisor may return nil; then it is a service
// like any other.
type HasSupervisor interface {
	GetSupervisor() *Supervisor
}

// GetSupervisor returns s.
func (s *Supervisor) GetSupervisor() *Supervisor { return s }

// Add adds a service, to be started at once or when the supervisor is served. It
// does not wait for that. Services are kept until they leave by themselves or are
// removed.
//
// Once the supervisor has been told to stop, or was removed, Add does nothing and
// returns the zero token, until it is served again or added to another one. A
// supervisor that is to be served again by one above, as after a failure of what
// serves it, has not been stopped in that sense.
//
// If the service is a supervisor, or [HasSupervisor], that one uses the EventHook
// of s from now on, whatever hook it had. A [tend.Child] is supervised as it says.
//
// Add panics if service is nil, or a [tend.Child] makes no sense.
func (s *Supervisor) Add(service Service) ServiceToken {
	s.made("Add")
	if s.isOver() {
		return ServiceToken{}
	}
	return s.enroll(&entry{owner: s, given: service})
}

// Services are the services as they were added, in that order. It is nil while
// the supervisor is not served, and once it has been told to stop.
func (s *Supervisor) Services() []Service {
	s.made("Services")
	if s.state() != nil {
		return nil
	}
	services := s.core.Services()
	given := make([]Service, len(services))
	for i, service := range services {
		given[i] = givenAs(service)
	}
	return given
}

// Remove makes a service leave: it is stopped, if it runs, and not started
// again. Remove does not wait for that. It returns
//   - [ErrWrongSupervisor] for the zero token and those of other supervisors;
//   - nil otherwise, also if the service is gone already, or the supervisor does
//     not run yet, or not any more.
func (s *Supervisor) Remove(id ServiceToken) error {
	s.made("Remove")
	return s.remove(id)
}

// RemoveAndWait is Remove, and then waits until the service has ended, for at
// most the given time; zero or less is as long as it takes. It returns
//   - [ErrTimeout] if the service has not ended in that time, or not before the
//     supervisor ended;
//   - [ErrWrongSupervisor] as Remove does;
//   - [ErrSupervisorNotRunning] if the supervisor had been told to stop before; the
//     service is removed all the same, and not waited for.
func (s *Supervisor) RemoveAndWait(id ServiceToken, timeout time.Duration) error {
	s.made("RemoveAndWait")
	t, _ := s.latest()
	state := s.state()
	if err := s.remove(id); err != nil {
		return err
	}
	if state == ErrSupervisorNotRunning { //nolint:errorlint // its own
		return state
	}
	ctx, giveUp := context.WithCancelCause(context.Background())
	defer giveUp(nil)
	if timeout > 0 {
		timed, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		defer cancel()
		ctx = timed
	}
	ended := make(chan error, 1)
	go func() { ended <- s.core.RemoveAndWait(ctx, id) }()
	select {
	case err := <-ended:
		return err
	case <-t.over:
		giveUp(ErrTimeout)
		return <-ended
	}
}

// remove refuses tokens of services further below, which the core would take.
func (s *Supervisor) remove(id ServiceToken) error {
	if !place.HostOf(s.core).Owns(id) {
		return ErrWrongSupervisor
	}
	return s.core.Remove(id)
}

// state is nil while the supervisor is served and has not been told to stop.
func (s *Supervisor) state() error {
	switch t, ctx := s.latest(); {
	case ctx == nil:
		return ErrSupervisorNotStarted
	case ctx.Err() != nil, !s.serving.Load(), t.endAsked.Load() && !s.core.Status().Stopping.IsZero():
		return ErrSupervisorNotRunning
	}
	return nil
}

// latest is the present term, or else the latest or the first to come, and the
// context it was begun with.
func (s *Supervisor) latest() (*term, context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.term, s.term.ctx
}

// Serve starts the services and keeps them alive until ctx ends or a service
// ends the tree. Then it stops them and returns ctx.Err(), or what that service
// returned, or [ErrDoNotRestart] with [Spec].DontPropagateTermination. It may be
// called again then, and has its services still. A nil ctx is
// context.Background(). Serve panics while the supervisor is being served.
func (s *Supervisor) Serve(ctx context.Context) error {
	ctx, t := s.begin(ctx)
	defer s.end(t)
	return s.result(ctx, s.core.Serve(ctx))
}

// ServeBackground is Serve in a goroutine of its own; the channel, which has room
// for it, gets what Serve returns. When ServeBackground returns, the supervisor is
// being served. It panics where Serve does.
func (s *Supervisor) ServeBackground(ctx context.Context) <-chan error {
	ctx, t := s.begin(ctx)
	begun := false
	defer func() {
		if !begun { // the context has panicked
			s.end(t)
		}
	}()
	served := s.core.ServeBackground(ctx)
	begun = true
	result := make(chan error, 1)
	go func() {
		err := <-served
		s.end(t)
		result <- s.result(ctx, err)
	}()
	return result
}

func (s *Supervisor) begin(ctx context.Context) (context.Context, *term) {
	s.made("Serve")
	if ctx == nil {
		ctx = context.Background()
	}
	in := entryIn(ctx) // which may be user code, and panic
	if !s.serving.CompareAndSwap(false, true) {
		panic(fmt.Sprintf("tend/suture: Serve on supervisor %q, which is being served already", s.Name))
	}
	s.mu.Lock()
	t := s.term
	if t.ctx != nil {
		t = &term{over: make(chan struct{})}
		s.term = t
	}
	t.ctx = ctx
	s.mu.Unlock()
	s.settle(in)
	return ctx, t
}

func (s *Supervisor) end(t *term) {
	t.unstopped = s.unstopped()
	s.serving.Store(false)
	close(t.over)
}

// result is what v4 returns where the core returns err, which wraps that to say
// more.
func (s *Supervisor) result(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && errorIs(err, ctx.Err()):
		return ctx.Err()
	case errorIs(err, ErrTerminateSupervisorTree): // the core says of which service
		return errors.Unwrap(err)
	case s.keepsTermination && errorIs(err, ErrDoNotRestart):
		return ErrDoNotRestart
	}
	return err
}
