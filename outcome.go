package tend

import (
	"errors"
	"time"
)

// outcome is how a run, or a helper, ended.
type outcome struct {
	run      *run
	ran      time.Duration
	err      error       // as returned; *PanicError; ErrGoexit
	text     string      // of err, taken once
	panicked *PanicError // err, if it is the run's own
	verdict  verdict
}

// verdict is what an outcome asks for.
type verdict uint8

const (
	failing verdict = iota
	fine            // nil
	doNotRestart
	terminate
)

// broken is the outcome of what has panicked with v, or if that is nil has called
// runtime.Goexit. It is called by the deferred function that recovered v.
func (r *run) broken(v any) *outcome {
	switch {
	case v == nil:
		return &outcome{run: r, err: ErrGoexit}
	case r.node.sup.plan.spec.PassThroughPanics:
		panic(v)
	default:
		p := newPanicError(v)
		return &outcome{run: r, err: p, panicked: p}
	}
}

// judge finds out what the error asks for and says. That calls methods of the
// error, which may do anything; if they panic or exit, it is a plain failure. A
// panic and an escalation are failures whatever errors they come from.
func (out *outcome) judge() {
	if out == nil {
		return
	}
	if out.err == nil {
		out.verdict, out.text = fine, "returned nil"
		return
	}
	if p := out.panicked; p != nil {
		p.text = panicText(p.Value)
		out.text = p.text
		return
	}
	out.text = textOf(out.err)
	if _, escalated := out.err.(*TooManyFailures); escalated { //nolint:errorlint // wrapped, it is the wrapper's word that counts
		return
	}
	guard(func() {
		switch {
		case errors.Is(out.err, ErrTerminateTree):
			out.verdict = terminate
		case errors.Is(out.err, ErrDoNotRestart):
			out.verdict = doNotRestart
		}
	})
}
