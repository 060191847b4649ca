package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend/internal/stopped"
)

// ErrLost: the lock ended, or is about to, before the work had. It is what the
// cause of the work's context is, and what Hold returns. A Renew that returns an
// error that is ErrLost says that the lock is gone for sure: then there is no
// point in trying again.
var ErrLost = errors.New("tend/lease: the lock is lost")

// patience bounds Release, and how long Hold waits for a Renew that ignores its
// context before it releases.
const patience = 10 * time.Second

// Lease says how a lock is kept. A Lease may be used by many goroutines at once if
// its functions may.
type Lease struct {
	// Acquire gets the lock. An error says that it did not, unless the context is
	// done by then or the error is a cancellation or a timeout (of a connection,
	// say): then nobody knows what the store did last, and Release is called. Nil: the
	// caller has got it just before Hold; then Margin must also cover the time that
	// this took.
	Acquire func(ctx context.Context) error

	// Renew makes the lock last for TTL from now on. It must return soon after its
	// context is done, and is called in a goroutine of its own, never twice at
	// once. Its context has the values of Hold's, ends after Every, and is not
	// cancelled with Hold's.
	Renew func(ctx context.Context) error

	// Release gives the lock back. It must do nothing to a lock that somebody else
	// has got since, or that Acquire has not got after all. It is called in the goroutine of Hold; its context has the
	// values of Hold's, is not cancelled with it, and ends after 10 s.
	Release func(ctx context.Context) error

	// TTL is how long the lock lasts if it is not renewed. It must be positive.
	TTL time.Duration

	// Every is the time from the start of one renewal to the start of the next,
	// successful or not. Default: TTL/5, which leaves three attempts before the
	// lock counts as lost. (Clair's lock lasts 10 minutes and is renewed every 2.)
	Every time.Duration

	// Margin is how long before the end of the lock the work is told that it is
	// lost: the time that it needs to stop. Default: Every. Every and Margin
	// together must be less than TTL, or no renewal could come in time.
	Margin time.Duration

	// MaxHold, if positive, is how long the work may have the lock. After that it
	// is told as if the lock were lost, with a cause that is also
	// [context.DeadlineExceeded], and there are no more renewals: also the lock of
	// work that hangs, and ignores its context, ends within TTL.
	MaxHold time.Duration
}

// Validate returns an error that names the first setting that makes no sense.
func (l Lease) Validate() error {
	_, err := l.complete()
	return err
}

// complete returns l with its defaults.
func (l Lease) complete() (Lease, error) {
	switch {
	case l.TTL <= 0:
		return l, fmt.Errorf("tend/lease: Lease.TTL is %v", l.TTL)
	case l.Every < 0:
		return l, fmt.Errorf("tend/lease: Lease.Every is %v", l.Every)
	case l.Margin < 0:
		return l, fmt.Errorf("tend/lease: Lease.Margin is %v", l.Margin)
	case l.MaxHold < 0:
		return l, fmt.Errorf("tend/lease: Lease.MaxHold is %v", l.MaxHold)
	}
	if l.Every == 0 {
		l.Every = max(l.TTL/5, 1)
	}
	if l.Margin == 0 {
		l.Margin = l.Every
	}
	if l.Every >= l.TTL-l.Margin {
		return l, fmt.Errorf("tend/lease: Lease.Every %v and Margin %v leave no time to renew within TTL %v", l.Every, l.Margin, l.TTL)
	}
	return l, nil
}

// Hold acquires the lock, runs f while renewing it, and releases it. It returns
// what f returned, and:
//
//   - the error of Acquire, if that failed; f was not called then, and Release only
//     if the error leaves open who has the lock;
//   - an error that is ErrLost, the last failure of Renew and what f returned, if
//     the lock was lost, or held for MaxHold. That f returned nil does not change it:
//     the end of its work may have been done without the lock;
//   - joined to that, a [*ReleaseError], if Release failed.
//
// If ctx is done before f would be called, it is not called, and the result is an
// error that is both ctx.Err() and its cause. A Lease that is not valid is an
// error that names the setting; nothing is called then. Hold panics if f, Renew or
// Release is nil. A panic of a callback continues in the goroutine of Hold after
// the lock was released.
func (l Lease) Hold(ctx context.Context, f func(ctx context.Context) error) (err error) {
	l.mustHave(f)
	if l, err = l.complete(); err != nil {
		return err
	}
	asked := time.Now()
	if l.Acquire != nil {
		if err := l.acquire(ctx); err != nil {
			return err
		}
	}
	defer func() { err = l.release(ctx, err) }()
	return l.work(ctx, asked, f)
}

func (l Lease) mustHave(f func(context.Context) error) {
	switch {
	case f == nil:
		panic("tend/lease: Hold: f is nil")
	case l.Renew == nil:
		panic("tend/lease: Hold: Renew is nil")
	case l.Release == nil:
		panic("tend/lease: Hold: Release is nil")
	}
}

// acquire calls Acquire, and Release if it is not known what that came to: an error
// that leaves it open, a panic, runtime.Goexit.
func (l Lease) acquire(ctx context.Context) (err error) {
	if err := stopped.Err(ctx); err != nil {
		return err
	}
	open := true
	defer func() {
		if open {
			err = l.release(ctx, err)
		}
	}()
	if err = l.Acquire(ctx); err != nil {
		open = ctx.Err() != nil || wasCutOff(err)
		return fmt.Errorf("tend/lease: acquire: %w", err)
	}
	open = false
	return nil
}

// wasCutOff tells whether err says that somebody stopped waiting for the answer.
func wasCutOff(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.Canceled) || errors.As(err, &timeout) && timeout.Timeout()
}

// work runs f until it returns, and a keeper as long.
func (l Lease) work(ctx context.Context, asked time.Time, f func(context.Context) error) (err error) {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	k := l.keep(work, asked, cancel)
	defer func() { err = join(k.stop(), err) }()
	if err := stopped.Err(work); err != nil {
		return err // the stop came first, or Acquire took all the time that there was
	}
	return f(stopped.Between(ctx, work))
}

// join is lost and err as one error, without saying twice what is the same.
func join(lost, err error) error {
	switch {
	case lost == nil || errors.Is(err, lost):
		return err
	case err == nil:
		return lost
	}
	return fmt.Errorf("%w: %w", lost, err)
}

// release gives the lock back and adds what went wrong to err.
func (l Lease) release(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if failed := l.Release(ctx); failed != nil {
		return errors.Join(err, &ReleaseError{failed})
	}
	return err
}

// ReleaseError says that a lock could not be released. If it is all that Hold
// returned the work is done, and the lock ends by itself within TTL.
type ReleaseError struct{ Err error }

// Error says that it is the release that failed.
func (e *ReleaseError) Error() string { return "tend/lease: release: " + e.Err.Error() }

// Unwrap returns Err.
func (e *ReleaseError) Unwrap() error { return e.Err }
