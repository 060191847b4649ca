package tend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/said"
	"github.com/thejerf/abtime"
)

// Supervisor keeps services alive. Make one with [New]; all methods may be called
// at any time, from any goroutine, also from its services and hooks. It is a
// [Service] itself, to be added to another one.
type Supervisor struct {
	name  string
	inbox inbox
	// The owner of these is the loop, or whoever holds inbox.
	plan   plan
	looked uint64 // what familyMoves was when it was found out where it is

	// Of the current or latest call of Serve; the loop's.
	timers *[timers]abtime.Timer // nil: there has been none
	since  instant               // when plan.phase last went to or from idle
	told   []Event               // of what is being handled, not emitted yet
	alsoTo []*Supervisor         // whom that concerns, too

	// Anybody's.
	clock     atomic.Pointer[clock]
	term      atomic.Pointer[term] // the one that is on, or the next
	link      atomic.Pointer[link] // where it is; nil: nowhere
	hub       hub
	snapshots snapshots
	ledger    ledger
	stacks    atomic.Pointer[stackFinder]      // see finder
	turns     atomic.Pointer[latent.Scheduler] // see scheduler
}

// term is one time of being served.
type term struct {
	footing        // set before begun
	number  uint64 // how many there have been; set before begun, too
	path    string // for labels; set before the first run

	before error // why the one before has ended; nil: there was none

	begun atomic.Bool
	why   atomic.Pointer[explanation] // the supervisor has begun to stop
	ready latch                       // all services have been running at once
	ended latch                       // Serve returns
}

// lastStop is why the supervisor stops, or has stopped last; nil: neither.
func (t *term) lastStop() error {
	if why := t.why.Load(); why != nil {
		return why.reason.Err
	}
	return t.before
}

// footing is what Serve was called with.
type footing struct {
	run    *run            // that it is served by; nil: a root
	ctx    context.Context // of Serve
	base   context.Context // that, with room for labels
	direct bool            // it is the service of that run
	done   <-chan struct{} // of Serve's context; nil: that never ends, or is the one of run
	faults *fault.Faults   // of the test that serves the root; nil: none
}

// isAsked: the context that Serve got has ended. That of a direct one mostly is its run's, which
// can be asked without a channel: to make one for each supervisor would cost a hundred bytes.
func (t *term) isAsked() bool {
	if t.direct && t.done == nil {
		return t.ctx.Err() != nil
	}
	return isClosed(t.done)
}

// New makes a supervisor. The name is its part of paths. It panics if a setting
// is negative or not a number.
func New(name string, spec Spec) *Supervisor {
	name = said.Clean(name, maxName)
	spec = spec.withDefaults(name)
	c := &clock{AbstractTime: spec.Clock}
	if c.AbstractTime == nil {
		c.AbstractTime = abtime.NewRealTime()
	}
	c.epoch = c.Now()
	s := &Supervisor{name: name}
	s.inbox.wake = make(chan struct{}, 1)
	s.clock.Store(c)
	s.term.Store(&term{})
	s.plan = newPlan(spec, s.place(), c.epoch)
	s.plan.random = rand.Float64
	if spec.EventHook != nil {
		s.setHook(spec.EventHook, nil)
	}
	return s
}

// made panics if s was not made by New.
func (s *Supervisor) made() {
	if s == nil {
		panic("tend: the Supervisor is nil")
	}
	if s.inbox.wake == nil {
		panic("tend: zero Supervisor; make one with New")
	}
}

// Name is the name given to New.
func (s *Supervisor) Name() string {
	s.made()
	return s.name
}

// String is Name.
func (s *Supervisor) String() string { return s.Name() }

// Path is the names from the root down to the supervisor, see [Status].Path; just its
// name while it is below no other one.
func (s *Supervisor) Path() string {
	s.made()
	return s.place()
}

