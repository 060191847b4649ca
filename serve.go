package tend

import (
	"context"
	"fmt"
	"runtime/pprof"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/stopped"
	"github.com/thejerf/abtime"
)

// Serve starts the services and keeps them alive until ctx ends, Stop is called
// or the tree ends itself; then it stops them and returns. It returns
//   - after ctx ended: an error that is (errors.Is) both ctx.Err() and the cause;
//     at once, with nothing started, if ctx had ended before;
//   - after Stop: nil;
//   - after a service returned [ErrTerminateTree]: an error that wraps what it
//     returned; with [Spec].KeepTermination one that is [ErrDoNotRestart];
//   - after an escalation: [*TooManyFailures];
//   - after the last significant service ended: its error, or one that is
//     [ErrDoNotRestart].
//
// Contexts of services carry the values and the deadline of ctx, but not its end:
// each service is told to stop when its turn comes. Once it, or a supervisor above,
// has begun to stop, whatever a service returns is its end as asked and no failure,
// and nothing is started any more. Serve can be called again after it returned, and
// has its services still. It panics while it is being served, and when ctx is nil.
func (s *Supervisor) Serve(ctx context.Context) error {
	t, err := s.begin(ctx)
	if err != nil {
		return err
	}
	return s.serve(ctx, t)
}

// ServeBackground is Serve in a goroutine of its own; the channel gets what Serve
// returns. When ServeBackground returns the supervisor is being served. It panics
// where Serve does.
func (s *Supervisor) ServeBackground(ctx context.Context) <-chan error {
	result := make(chan error, 1)
	t, err := s.begin(ctx)
	if err != nil {
		result <- err
		return result
	}
	go func() { result <- s.serve(ctx, t) }()
	return result
}

// begin makes the caller the owner of the plan, until serve ends.
func (s *Supervisor) begin(ctx context.Context) (*term, error) {
	s.made()
	if ctx == nil {
		panic(fmt.Sprintf("tend: supervisor %q: Serve with a nil context", s.name))
	}
	if ctx.Err() != nil {
		return nil, stopped.Err(ctx)
	}
	f := s.footingOf(ctx)
	if !s.inbox.open() {
		panic(fmt.Sprintf("tend: supervisor %q is already being served", s.Path()))
	}
	t := s.term.Load()
	if t.begun.Load() { // the last Serve is about to return
		t = &term{before: t.lastStop()}
		s.term.Store(t)
	}
	t.footing, t.number = f, s.plan.term+1
	t.begun.Store(true)
	settled := false
	defer func() {
		if !settled { // it would be below itself, or its clock has panicked
			s.undo(t)
		}
	}()
	s.settleIn(t)
	settled = true
	return t, nil
}

// undo ends a Serve that has not begun, as if it had not been called. What has come meanwhile is
// carried out; the clock is somebody's, and may panic again.
func (s *Supervisor) undo(t *term) {
	s.exit()
	s.term.CompareAndSwap(t, &term{before: t.lastStop()})
	t.ended.happen()
	s.inbox.close(func(rest []message) {
		for _, m := range rest {
			guard.Do(func() { s.handle(m) })
		}
		clear(rest)
	})
}

// footingOf asks the context all that there is to know, in the goroutine of the caller and
// before anything is changed: it may be user code, and panic.
func (s *Supervisor) footingOf(ctx context.Context) footing {
	f := footing{run: runOf(ctx), ctx: ctx, base: ctx}
	f.direct = f.run.isSupervisor(s)
	f.faults = faultsOf(f.run, ctx)
	if !f.direct || f.faults != nil { // else it is poked
		f.done = ctx.Done()
	}
	if !s.plan.spec.NoLabels && (!f.direct || f.run.node.sup.plan.spec.NoLabels) { // else the context has labels on top
		f.base = pprof.WithLabels(ctx, pprof.Labels())
	}
	return f
}

// settleIn learns from the call where in a tree the supervisor is: its path, its clock,
// where its events go.
func (s *Supervisor) settleIn(t *term) {
	r := t.run
	s.enter(r)
	spec, c := &s.plan.spec, s.givenClock()
	if c == nil {
		c = abtime.NewRealTime()
	}
	t.path = s.placeServed(r)
	s.plan.path = t.path
	s.setClock(c)
	s.since = s.clock.Load().now()
	switch {
	case spec.EventHook != nil:
	case r == nil && t.faults == nil: // a test has its tape
		log := newFoldLog(nil)
		s.setHook(func(e Event) { log.log(context.Background(), e) }, log.wantsDetails)
	default:
		s.setHook(nil, nil)
	}
}

// serve is the loop, and what comes before and after.
func (s *Supervisor) serve(ctx context.Context, t *term) error {
	r := t.run
	tells := r != nil && !t.direct
	if tells {
		r.post(nested{r.node, r.number, s})
	}
	result := s.loop(ctx, t)
	if tells {
		r.post(nested{r.node, r.number, nil})
	}
	if r == nil {
		s.drain()
	}
	s.exit()
	s.term.CompareAndSwap(t, &term{before: t.lastStop()})
	t.ended.happen()
	return result
}

// loop is the one goroutine that owns the plan while the supervisor is served. It
// waits for nothing but messages. Whatever comes, and however fast, the end of ctx is
// noticed after each batch, and so is the end of the stop.
func (s *Supervisor) loop(ctx context.Context, t *term) error {
	s.handle(start{t.number, s.stopAbove()})
	told, stopping := false, t.done
	for {
		batch := s.inbox.take()
		if !told && t.isAsked() { // first: what services do because of it comes after it
			told, stopping = true, nil // once is enough
			s.tell(ctx, t)
		}
		s.handleAll(batch)
		switch {
		case s.plan.finished():
			return s.finish()
		case len(batch) == 0:
			s.inbox.await(stopping)
		}
	}
}

// finish is the last thing that the loop does. What has been asked meanwhile is
// answered by a supervisor that is not served.
func (s *Supervisor) finish() (result error) {
	s.inbox.close(func(rest []message) {
		if !s.plan.stop.result.IsZero() {
			result = failureOf(s.plan.stop.result)
		}
		if ended, is := result.(*contextEnded); is { //nolint:errorlint // it is this very one
			ended.text = ended.how + ": " + s.plan.stop.cause.Error()
		}
		s.handle(over{})
		s.since = s.clock.Load().now()
		for _, m := range rest {
			s.handle(m)
		}
		clear(rest)
		s.forget()
	})
	return result
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
