package retry_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
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

func TestAfterAStopTheErrorIsItsCauseAndTheLastFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		time.AfterFunc(time.Minute, func() { cancel(tend.ErrRemoved) })
		err := retry.Do(ctx, tend.Backoff{}, func(context.Context) error { return errDown })
		for _, target := range []error{tend.ErrRemoved, context.Canceled, errDown} {
			if !errors.Is(err, target) {
				t.Errorf("%v is not %v", err, target)
			}
		}
	})
}

func TestPermanentAtTheLastAttemptIsNotTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		err := retry.Do(t.Context(), tend.Backoff{Min: time.Second, Limit: 2}, a.f(func(n int) error {
			if n == 2 {
				return retry.Permanent(errDown)
			}
			return errDown
		}))
		equal(t, "error", view(t, err), failure{2, "1s", "permanent failure", "503 service unavailable"})
		if errors.Is(err, retry.ErrLimit) {
			t.Error("it is also ErrLimit")
		}
	})
}

func TestNoAttemptBeginsAfterMaxElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		err := retry.Policy{Backoff: exact, MaxElapsed: 20 * time.Second}.Do(t.Context(), a.f(always(errDown)))
		equal(t, "attempts", a.at, []string{"0s", "1s", "3s", "7s", "15s"})
		equal(t, "error", view(t, err), failure{5, "15s", "out of time", "503 service unavailable"})
	})
}

func TestDelayDoesNotOverflow(t *testing.T) {
	for _, c := range []struct {
		policy retry.Policy
		n      int
		want   time.Duration
	}{
		{retry.Policy{}, 1, time.Second},
		{retry.Policy{}, 2, 2 * time.Second},
		{retry.Policy{}, 6, 32 * time.Second},
		{retry.Policy{}, 7, time.Minute},
		{retry.Policy{}, 1000, time.Minute},
		{retry.Policy{}, math.MaxInt, time.Minute},
		{retry.Policy{}, 0, time.Second},
		{retry.Policy{}, math.MinInt, time.Second},
		{retry.Policy{Backoff: tend.Backoff{Max: math.MaxInt64}}, 1000, math.MaxInt64},
		{retry.Policy{Backoff: tend.Backoff{Min: 3, Max: math.MaxInt64}}, 62, 3 << 61},
		{retry.Policy{Backoff: tend.Backoff{Min: 3, Max: math.MaxInt64}}, 63, math.MaxInt64},
		{retry.Policy{Backoff: tend.Backoff{Max: time.Millisecond}}, 1, time.Millisecond},
		{retry.Policy{Backoff: tend.Backoff{Min: time.Second}}, 1000, time.Second},
	} {
		if got := c.policy.Delay(c.n); got != c.want {
			t.Errorf("%+v.Delay(%d) = %v, want %v", c.policy.Backoff, c.n, got, c.want)
		}
	}
}

// Each wait is at most a fifth longer than the delay, and at most a minute.
func TestTheZeroPolicyGoesOnForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, jittered := 0, false
		p := retry.Policy{OnRetry: func(attempt int, _ error, wait time.Duration) {
			least := retry.Policy{}.Delay(attempt)
			if most := min(least+least/5, time.Minute); wait < least || wait > most {
				t.Errorf("wait %d is %v, not between %v and %v", attempt, wait, least, most)
			}
			jittered = jittered || wait > least
		}}
		err := p.Do(t.Context(), func(context.Context) error {
			if n++; n < 2000 {
				return errDown
			}
			return nil
		})
		if err != nil || !jittered {
			t.Errorf("got %v, jitter %v", err, jittered)
		}
	})
}

func TestABadPolicyIsAnErrorAndCallsNothing(t *testing.T) {
	for want, p := range map[string]retry.Policy{
		"Backoff.Min is -1s":               {Backoff: tend.Backoff{Min: -time.Second}},
		"Backoff.Max is -1s":               {Backoff: tend.Backoff{Max: -time.Second}},
		"Backoff.Max is 1s, less than Min": {Backoff: tend.Backoff{Min: 2 * time.Second, Max: time.Second}},
		"Backoff.Jitter is NaN":            {Backoff: tend.Backoff{Jitter: math.NaN()}},
		"Backoff.Limit is -1":              {Backoff: tend.Backoff{Limit: -1}},
		"Policy.MaxElapsed is -1ns":        {MaxElapsed: -1},
	} {
		err := p.Do(t.Context(), func(context.Context) error {
			t.Errorf("%s: f was called", want)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "tend/retry: ") {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
