package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// Why Do tries no more: [Error].Reason, unless it was stopped.
var (
	// ErrPermanent: the failure cannot get better. Every error made by [Permanent]
	// is ErrPermanent too.
	ErrPermanent = errors.New("permanent failure")
	// ErrLimit: it was the failure that [Policy].Limit does not allow.
	ErrLimit = errors.New("too many failures")
	// ErrElapsed: the next attempt would begin after [Policy].MaxElapsed.
	ErrElapsed = errors.New("out of time")

	// errDeadline: the next attempt would begin when the context is done. What its
	// cause will be is not known before.
	errDeadline = fmt.Errorf("no time for another attempt: %w", context.DeadlineExceeded)
)

// Error is what Do returns if there was no success. errors.Is and errors.As find
// Reason and Err.
type Error struct {
	Attempts int           // how often the function was called
	Elapsed  time.Duration // since Do began

	// Reason is why it was not called again: [ErrPermanent], [ErrLimit],
	// [ErrElapsed] or, if the context is done, an error that is both its Err() and
	// its cause. If the context has a deadline before which there is no time for
	// another attempt, it is an error that is [context.DeadlineExceeded].
	Reason error

	// Err is the last failure: what the function returned last. If the context
	// ended an attempt and that attempt has nothing else to say, it is the failure
	// before. Nil if the context was done before the first attempt.
	Err error
}

// Error says all of it in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("tend/retry: %v after %s in %s", e.Reason, said.Times(e.Attempts, "attempt"), said.Brief(e.Elapsed))
	if e.Err == nil {
		return text
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

// Unwrap returns Reason and Err, without those that are nil.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Reason, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// end makes the error of a Do.
func (t *attempts) end(reason error) error {
	return &Error{Attempts: t.n, Elapsed: time.Since(t.began), Reason: reason, Err: t.last}
}

// Permanent marks err as a failure that cannot get better, so that Do tries no
// more. The mark is found through wrapping; the text and what errors.Is finds are
// err's. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (p *permanentError) Error() string   { return p.err.Error() }
func (p *permanentError) Unwrap() []error { return []error{ErrPermanent, p.err} }

// After marks err so that Do waits for d before the next attempt if the schedule
// would be earlier: without jitter and not bounded by Max, because whoever sent a
// Retry-After knows better. Bound d yourself if you do not trust the sender. A d
// that is shorter than what the schedule says changes nothing: a server that says
// "Retry-After: 0" to everybody must not make Do a loop without a wait, and it says
// when it may be asked again, not that it must be. The limits of the Policy hold as
// always. After(nil, d) is nil.
func After(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &afterError{err, d}
}

type afterError struct {
	err  error
	wait time.Duration
}

func (a *afterError) Error() string { return a.err.Error() }
func (a *afterError) Unwrap() error { return a.err }

// isFinal tells whether err forbids another attempt.
func isFinal(err error) bool {
	return errors.Is(err, ErrPermanent) || errors.Is(err, tend.ErrDoNotRestart) || errors.Is(err, tend.ErrTerminateTree)
}