// Add adds a service, to be started at once or, when the supervisor is not
// served or starts its services in order, in its turn. It does not wait for
// that. Services are kept until they leave by themselves or are removed, also
// while the supervisor is not served.
//
// When there are [Spec].MaxServices already, nothing is added: Add emits
// [ServiceRefused] and returns the zero token; use [Supervisor.Start] to get an
// error. Add panics if the service is nil, the settings of a [Child] make no
// sense, or a supervisor is added below itself or in a second place.
//
// A value that was removed may run until it has returned: whoever adds it again, there
// or elsewhere, waits for that with [Supervisor.RemoveAndWait].
func (s *Supervisor) Add(svc Service) ServiceToken {
	s.made()
	n := s.newNode(svc)
	if s.plan.spec.MaxServices == 0 {
		s.wish(enter{n})
		return ServiceToken{n}
	}
	to := newCall()
	s.wish(add{n: n, to: to})
	if <-to != nil {
		return ServiceToken{}
	}
	return ServiceToken{n}
}

// Start is Add, and then waits until the service is running: launched, and
// ready if it has to say so; if ctx ends meanwhile it returns an error and the token, as
// the service stays. It keeps waiting while the service fails and is
// restarted, is suspended, or the supervisor is not served. It returns
//   - [ErrTooManyServices], with the zero token;
//   - the failure with which the service left or gave up for good,
//     [ErrDoNotRestart] if it left without one, [ErrNotReady] if it is done
//     without ever being ready, [ErrRemoved] if it was removed;
//   - an error, with the zero token, if ctx is that of a service of the same
//     supervisor that is itself starting, in order: that would wait for itself;
//   - the cause of ctx when that ends first. The service stays then, unless ctx
//     had ended before the call: then nothing is added and the token is zero.
func (s *Supervisor) Start(ctx context.Context, svc Service) (ServiceToken, error) {
	s.made()
	if ctx.Err() != nil {
		return ServiceToken{}, context.Cause(ctx)
	}
	n := s.newNode(svc)
	to := newCall()
	m := add{n: n, to: to, start: true}
	if r := runOf(ctx); r != nil && r.node.sup == s {
		m.from = r.node
	}
	s.wish(m)
	select {
	case err := <-to:
		if refused, is := err.(refusal); is { //nolint:errorlint // the plan's own answer, not an error of a service
			return ServiceToken{}, refused.err
		}
		return ServiceToken{n}, err
	case <-ctx.Done():
		return ServiceToken{n}, context.Cause(ctx)
	}
}

// Remove makes a service leave: it is stopped, if it runs, and not started
// again. Remove does not wait for that. Removing what is gone is no error.
//
// Like all methods that take a token, it takes those of services further below
// too, and returns [ErrWrongSupervisor] for any other.
func (s *Supervisor) Remove(t ServiceToken) error {
	n, err := s.find(t)
	if err != nil || n.gone.has() {
		return err
	}
	n.sup.wish(remove{n})
	return nil
}

// RemoveAndWait is Remove, and then waits until the service has ended. It returns the
// cause of ctx if that ends before; the service ends whenever it does. With its own
// context a service does not wait for itself: that ends when it is removed.
func (s *Supervisor) RemoveAndWait(ctx context.Context, t ServiceToken) error {
	n, err := s.find(t)
	if err != nil || n.gone.has() {
		return err
	}
	n.sup.wish(remove{n})
	select {
	case <-n.gone.happened():
		return nil
	case <-ctx.Done():
	}
	if n.gone.has() {
		return nil
	}
	return context.Cause(ctx)
}

// WaitState waits until a service is in a state, and returns nil then: [StateRunning]
// after Restart, [StateSuspended] after Suspend. What the caller has asked of the
// service before is done first. A state that it only passes counts, too. It returns
//   - the failure with which the service has left, [ErrDoNotRestart] if it left without
//     one, [ErrRemoved] if it was removed;
//   - of one that is to run, the failure with which it has given up for good, and
//     [ErrNotReady] if it is done: it will not run unless somebody restarts it;
//   - the cause of ctx when that ends first.
func (s *Supervisor) WaitState(ctx context.Context, t ServiceToken, state State) error {
	n, err := s.find(t)
	if err != nil {
		return err
	}
	if state > StateGone {
		panic(fmt.Sprintf("tend: WaitState: there is no state %d", state))
	}
	to := newCall()
	n.sup.wish(wait{n, state, to})
	select {
	case err := <-to:
		return err
	case <-ctx.Done():
		n.sup.post(unwait{n, to})
		return context.Cause(ctx)
	}
}

