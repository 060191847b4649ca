package health

import (
	"context"
	"errors"
	"log/slog"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
)

// Check finds out whether something is healthy: nil means yes. It must return
// soon after ctx is done; ctx has the deadline of the probe's Timeout. Wrap an
// error with [Warn] to say "works, but look at it"; add facts with [Detail].
//
// A Check that panics has failed, with a [*tend.PanicError]. Checks of different
// probes run at the same time, runs of one probe never do.
type Check func(ctx context.Context) error

// What a probe fails with if it is not the check that says so; errors.Is finds them
// in Change.Err and Result.Err.
var (
	// ErrTimeout: the check did not return within Probe.Timeout. It is also the
	// [context.Cause] in that check.
	ErrTimeout error = errTimeout
	// ErrStuck: the probe was due again, but its check ignores that its time is
	// over and still runs.
	ErrStuck error = errStuck
	// ErrSilent: a passive probe has heard nothing for its MaxAge.
	ErrSilent error = errSilent
)

var (
	errTimeout = &fault{text: "the check did not end in time"}
	errStuck   = &fault{text: "an earlier run of the check has still not ended"}
	errSilent  = &fault{text: "nothing was heard"}
	errGoexit  = &fault{text: "the check called runtime.Goexit"} // as t.FailNow does
)

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

// outcome is one result. All that user code has to be asked about it has been asked.
type outcome struct {
	mark    mark
	err     tend.Reason
	details []slog.Attr
	listed  *listing // by a source that has answered
}

// outcomeOf asks err what it is and says, which why does; that may run user code.
func outcomeOf(err error, why func(error) tend.Reason, details []slog.Attr) outcome {
	o := outcome{err: why(err), details: details}
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
func failure(f *fault) outcome { return outcome{mark: failed, err: reasonOf(f)} }

// worsen makes o a failure because of err, one of this package.
func (o *outcome) worsen(err error) {
	f := &fault{err.Error(), errors.Join(err, o.err.Err)}
	if !o.err.IsZero() {
		f.text += "; " + o.err.Error()
	}
	o.mark, o.err = failed, reasonOf(f)
}
