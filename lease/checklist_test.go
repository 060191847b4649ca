package lease_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/lease"
)

// The lock of 10 minutes is known to be lost after 8: two minutes before anybody
// else can have it, in the middle of whatever the work is doing.
func TestTheLossIsKnownBeforeTheLockEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		err := clair(l, always(errStore)).Hold(t.Context(), workFor(l, time.Hour, nil))
		is(t, err, lease.ErrLost, errStore)
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "8m0s stopped", "8m0s release, <nil>")
	})
}

// It has the values of the context that was cancelled.
func TestAfterAStopReleaseGetsALiveAndBoundedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		cause := errors.New("operator said so")
		ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
		time.AfterFunc(3*time.Minute, func() { cancel(cause) })
		l := newLog()
		ls := clair(l, always(nil))
		ls.Release = func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			l.add("release with %v, %v, %v", ctx.Value(key{}), ctx.Err(), time.Until(deadline))
			<-ctx.Done()
			return ctx.Err()
		}
		err := ls.Hold(ctx, workFor(l, time.Hour, nil))
		is(t, err, cause, context.DeadlineExceeded)
		l.want(t, "2m0s renew", "3m0s stopped", "3m0s release with value, <nil>, 10s")
		if d := time.Since(l.start); d != 3*time.Minute+10*time.Second {
			t.Errorf("Hold took %v", d)
		}
	})
}

// The lock is renewed until the work returns.
func TestWorkThatIgnoresTheStopKeepsTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		l := newLog()
		renew := func(ctx context.Context, _ int) error { return ctx.Err() }
		err := clair(l, renew).Hold(ctx, func(context.Context) error {
			time.Sleep(9 * time.Minute)
			l.add("done")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "8m0s renew", "9m0s done", "9m0s release, <nil>")
	})
}

// Nobody can stop it.
func TestWorkThatIgnoresTheLossIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		err := clair(l, always(errStore)).Hold(t.Context(), func(ctx context.Context) error {
			time.Sleep(time.Hour)
			l.add("done, %v", errors.Is(context.Cause(ctx), lease.ErrLost))
			return nil
		})
		is(t, err, lease.ErrLost)
		l.want(t, "2m0s renew", "4m0s renew", "6m0s renew", "1h0m0s done, true", "1h0m0s release, <nil>")
	})
}