// Restart stops a service, if it runs, and starts it again once it has returned;
// it does not wait for that. It also starts one that is suspended, done, failed
// (whose budget is as new then) or waiting. With a nil cause that is not a
// failure. Otherwise the service's context gets that cause and its end counts as
// a failure with that error; a service that does not run is just started. For a
// service that has left Restart returns [ErrRemoved].
func (s *Supervisor) Restart(t ServiceToken, cause error) error {
	n, err := s.find(t)
	if err != nil {
		return err
	}
	if n.gone.has() {
		return ErrRemoved
	}
	n.sup.wish(restart{n, n.sup.Reason(cause)})
	return nil
}

// Suspend stops a service, if it runs, and keeps its place and history;
// [Supervisor.Restart] brings it back, and Resume, which is for the pause of a
// supervisor, does not. It does not wait. For a service that has left it returns
// [ErrRemoved].
func (s *Supervisor) Suspend(t ServiceToken) error {
	n, err := s.find(t)
	if err != nil {
		return err
	}
	if n.gone.has() {
		return ErrRemoved
	}
	n.sup.wish(suspend{n})
	return nil
}

// Replace puts another service into the place of one: it has the token, the name, the
// place in the order and the history of the old one, and settings and a budget of its own.
// The old one is stopped, with [ErrReplaced] as the cause, and the new one started once it
// has returned; at once if it does not run, also after a failure. What was suspended stays
// so, with the new service. Replace does not wait for any of that. A service that has not
// come yet may be replaced again, and never runs then. A service that can run twice at once
// need leave no gap: see [Supervisor.ReplaceWhenReady].
//
// For a service that has left, or is to, it returns [ErrRemoved], and [ErrWrongSupervisor]
// as Remove does; and of one that has a method
//
//	MayReplace() error
//
// as a wrapper may that has to stay, what that returns if it is not nil; nothing is changed
// then. It panics where Add does, before anything is changed.
func (s *Supervisor) Replace(t ServiceToken, svc Service) error {
	n, err := s.checkReplace(t, svc)
	if err != nil {
		return err
	}
	to := newCall()
	n.sup.wish(replace{n, n.sup.newRecord(svc, n), to})
	return <-to
}

// ReplaceWhenReady is Replace without a gap, for services that can bear to run twice: the new
// one is started beside the old one, and when it is ready that is stopped, with [ErrReplaced]
// as the cause. If it ends before, or is not ready in its [Child].ReadyTimeout, the old one
// stays, whatever the new one has returned; that is in its history and counts nowhere. There
// are never more than two. While the new one is starting
//   - Restart is for the old one, which may also fail and be started again;
//   - Suspend is, too, and the new one is dropped;
//   - Replace and ReplaceWhenReady drop it, and the last one stays;
//   - Remove stops both;
//   - if the old one leaves by itself, the new one has its place already;
//   - if the supervisor stops, or the group, both stop, and the old one stays.
//
// If the old one does not run, or is being stopped, it is Replace, and then waits until the
// new one runs, as Start does.
//
// It waits for that, and returns nil when the new one has the place; what it has failed
// with, [ErrNotReady], or why it was dropped, when that has returned; [ErrRemoved],
// [ErrWrongSupervisor] and what MayReplace has returned as Replace does; the cause of ctx
// if that ends first, and then it goes on; unless ctx had ended before the call. It panics where Replace does, and if svc is no
// [Child] with a ReadyTimeout.
func (s *Supervisor) ReplaceWhenReady(ctx context.Context, t ServiceToken, svc Service) error {
	n, err := s.checkReplace(t, svc)
	if conf := asChild(svc); conf == nil || conf.ReadyTimeout == 0 {
		panic(fmt.Sprintf("tend: supervisor %q: ReplaceWhenReady with a service that has no Child.ReadyTimeout", s.name))
	}
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	to := newCall()
	n.sup.wish(overlap{n, n.sup.newRecord(svc, n), to})
	select {
	case err := <-to:
		return err
	case <-ctx.Done():
		n.sup.post(unwait{n, to})
		return context.Cause(ctx)
	}
}

