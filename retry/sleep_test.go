package retry_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/retry"
)

func TestSleepEndsAtTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("operator said so")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(7*time.Millisecond, func() { cancel(cause) })
		start := time.Now()
		err := retry.Sleep(ctx, time.Hour)
		equal(t, "slept", time.Since(start), 7*time.Millisecond)
		if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if again := retry.Sleep(ctx, 0); !errors.Is(again, cause) {
			t.Errorf("Sleep of a done context returned %v", again)
		}
		equal(t, "slept", time.Since(start), 7*time.Millisecond)
	})
}

func TestSleepLastsAsLongAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for d, want := range map[time.Duration]time.Duration{
			time.Hour: time.Hour, 1: 1, 0: 0, -time.Hour: 0, math.MinInt64: 0,
		} {
			start := time.Now()
			if err := retry.Sleep(t.Context(), d); err != nil {
				t.Error(err)
			}
			equal(t, d.String(), time.Since(start), want)
		}
	})
}
