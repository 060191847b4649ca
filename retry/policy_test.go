package retry_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

func TestNoAttemptBeginsAfterMaxElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		err := retry.Policy{Backoff: exact, MaxElapsed: 20 * time.Second}.Do(t.Context(), a.f(always(errDown)))
		equal(t, "attempts", a.at, []string{"0s", "1s", "3s", "7s", "15s"})
		equal(t, "error", view(t, err), failure{5, "15s", "out of time", "503 service unavailable"})
	})
}

// Also if OnRetry takes long: the wait is not begun then.
func TestNoAttemptBeginsAfterMaxElapsedAlthoughOnRetryTookLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		p := retry.Policy{Backoff: exact, MaxElapsed: 22 * time.Second}
		p.OnRetry = func(int, error, time.Duration) { time.Sleep(7 * time.Second) }
		err := p.Do(t.Context(), a.f(always(errDown)))
		equal(t, "attempts", a.at, []string{"0s", "8s", "17s"})
		equal(t, "error", view(t, err), failure{3, "24s", "out of time", "503 service unavailable"})
	})
}

// However little time there is, and however late it gets before.
func TestTheFirstAttemptBeginsAlthoughMaxElapsedIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := record()
		ctx := &frozen{Context: t.Context()}
		err := retry.Policy{Backoff: exact, MaxElapsed: time.Second}.Do(ctx, a.f(always(errDown)))
		equal(t, "attempts", a.at, []string{"1m0s"})
		equal(t, "error", view(t, err), failure{1, "1m0s", "out of time", "503 service unavailable"})
	})
}

// frozen is a context at which the program stands still for a minute when it is first
// asked whether it is done.
type frozen struct {
	context.Context
	once sync.Once
}

func (f *frozen) Err() error {
	f.once.Do(func() { time.Sleep(time.Minute) })
	return f.Context.Err()
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

// Each wait is up to a fifth longer than the delay, or shorter where that is a
// minute.
func TestTheZeroPolicyGoesOnForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, jittered := 0, map[bool]bool{} // by whether it is the longest
		p := retry.Policy{OnRetry: func(attempt int, _ error, wait time.Duration) {
			delay := retry.Policy{}.Delay(attempt)
			least, most := min(delay, 48*time.Second), min(delay+delay/5, time.Minute)
			if wait < least || wait > most {
				t.Errorf("wait %d is %v, not between %v and %v", attempt, wait, least, most)
			}
			jittered[delay == time.Minute] = jittered[delay == time.Minute] || wait != delay
		}}
		err := p.Do(t.Context(), func(context.Context) error {
			if n++; n < 2000 {
				return errDown
			}
			return nil
		})
		if err != nil || !jittered[false] || !jittered[true] {
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
		"Limit.N is -1":                    {Limit: tend.Limit{N: -1}},
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
