package tend

import (
	"errors"

	"github.com/tend-go/tend/internal/guard"
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

// judge finds out what the error says and asks for. That calls methods of the
// error, which may do anything; if they panic or exit, it is a plain failure. A
// panic and an escalation are failures whatever errors they come from.
func (out *outcome) judge() {
	if out == nil {
		return
	}
	switch err := out.why.Err.(type) { //nolint:errorlint // of what wraps an escalation the wrapper's word counts
	case nil:
		out.verdict, out.why.Text = fine, "returned nil"
	case *PanicError:
		out.why.Text = err.Error()
	case *TooManyFailures:
		out.why.Text = err.Error()
	case *contextEnded: // of a supervisor that was asked to stop
		out.why.Text = err.Error()
	default:
		out.why = reasonOf(err)
		guard.Do(func() { out.verdict = verdictOf(err) })
	}
}

func verdictOf(err error) verdict {
	switch {
	case errors.Is(err, ErrTerminateTree):
		return terminate
	case errors.Is(err, ErrDoNotRestart):
		return doNotRestart
	default:
		return failing
	}
}
