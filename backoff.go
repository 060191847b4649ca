package tend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Backoff is the budget of one service, and a schedule of growing delays for
// whoever else needs one. The zero Backoff means none: the service falls under
// its supervisor's budget.
//
// Kubernetes' crash loop is Backoff{Min: 10*time.Second, Max: 5*time.Minute,
// Reset: 10*time.Minute}; "three times within an hour and it stays down" is
// Backoff{Limit: 3, Within: time.Hour}.
type Backoff struct {
	// Min is the delay after the first failure; each further one doubles it up to
	// Max. Min 0: no delay at all. Max 0: Min, the delay does not grow.
	Min, Max time.Duration

	// Jitter is the part of a delay, 0.2 for 20 %, up to which a random time is
	// added; the sum never exceeds Max. With Max 0 the sum may exceed Min.
	Jitter float64

	// Reset is how long a run must last to make earlier failures in a row
	// forgotten. Default: 10 minutes, or Max if that is longer. It does not
	// depend on a smaller Max on purpose: a low cap must not reward a service
	// that fails every two minutes (KEP-4603).
	Reset time.Duration

	// Limit is how many failures are one too many: with the Limit-th within
	// Within the service is not restarted any more, its state is failed and
	// [ServiceGaveUp] is emitted. Within 0 counts failures in a row. Limit 0: no
	// limit.
	Limit  int
	Within time.Duration
}

// Validate returns an error that names the first setting that makes no sense:
// a negative or not finite number, or a Max between 0 and Min.
func (b Backoff) Validate() error {
	bad := func(field string, value any) error {
		return fmt.Errorf("tend: Backoff.%s is %v", field, value)
	}
	switch {
	case b.Min < 0:
		return bad("Min", b.Min)
	case b.Max < 0:
		return bad("Max", b.Max)
	case b.Max > 0 && b.Max < b.Min:
		return fmt.Errorf("tend: Backoff.Max is %v, less than Min %v", b.Max, b.Min)
	case invalid(b.Jitter):
		return bad("Jitter", b.Jitter)
	case b.Reset < 0:
		return bad("Reset", b.Reset)
	case b.Limit < 0:
		return bad("Limit", b.Limit)
	case b.Within < 0:
		return bad("Within", b.Within)
	}
	return nil
}

// Delay is the delay after the n-th failure in a row, counted from 1, without
// jitter: Min doubled n-1 times, at most Max. It is pure and saturates at any n;
// n below 1 is taken as 1.
func (b Backoff) Delay(n int) time.Duration {
	most := max(b.Min, b.Max)
	d := b.Min
	for ; n > 1 && 0 < d && d < most; n-- {
		if d > most/2 {
			return most
		}
		d *= 2
	}
	return d
}

// Spread adds random (in [0, 1)) times the jitter to d, the result of Delay.
// The sum saturates and never exceeds Max.
func (b Backoff) Spread(d time.Duration, random float64) time.Duration {
	spread := addSaturating(d, scale(d, b.Jitter*random))
	if b.Max > 0 {
		spread = min(spread, b.Max)
	}
	return spread
}

// reset is Reset with its default.
func (b Backoff) reset() time.Duration {
	if b.Reset > 0 {
		return b.Reset
	}
	return max(10*time.Minute, b.Max)
}

// DefaultJitter is the default of [Spec].Jitter: it adds a random 0 to 50 % to d,
// so that a fleet of supervisors that failed together does not start together.
func DefaultJitter(d time.Duration) time.Duration {
	return addSaturating(d, scale(d, 0.5*rand.Float64()))
}

// NoJitter returns d. As [Spec].Jitter it makes pauses exact.
func NoJitter(d time.Duration) time.Duration { return d }

// scale is d times f for f ≥ 0, saturating.
func scale(d time.Duration, f float64) time.Duration {
	if x := float64(d) * f; x < math.MaxInt64 {
		return time.Duration(x)
	}
	return math.MaxInt64
}

// addSaturating is a+b for b ≥ 0.
func addSaturating(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
