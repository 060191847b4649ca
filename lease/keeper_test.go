package lease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A program was frozen and wakes up after the end of its lock: the work is told, and
// no renewal is tried that might say otherwise although others had the lock since.
func TestAProgramThatWasFrozenBeyondTheEndHasLostTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := time.Now()
		time.Sleep(8 * time.Minute) // no timer of the keeper fires meanwhile
		ctx, cancel := context.WithCancelCause(t.Context())
		k := frozen(asked, cancel, func(context.Context) error { t.Error("Renew was called"); return nil })
		k.run(ctx)
		if !errors.Is(k.lost, ErrLost) || !errors.Is(context.Cause(ctx), ErrLost) {
			t.Errorf("lost: %v, the cause of the work's context: %v", k.lost, context.Cause(ctx))
		}
	})
}

// It was frozen while a renewal was under way: the answer and the end are there at
// once. The answer is too late although select has seen it first.
func TestAnAnswerThatIsSeenAfterTheEndIsTooLate(t *testing.T) {
	for _, a := range []answer{{}, {err: errors.New("store unreachable")}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			began := time.Now()
			k := frozen(began, cancel, nil)
			end, why := k.end()
			time.Sleep(8*time.Minute - 1)
			k.answered(began, a, end, why)
			if k.lost != nil {
				t.Errorf("lost in time: %v", k.lost)
			}
			time.Sleep(time.Nanosecond)
			k.answered(began, a, end, why)
			if !errors.Is(k.lost, ErrLost) || !errors.Is(context.Cause(ctx), ErrLost) {
				t.Errorf("lost: %v, the cause of the work's context: %v", k.lost, context.Cause(ctx))
			}
		})
	}
}

// frozen is a keeper that has not run since it asked for its lock.
func frozen(asked time.Time, cancel func(error), renew func(context.Context) error) *keeper {
	return &keeper{
		lease:  Lease{TTL: 10 * time.Minute, Every: 2 * time.Minute, Margin: 2 * time.Minute, Renew: renew},
		cancel: cancel, done: make(chan struct{}), ended: make(chan struct{}),
		held: asked, next: asked.Add(2 * time.Minute),
	}
}
