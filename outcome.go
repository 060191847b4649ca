package tend

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"syscall"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/stopped"
)

// newOutcome is how a run, or a helper, ended that returned err.
func (r *run) newOutcome(err error) *outcome { return &outcome{n: r.node, why: Reason{Err: err}} }

// broken is how it ended if it panicked with v or, if that is nil, has called
// runtime.Goexit. The deferred function that recovered v calls it.
func (r *run) broken(v any) *outcome {
	switch {
	case v == nil:
		return r.newOutcome(ErrGoexit)
	case r.node.sup.plan.spec.PassThroughPanics:
		panic(v)
	default:
		return r.newOutcome(newPanicError(v))
	}
}

// judge finds out what the error says and asks for, and whether it says more than
// that ctx has ended. That calls methods of the error, which may do anything; if they
// panic or exit, it is a plain failure. A panic and an escalation are failures
// whatever errors they come from.
func (out *outcome) judge(ctx context.Context) {
	out.news = out.why.Err != nil
	err := out.why.Err
	if err == nil {
		out.verdict, out.why.Text = fine, returnedNil
		return
	}
	if ended, is := err.(*contextEnded); is { //nolint:errorlint // of a supervisor that was asked to stop; it has been asked
		out.why.Text, out.news = ended.Error(), false // and redacted, as the cause was
		return
	}
	if p, is := err.(*PanicError); is && p.isText() { //nolint:errorlint // of the run or helper itself
		// Few frames, and no user code but Redact: more would make the stack of the run grow.
		out.why = Reason{p, out.n.sup.redacted(p, p.Error())}
		return
	}
	if reflect.TypeOf(err) == textError { // most are: it is no other and runs no user code, so nobody is asked or guarded
		out.why.Text, out.verdict = out.n.sup.redacted(err, said.Text(err)), verdictOfText(err)
		cause := context.Cause(ctx)
		out.news = cause == nil || err != cause && (err != context.Canceled || err != ctx.Err()) //nolint:errorlint // see above
		return
	}
	out.why = out.n.sup.Reason(err)
	guard.Do(func() { out.verdict = verdictOf(err) })
	guard.Do(func() { out.news = !isEndOf(ctx, err) })
}

// returnedNil is what is wrong with that, if anything is.
const returnedNil = "returned nil; it is Permanent, and a job that ends is Transient"

// name gives the type as its text to what judging did not come to an end with.
func (out *outcome) name() { out.why.Text = out.why.Error() }

func verdictOf(err error) verdict {
	switch {
	case asks(err, ErrTerminateTree):
		return terminate
	case asks(err, ErrDoNotRestart):
		return doNotRestart
	default:
		return failing
	}
}

// verdictOfText is that of an error which wraps no other.
func verdictOfText(err error) verdict {
	switch {
	case err == ErrTerminateTree: //nolint:errorlint // see above
		return terminate
	case err == ErrDoNotRestart: //nolint:errorlint // see above
		return doNotRestart
	default:
		return failing
	}
}

// asks is errors.Is, except that nothing which made a panic or an escalation is what
// the service asks for. If something wraps those, the wrapper's own word counts.
func asks(err, target error) bool {
	switch err.(type) { //nolint:errorlint // this is the walk
	case nil, *PanicError, *TooManyFailures:
		return false
	}
	if err == target { //nolint:errorlint // this is the walk
		return true
	}
	if e, can := err.(interface{ Is(target error) bool }); can && e.Is(target) {
		return true
	}
	switch e := err.(type) { //nolint:errorlint // this is the walk
	case interface{ Unwrap() error }:
		return asks(e.Unwrap(), target)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(err error) bool { return asks(err, target) })
	}
	return false
}

// isEndOf: ctx has ended, and err says no more than that.
func isEndOf(ctx context.Context, err error) bool {
	if _, is := err.(*PanicError); is { //nolint:errorlint // of the run or helper itself
		return false
	}
	return stopped.Says(ctx, err)
}

// lookAbove takes back that out is news if something above the run is being stopped, and
// the error says no more than why: a service may watch the context of the program. It
// follows judge rather than being part of it, which would take more stack.
func (r *run) lookAbove(out *outcome) {
	if out.news && !r.node.sup.stopAbove().IsZero() {
		guard.Do(func() { out.news = !r.isEndAbove(out.why.Err) })
	}
}

// isEndAbove: a context above that of r has ended, and err says no more than why.
func (r *run) isEndAbove(err error) bool {
	for ; r != nil; r = runOf(r.base) {
		if cause := context.Cause(r.base); cause != nil && errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// The types of the errors that are made by packages errors and fmt, and of what the
// system says: a syscall.Errno, which Plan 9 does not have.
var (
	textError    = reflect.TypeOf(errors.New(""))
	wrappedError = reflect.TypeOf(fmt.Errorf("%w", ErrStopped))
	systemError  = reflect.TypeOf(error(syscall.EINVAL))
)

// isInert: judging err runs no code that may block, since it is made of well-known
// errors alone. So are most; it need not know all.
func isInert(err error) bool {
	switch e := err.(type) { //nolint:errorlint // this is the walk
	case nil, *TooManyFailures:
		return true
	case *PanicError:
		return e == nil || e.isText()
	}
	switch reflect.TypeOf(err) {
	case textError, systemError:
		return true
	case wrappedError:
		return isInert(errors.Unwrap(err))
	}
	return err == context.DeadlineExceeded //nolint:errorlint // of itself alone it is known
}
