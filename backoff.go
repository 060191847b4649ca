package tend

import (
	"fmt"
	"math"
	"time"
)

// Backoff is a schedule of growing delays: between the failures of a service that
// answers for itself ([Child]), and for whoever else needs one. The zero Backoff
// means no delay.
//
// Kubernetes' crash loop is Backoff{Min: 10*time.Second, Max: 5*time.Minute,
// Reset: 10*time.Minute}.
type Backoff struct {
	// Min is the delay after the first failure; each further one doubles it up to
	// Max. Min 0: no delay at all. Max 0: Min, the delay does not grow.
	Min, Max time.Duration

	// Jitter is the part of a delay, 0.2 for 20 %, up to which a random time is
	// added; at most 1. Where Max leaves no room for that, as it does for all that
	// fail often, the random time is taken off: a delay of Max is between
	// Max·(1−Jitter) and Max, and not less than half of it. See [Backoff.Spread].
	// Without Max nothing bounds the sum. Less than 0 is none, as 0 is.
	Jitter float64

	// Reset is how long a run must last to make earlier failures in a row
	// forgotten. Default: 10 minutes, or Max if that is longer. It does not
	// depend on a smaller Max on purpose: a low cap must not reward a service
	// that fails every two minutes (KEP-4603).
	Reset time.Duration
}

// Limit is how many failures are one too many. The zero Limit is none. "Three
// times within an hour and it stays down" is Limit{3, time.Hour}.
type Limit struct {
	// N is the number: with the N-th failure within Within the service is not
	// started any more, its state is failed and [ServiceGaveUp] is emitted. 0: no
	// limit.
	N int `json:"n"`
	// Within is the time in which they count; 0: those in a row count.
	Within time.Duration `json:"within,omitempty"`
}

// window is Within, if that counts.
func (l Limit) window() time.Duration {
	if l.N == 0 {
		return 0
	}
	return l.Within
}

// Validate returns an error that names the first setting that makes no sense.
func (l Limit) Validate() error {
	switch {
	case l.N < 0:
		return fmt.Errorf("tend: Limit.N is %d", l.N)
	case l.Within < 0:
		return fmt.Errorf("tend: Limit.Within is %v", l.Within)
	case l.Within > 0 && l.N == 0:
		return fmt.Errorf("tend: Limit.Within is %v, without N", l.Within)
	}
	return nil
}

// Validate returns an error that names the first setting that makes no sense:
// a negative time, a Jitter over 1 or not a number, or a Max between 0 and Min.
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
	case badJitter(b.Jitter):
		return bad("Jitter", b.Jitter)
	case b.Reset < 0:
		return bad("Reset", b.Reset)
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

// Spread is where random (in [0, 1)) hits the range of d, the result of Delay,
// when Jitter widens it. That is from d to d·(1+Jitter), without Max saturating.
//
// With Max it is from min(d, floor) to min(d·(1+Jitter), Max), where floor is
// Max·(1−Jitter), or half of Max if that is more: a delay that has grown to Max, or
// is Max from the first (Min equals it), is drawn downwards, or all who wait for
// the same thing to come back would try at the same moment for ever. Half is as
// far as that goes because it is the delay of one failure less: what is below half
// is only added to, and the growth of the delays stays more than the draw.
//
// It is monotone in d and in random.
func (b Backoff) Spread(d time.Duration, random float64) time.Duration {
	if b.Max <= 0 {
		return spread(d, b.Jitter, random)
	}
	low := min(d, b.floor())
	high := min(spread(d, b.Jitter, 1), b.Max)
	return low + time.Duration(float64(high-low)*random)
}

// floor is how far down jitter draws a delay of Max.
func (b Backoff) floor() time.Duration {
	return b.Max - time.Duration(float64(b.Max)*min(max(0, b.Jitter), 0.5))
}

// ResetAfter is Reset with its default.
func (b Backoff) ResetAfter() time.Duration {
	if b.Reset > 0 {
		return b.Reset
	}
	return max(10*time.Minute, b.Max)
}

// badJitter: it is more than 1, which is a mistake (20 for "20 %"), or not a number.
func badJitter(j float64) bool { return !(j <= 1) }

// spread adds random times the part jitter of d to d, saturating.
func spread(d time.Duration, jitter, random float64) time.Duration {
	if more := float64(d) * max(0, jitter) * random; more < math.MaxInt64 {
		return later(d, time.Duration(more))
	}
	return never
}

// later is at+d for d ≥ 0, saturating at never.
func later(at instant, d time.Duration) instant {
	if at > math.MaxInt64-d {
		return never
	}
	return at + d
}