// checkReplace finds whose place svc is to take. It panics at settings that make no sense.
func (s *Supervisor) checkReplace(t ServiceToken, svc Service) (*node, error) {
	s.made()
	if svc == nil {
		panic(fmt.Sprintf("tend: supervisor %q: Replace with a nil Service", s.name))
	}
	if conf := asChild(svc); conf != nil {
		conf.check()
	}
	n, err := s.find(t)
	if err == nil && n.gone.has() {
		err = ErrRemoved
	}
	if err == nil {
		err = n.mayReplace()
	}
	return n, err
}

// Resume lets the pause of the supervisor itself, if there is one, end after a time:
// at once if that is 0 or less. Those that wait for its end are started then. What was
// suspended stays so: [Supervisor.Restart] is for that. [Supervisor.Nested] is the
// supervisor whose pause it is, if that is further below.
func (s *Supervisor) Resume(after time.Duration) {
	s.made()
	s.wish(resume{after})
}

// Stacks returns the stacks that the goroutines of a service have now, as text. They
// are found by their pprof label, which goroutines that the service starts inherit;
// looking stops the program for about 9 µs for each goroutine that it has. What was
// found serves all who ask within a second.
//
// It returns an error if there are more than 100,000 goroutines, if there is none of
// the service, or if [Spec].NoLabels is set; [ErrWrongSupervisor] as other methods do.
func (s *Supervisor) Stacks(t ServiceToken) (string, error) {
	n, err := s.find(t)
	if err != nil {
		return "", err
	}
	var of stackOf
	n.sup.query(func(*plan, instant) { of = n.holder().shown().stackOf() })
	return n.sup.stacksOf(of)
}

// Services are the services as they were added, in that order, less those that
// have left or are to.
func (s *Supervisor) Services() []Service {
	s.made()
	var services []Service
	s.query(func(p *plan, _ instant) { services = p.services() })
	return services
}

// query has read, which must only copy, run on the plan, and waits for it.
func (s *Supervisor) query(read func(p *plan, now instant)) {
	to := newCall()
	s.post(query{read, to})
	<-to
}

// WaitReady waits until every service has been running at once since Serve
// began, and returns nil then, also later. Services that are done or suspended
// do not count, those that failed for good do. It returns the cause of ctx if
// that ends before, and [ErrStopped] if the supervisor stops before. While it is
// not served WaitReady waits for that.
func (s *Supervisor) WaitReady(ctx context.Context) error {
	s.made()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t := s.term.Load()
	select {
	case <-t.ready.happened():
		return nil
	case <-t.ended.happened():
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop stops all services and waits until Serve has returned, which it does with
// nil. It does nothing while the supervisor is not served. Called by a service
// or from a hook it cannot wait for all that, as Serve waits for those: for a
// service as long as its timeout, for a hook a moment. What did not stop in
// time, [Supervisor.UnstoppedServices] tells.
//
// A nested supervisor that is stopped so has returned nil, and that means what it
// means of a service: a Permanent one has failed, and is served again. To keep it
// down, call [Supervisor.Suspend] of the one above.
func (s *Supervisor) Stop() {
	s.made()
	t := s.term.Load()
	if !t.begun.Load() {
		return
	}
	s.post(shutdown{term: t.number, cause: known(ErrStopped), by: never})
	<-t.ended.happened()
}

// UnstoppedServices are the services of the whole tree below that are on the
// books: they were asked to stop, did not return within their timeout and still
// have not, whether or not they have been removed. It tells the events with which
// they were reported, in that order.
func (s *Supervisor) UnstoppedServices() []ServiceStuck {
	s.made()
	return s.ledger.list()
}
