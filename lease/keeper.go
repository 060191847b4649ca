package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
)

// keeper renews a lock until it is stopped or the lock is lost. Its goroutine
// owns the fields below the line; stop reads them when ended is closed.
type keeper struct {
	lease  Lease
	cancel func(cause error)
	done   chan struct{} // closed by stop
	ended  chan struct{} // closed when the goroutine is through
	// ---
	bound   time.Time // when the work has had the lock for MaxHold; zero: never
	held    time.Time // the lock is known to be held for TTL from here
	next    time.Time // when the next renewal is due
	failure error     // what the last renewal since held said
	lost    error     // why the lock is lost
	crash   *tend.PanicError
}

// keep starts a keeper of a lock that was asked for at that time. It calls cancel
// when the lock is lost. Whoever calls keep must call stop.
func (l Lease) keep(ctx context.Context, asked time.Time, cancel func(cause error)) *keeper {
	k := &keeper{
		lease: l, cancel: cancel,
		done: make(chan struct{}), ended: make(chan struct{}),
		held: asked, next: asked.Add(l.Every),
	}
	now := time.Now()
	if end, _ := k.end(); !now.Before(end) {
		k.lose(errors.New("it took too long to get"))
	}
	if l.MaxHold > 0 {
		k.bound = now.Add(l.MaxHold)
	}
	go k.run(context.WithoutCancel(ctx))
	return k
}

// stop ends the keeper and returns why the lock was lost, if it was. A panic of
// Renew continues here.
func (k *keeper) stop() error {
	close(k.done)
	<-k.ended
	if k.crash != nil {
		panic(k.crash)
	}
	return k.lost
}

// end is when the lock counts as lost if it is not renewed before, and why it does
// then.
func (k *keeper) end() (time.Time, error) {
	end := k.held.Add(k.lease.TTL - k.lease.Margin)
	if k.bound.IsZero() || end.Before(k.bound) {
		return end, k.failure
	}
	return k.bound, fmt.Errorf("MaxHold %v is over: %w", k.lease.MaxHold, context.DeadlineExceeded)
}

// run renews until the end. A program that was frozen may wake up long after it:
// then it is too late for a renewal, whatever that would say.
func (k *keeper) run(ctx context.Context) {
	defer close(k.ended)
	for k.lost == nil {
		end, why := k.end()
		switch {
		case !k.sleep(earlier(k.next, end)):
			return
		case !time.Now().Before(end):
			k.lose(why)
		default:
			k.renew(ctx, end, why)
		}
	}
}

// sleep waits until t and returns true, or false as soon as stop is called.
func (k *keeper) sleep(t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-k.done:
		return false
	}
}

// renew calls Renew and waits for the answer, for the end or for stop. After the
// last two it gives the call a moment to return, so that it cannot prolong a lock
// that is released next.
func (k *keeper) renew(ctx context.Context, end time.Time, why error) {
	began := time.Now()
	k.next = began.Add(k.lease.Every)
	ctx, cancel := context.WithDeadline(ctx, earlier(k.next, end))
	defer cancel()
	answers := make(chan answer, 1)
	go call(ctx, k.lease.Renew, answers)

	late := time.NewTimer(time.Until(end))
	defer late.Stop()
	select {
	case a := <-answers:
		k.answered(began, a, end, why)
	case <-late.C:
		k.lose(why)
		k.await(answers)
	case <-k.done:
		cancel()
		k.await(answers)
	}
}

// answered takes note of what a renewal came to that began at that time. An answer
// that is seen after the end is too late: both may be there at once, and select has
// no favourite.
func (k *keeper) answered(began time.Time, a answer, end time.Time, why error) {
	k.crash = a.crash
	switch {
	case a.crash != nil, errors.Is(a.err, ErrLost):
		k.lose(a.err)
	case !time.Now().Before(end):
		k.lose(why)
	case a.err == nil:
		k.held, k.failure = began, nil
	default:
		k.failure = a.err
	}
}

// await waits a bounded time for an answer that changes nothing any more.
func (k *keeper) await(answers <-chan answer) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case a := <-answers:
		k.crash = a.crash
	case <-t.C:
	}
}

// lose tells the work that the lock is lost.
func (k *keeper) lose(why error) {
	switch {
	case why == nil:
		k.lost = fmt.Errorf("%w: no renewal was answered", ErrLost)
	case errors.Is(why, ErrLost):
		k.lost = why
	default:
		k.lost = fmt.Errorf("%w: %w", ErrLost, why)
	}
	k.cancel(k.lost)
}

// answer is what a renewal came to.
type answer struct {
	err   error
	crash *tend.PanicError // which err is then: one that Renew returns is an error like any
}

// call calls renew and sends what it came to, however it ends.
func call(ctx context.Context, renew func(context.Context) error, answers chan<- answer) {
	a := answer{err: errors.New("tend/lease: Renew called runtime.Goexit")}
	defer func() { answers <- a }()
	a.err = guard.Try(func() error { return renew(ctx) }, func(v any) error {
		a.crash = &tend.PanicError{Value: v, PCs: goroutines.Callers(2)}
		return a.crash
	})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
