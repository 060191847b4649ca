package tend

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/stopped"
)

// explanation is why a supervisor stops, and what that says once it is known. It
// goes down the tree with the stop, so that user code is asked once.
type explanation struct {
	id     uint64
	reason Reason // its Text is set before known happens
	known  latch
}

var lastExplanation atomic.Uint64

// now is the reason, without a text if that is not known yet.
func (e *explanation) now() Reason {
	if e.known.has() {
		return e.reason
	}
	return Reason{Err: e.reason.Err}
}

// explain makes the explanation of a reason. What it says, if that is not known, is
// asked beside, as that is user code.
func (s *Supervisor) explain(r Reason) *explanation {
	e := &explanation{id: lastExplanation.Add(1), reason: r}
	switch {
	case r.Text != "":
	case isPlain(r.Err):
		e.reason = known(r.Err)
	default:
		go func() {
			said := Reason{r.Err, fmt.Sprintf("%T", r.Err)}
			patiently(func() Reason { return s.Reason(r.Err) }, &said)
			e.reason.Text = said.Text // and nothing else: now may be reading the error
			e.known.happen()
		}()
		return e
	}
	e.known.happen()
	return e
}

// isPlain: what a cause says can be asked without running user code.
func isPlain(cause error) bool {
	switch cause.(type) { //nolint:errorlint // what these say is known, not what they wrap
	case *treeEnded, *TooManyFailures:
		return true
	}
	return slices.Contains(plainCauses, cause)
}

var plainCauses = []error{
	context.Canceled, context.DeadlineExceeded, ErrRemoved, ErrSuspended, ErrRestartRequested, ErrSiblingFailed,
	ErrReplaced, ErrUnresponsive, ErrNotReady, ErrStopped, errServeReturned, fault.Err,
}

// patiently runs ask, which is user code, in a goroutine of its own and takes what it
// answers, if that comes in time.
func patiently[T any](ask func() T, answer *T) {
	answers := make(chan T, 1)
	go guard.Do(func() { answers <- ask() })
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	select {
	case *answer = <-answers:
	case <-timer.C:
	}
}

// endOfContext is how a context has ended.
type endOfContext struct {
	err, cause error
	how        string
}

func endOf(ctx context.Context) endOfContext {
	return endOfContext{stopped.Err(ctx), context.Cause(ctx), ctx.Err().Error()}
}

// isPlainContext: ctx answers for its cause itself, and asks no context further up,
// which may be user code.
func isPlainContext(ctx context.Context) bool {
	switch reflect.TypeOf(ctx).String() {
	case "*context.cancelCtx", "*context.timerCtx":
		return true
	default:
		return false
	}
}

// tell begins the stop that the end of ctx asks for.
func (s *Supervisor) tell(ctx context.Context, t *term) {
	if isPlainContext(ctx) {
		end := endOf(ctx)
		why := s.explainEnd(t, end.cause)
		m := s.shutdownFor(t, end, why)
		s.handle(m)
		s.tellWhy(m, why)
		return
	}
	go func() {
		end := endOfContext{err: context.Canceled, cause: context.Canceled}
		patiently(func() endOfContext { return endOf(ctx) }, &end)
		why := s.explainEnd(t, end.cause)
		m := s.shutdownFor(t, end, why)
		s.post(m)
		s.tellWhy(m, why)
	}()
}

// explainEnd notes why the stop begins: what the supervisor above has said, if that
// stops this one.
func (s *Supervisor) explainEnd(t *term, cause error) *explanation {
	var why *explanation
	if t.run != nil {
		why = t.run.why()
	}
	if why == nil {
		why = s.explain(Reason{Err: cause})
	}
	t.why.CompareAndSwap(nil, why) // a stop has one cause, the first
	return why
}

func (s *Supervisor) shutdownFor(t *term, end endOfContext, why *explanation) shutdown {
	m := shutdown{term: t.number, id: why.id, cause: why.now(), result: Reason{Err: end.err}, by: never}
	if !isPlain(end.cause) {
		m.result.Err = &contextEnded{err: end.err, how: end.how}
	}
	if r := t.run; r != nil {
		m.by = r.node.sup.clock.Load().on(s.clock.Load(), r.stopBy())
	}
	return m
}

// tellWhy tells what the cause of a stop says, as soon as that is known, if it was not yet.
func (s *Supervisor) tellWhy(m shutdown, why *explanation) {
	if m.cause.Text != "" {
		return
	}
	go func() {
		<-why.known.happened()
		s.post(explained{why.id, why.reason})
	}()
}

// stopAbove is why this supervisor, or one above it at any height, has begun to stop
// or is about to, as its context has ended. The zero Reason: none has.
func (s *Supervisor) stopAbove() Reason {
	for p := s; p != nil; p = p.above() {
		t := p.term.Load()
		if why := t.why.Load(); why != nil {
			return why.now()
		}
		if t.begun.Load() && t.isAsked() {
			return known(ErrStopped) // why, has not been asked yet
		}
	}
	return Reason{}
}
