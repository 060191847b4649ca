package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// Check finds out whether something is healthy: nil means yes. It must return
// soon after ctx is done; ctx has the deadline of the probe's Timeout. Wrap an
// error with [Warn] to say "works, but look at it"; add facts with [Detail].
//
// A Check that panics has failed. Checks of different probes run at the same
// time, runs of one probe never do.
type Check func(ctx context.Context) error

// What a probe fails with when it is not the check that says so; found with
// errors.Is in Change.Err and Result.Err.
var (
	// ErrTimeout: the check did not return within Probe.Timeout. It is also the
	// [context.Cause] in that check.
	ErrTimeout = errors.New("health: the check did not end in time")
	// ErrStuck: the probe was due again, but its check ignores that its time is
	// over and still runs.
	ErrStuck = errors.New("health: an earlier run of the check has still not ended")
	// ErrSilent: a passive probe has heard nothing for its MaxAge.
	ErrSilent = errors.New("health: nothing was heard")
)

// errGoexit is a check that called [runtime.Goexit], as t.FailNow does.
var errGoexit = errors.New("health: the check called runtime.Goexit")

// PanicError is the failure of a check or callback that panicked.
type PanicError struct {
	Value any    // that it panicked with
	Stack string // where

	text string // of Value, taken once
}

// Error says "panic: " and the value.
func (p *PanicError) Error() string { return p.text }

// Unwrap returns the value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Warn makes err a warning: the result is a success that shows as [Degraded].
// Warn(nil) is nil.
func Warn(err error) error {
	if err == nil {
		return nil
	}
	return &warning{err}
}

type warning struct{ error }

func (w *warning) Unwrap() error { return w.error }

// Detail adds facts to the result of the check that runs under ctx: they are
// reported, logged and shown with it. Values are kept as text unless they are
// plain numbers, times or the like; at most 32 of them. It may be called from any
// goroutine of the check while that runs; elsewhere it does nothing.
func Detail(ctx context.Context, attrs ...slog.Attr) {
	if r, ok := ctx.Value(runKey{}).(*run); ok {
		r.detail(freeze(attrs, maxDepth))
	}
}

// outcome is one result, with all that has to be asked of user code asked.
type outcome struct {
	mark    mark
	err     error
	text    string // of err
	details []slog.Attr
	listed  *listing // by a source that has answered
}

// outcomeOf asks err what it is and says; that may run user code.
func outcomeOf(err error, details []slog.Attr) outcome {
	o := outcome{err: err, text: said.Clean(said.Text(err), maxText), details: details}
	if err != nil {
		o.mark = failed
		if isWarning(err) {
			o.mark = warned
		}
	}
	return o
}

// isWarning asks err, whose Unwrap may panic.
func isWarning(err error) (is bool) {
	var w *warning
	guard.Do(func() { is = errors.As(err, &w) })
	return is
}

// failure is the outcome of a failure that the plan itself has found.
func failure(err error, format string, args ...any) outcome {
	err = fmt.Errorf("%w (%s)", err, fmt.Sprintf(format, args...))
	return outcome{mark: failed, err: err, text: err.Error()}
}

// worsen makes o a failure because of err, one of this package.
func (o *outcome) worsen(err error) {
	text := err.Error()
	if o.err != nil {
		text += "; " + o.text
	}
	o.mark, o.err, o.text = failed, errors.Join(err, o.err), said.Clean(text, maxText)
}
