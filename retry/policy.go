package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/stopped"
	"github.com/tend-go/tend/internal/tally"
)

// The schedule of a Backoff whose Min is 0. First delay and jitter are those with
// which gRPC connects again; the longest is a minute because more would look dead.
const (
	defaultMin    = time.Second
	defaultMax    = time.Minute
	defaultJitter = 0.2
)

// Policy says when a failed call is made again, and for how long. The zero
// Policy waits 1 s, 2 s, 4 s … up to 1 min, each with up to 20 % of jitter, for
// ever. A Policy may be used by many goroutines at once.
type Policy struct {
	// Backoff is the schedule, by the rules of a supervised service with one
	// difference: a Min of 0, which lets a service restart at once, means the
	// default here (Min 1 s, or Max if that is less; and where they are 0, Max 1 min
	// and Jitter 0.2). To try again at once, set it to 1 ns.
	Backoff tend.Backoff

	// Limit is how many failures are one too many. Default: there is no limit.
	Limit tend.Limit

	// MaxElapsed, if positive, is the age of Do after which no attempt but the first
	// begins: one may begin at exactly that age, and a wait that would last beyond it
	// is not begun. It does not cut short an attempt that is under way; a context with
	// a deadline does.
	MaxElapsed time.Duration

	// OnRetry, if set, is called in the caller's goroutine before each wait: after
	// the attempt-th attempt (from 1) failed with err.
	OnRetry func(attempt int, err error, wait time.Duration)
}

// Validate returns an error that names the first setting that makes no sense.
func (p Policy) Validate() error {
	if err := cmp.Or(p.Backoff.Validate(), p.Limit.Validate()); err != nil {
		return fmt.Errorf("tend/retry: Policy: %w", err)
	}
	if p.MaxElapsed < 0 {
		return fmt.Errorf("tend/retry: Policy.MaxElapsed is %v", p.MaxElapsed)
	}
	return nil
}

// Delay is the wait after the n-th failure in a row, counted from 1, without
// jitter. It is pure and saturates at Backoff.Max for any n.
func (p Policy) Delay(n int) time.Duration { return p.backoff().Delay(n) }

// backoff is Backoff with the defaults of a Min of 0.
func (p Policy) backoff() tend.Backoff {
	b := p.Backoff
	if b.Min > 0 {
		return b
	}
	if b.Max == 0 {
		b.Max = defaultMax
	}
	if b.Jitter == 0 {
		b.Jitter = defaultJitter
	}
	b.Min = min(defaultMin, b.Max)
	return b
}

// Do calls f until it succeeds, as [Policy.Do] does with this Backoff.
func Do(ctx context.Context, b tend.Backoff, f func(ctx context.Context) error) error {
	return Policy{Backoff: b}.Do(ctx, f)
}

// Do calls f until it returns nil. Otherwise it returns an [*Error]: f failed for
// good ([ErrPermanent]), too often ([ErrLimit]) or for too long ([ErrElapsed]), or
// ctx is done, or would be before the next attempt: a wait that would last until the
// deadline of ctx or beyond is not begun, and Do returns at once. If ctx is done
// before the first attempt, f is not called.
//
// A Policy that is not valid is an error that names the setting. Do panics if f
// is nil.
func (p Policy) Do(ctx context.Context, f func(ctx context.Context) error) error {
	if f == nil {
		panic("tend/retry: Do: the function is nil")
	}
	if err := p.Validate(); err != nil {
		return err
	}
	p.Backoff = p.backoff()
	t := attempts{began: time.Now()}
	for {
		if err := t.timeFor(ctx, p, 0); err != nil {
			return t.end(err)
		}
		started := time.Now()
		err := f(ctx)
		if err == nil {
			return nil
		}
		wait, reason := t.failed(ctx, p, time.Since(started), err)
		if reason == nil && p.OnRetry != nil {
			p.OnRetry(t.n, err, wait)
			reason = t.timeFor(ctx, p, wait)
		}
		if reason == nil {
			reason = Sleep(ctx, wait)
		}
		if reason != nil {
			return t.end(reason)
		}
	}
}

// attempts is what one Do has counted.
type attempts struct {
	began time.Time
	n     int
	tally tally.Tally
	last  error
}

// failed counts a failure after an attempt that lasted ran. It returns how long
// to wait before the next attempt, or the reason why there is none.
//
// That ctx is done comes before all other reasons: an attempt that failed because
// of the stop must not look like the one that was too many.
func (t *attempts) failed(ctx context.Context, p Policy, ran time.Duration, err error) (time.Duration, error) {
	t.n++
	if stop := stopped.Err(ctx); stop != nil {
		if t.last == nil || !stopped.Says(ctx, err) {
			t.last = err
		}
		return 0, stop
	}
	t.last = err
	failures := t.tally.Fail(time.Since(t.began), p.Limit.Within, ran >= p.Backoff.ResetAfter())
	wait := t.wait(p.Backoff, err)
	switch {
	case isFinal(err):
		return 0, ErrPermanent
	case p.Limit.N > 0 && failures >= p.Limit.N:
		return 0, ErrLimit
	}
	return wait, t.timeFor(ctx, p, wait)
}

// timeFor is nil, or why no attempt may begin after a wait that begins now. It is
// asked again after the wait and after OnRetry, which takes what time it likes: both
// may end late, and a program may be frozen.
func (t *attempts) timeFor(ctx context.Context, p Policy, wait time.Duration) error {
	if err := stopped.Err(ctx); err != nil {
		return err
	}
	if p.MaxElapsed > 0 && t.n > 0 && wait > p.MaxElapsed-time.Since(t.began) {
		return ErrElapsed
	}
	if deadline, ok := ctx.Deadline(); ok && wait >= time.Until(deadline) {
		return errDeadline
	}
	return nil
}

// wait is what the schedule says, or what err asks for if that is longer.
func (t *attempts) wait(b tend.Backoff, err error) time.Duration {
	wait := b.Spread(b.Delay(t.tally.Streak), rand.Float64())
	var after *afterError
	if errors.As(err, &after) {
		return max(wait, after.wait)
	}
	return wait
}

// Sleep waits for d, or until ctx is done. Then it returns an error that is both
// ctx.Err() and the context's cause, at once and without leaving a timer behind.
// It returns nil otherwise; with d of 0 or less, at once. If ctx is done already
// the error comes first.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := stopped.Err(ctx); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return stopped.Err(ctx)
	}
}
