package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/lease"
	"github.com/tend-go/tend/periodic"
	"github.com/tend-go/tend/retry"
)

// sender brings notifications to somebody.
type sender interface {
	name() string
	// send must return soon after ctx is done. Errors are retried unless they are
	// marked with retry.Permanent, and not before what retry.After says.
	send(ctx context.Context, n notification) error
}

// notifier takes notifications from the store, one by one, and sends each to all
// senders. It keeps nothing in memory that the store does not know, so it can be
// stopped, restarted and doubled at any moment.
type notifier struct {
	store   store
	senders []sender
	owner   string // in the store; no two notifiers may have the same

	poll     time.Duration // how often to look for work when there is none
	backoff  tend.Backoff  // of one sender and one notification
	attempts int           // of them
	timeout  time.Duration // of one attempt
	lockTTL  time.Duration // without renewal; it is renewed every fifth of it

	untilEmpty bool // the job is over when the store is empty
	log        *slog.Logger
	report     func(s sender, err error) // what came of an attempt
}

// job is the service. A poll works until nothing is due; the next one begins one
// interval after its end: what was given up in it was just now.
func (n *notifier) job() *periodic.Job {
	return &periodic.Job{Name: "poll", Run: n.drain, Interval: n.poll, Rest: n.poll, Logger: n.log}
}

// errDisabled ends a notifier without senders.
var errDisabled = errors.New("disabled: there is nobody to send to")

// drain processes notifications until nothing is due. Without senders it touches
// none: what everybody of nobody has got would be finished, and lost.
func (n *notifier) drain(ctx context.Context) error {
	if len(n.senders) == 0 {
		return fmt.Errorf("%w: %w", errDisabled, tend.ErrDoNotRestart)
	}
	for ctx.Err() == nil {
		m, err := n.store.next(ctx)
		if errors.Is(err, errEmpty) {
			return n.over(ctx)
		}
		if err != nil {
			return fmt.Errorf("looking for work: %w", err)
		}
		tend.Alive(ctx)
		if err := n.process(ctx, m); err != nil {
			return fmt.Errorf("notification %q: %w", m.ID, err)
		}
	}
	return context.Cause(ctx)
}

// over is what a poll ends with.
func (n *notifier) over(ctx context.Context) error {
	if !n.untilEmpty {
		return nil
	}
	if size, err := n.store.size(ctx); err != nil || size > 0 {
		return err
	}
	return fmt.Errorf("the queue is empty: %w", tend.ErrDoNotRestart)
}

// process works on one notification under its lock. That somebody else has the
// lock, or gets it, is no error: then it is theirs.
func (n *notifier) process(ctx context.Context, m notification) error {
	lock := lease.Lease{
		TTL:     n.lockTTL,
		Acquire: func(ctx context.Context) error { return n.store.lock(ctx, m.ID, n.owner, n.lockTTL) },
		Renew:   func(ctx context.Context) error { return n.store.extend(ctx, m.ID, n.owner, n.lockTTL) },
		Release: func(ctx context.Context) error { return n.store.unlock(ctx, m.ID, n.owner) },
	}
	err := lock.Hold(ctx, func(ctx context.Context) error { return n.deliver(ctx, m) })
	if errors.Is(err, errLocked) || errors.Is(err, lease.ErrLost) {
		n.log.LogAttrs(ctx, slog.LevelWarn, "left to others", slog.String("id", m.ID), slog.Any("error", err))
		return nil
	}
	return err
}

// deliver sends m to all senders that have not got it. They do not wait for each
// other: one that is down must not delay the rest.
//
// What was given up is due again after a whole poll interval, not at once. A stop
// is not giving up: then nothing is postponed.
func (n *notifier) deliver(ctx context.Context, m notification) error {
	sent, err := n.store.sentTo(ctx, m.ID)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	failed := make([]error, len(n.senders))
	for i, s := range n.senders {
		if !sent[s.name()] {
			wg.Go(func() { failed[i] = n.sendTo(ctx, s, m) })
		}
	}
	wg.Wait()
	switch err := errors.Join(failed...); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return n.store.finish(ctx, m.ID, n.owner)
	default:
		n.log.LogAttrs(ctx, slog.LevelError, "gave up for now", slog.String("id", m.ID), slog.Any("error", err))
		return n.store.postpone(ctx, m.ID, n.owner, time.Now().Add(n.poll))
	}
}

// sendTo sends m to one sender until it has it or this is given up, and notes it.
func (n *notifier) sendTo(ctx context.Context, s sender, m notification) error {
	policy := retry.Policy{Backoff: n.backoff, Limit: tend.Limit{N: n.attempts}, OnRetry: func(attempt int, err error, wait time.Duration) {
		n.log.LogAttrs(ctx, slog.LevelWarn, "trying again", slog.String("id", m.ID), slog.String("sender", s.name()),
			slog.Int("attempt", attempt), slog.Duration("in", wait), slog.Any("error", err))
	}}
	err := policy.Do(ctx, func(ctx context.Context) error {
		err := n.attempt(ctx, s, m)
		if ctx.Err() == nil {
			n.report(s, err) // a stop says nothing about the receiver
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name(), err)
	}
	return n.note(ctx, s, m)
}

// attempt sends m to s once. A panic is a failure like others: it happens in a
// goroutine that no supervisor watches.
func (n *notifier) attempt(ctx context.Context, s sender, m notification) (err error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return s.send(ctx, m)
}

// note records that a sender has the notification. The message is out: whatever
// cannot be recorded is sent again some day. So a stop does not prevent it, it only
// has to be quick.
func (n *notifier) note(ctx context.Context, s sender, m notification) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return retry.Do(ctx, tend.Backoff{Min: 100 * time.Millisecond, Max: time.Second}, func(ctx context.Context) error {
		return n.store.sent(ctx, m.ID, s.name())
	})
}
