package retry

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/tally"
)

// Every wait of any valid policy is the pure delay or longer, or at least half of
// Max, and never exceeds Max, whatever the number of the failure.
func FuzzEachWaitIsBetweenDelayAndMax(f *testing.F) {
	f.Add(int64(0), int64(0), 0.0, 20)
	f.Add(int64(time.Second), int64(time.Minute), 0.5, 7)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), 1e300, 1)
	f.Add(int64(1), int64(math.MaxInt64), 0.1, 63)
	f.Add(int64(1), int64(0), 2.0, math.MaxInt)
	err := errors.New("down")
	f.Fuzz(func(t *testing.T, least, most int64, jitter float64, failure int) {
		p := Policy{Backoff: tend.Backoff{Min: time.Duration(least), Max: time.Duration(most), Jitter: jitter}}
		if p.Validate() != nil {
			t.Skip()
		}
		b := p.backoff()
		if err := b.Validate(); err != nil {
			t.Fatalf("the defaults make %+v invalid: %v", p.Backoff, err)
		}
		a := attempts{tally: tally.Tally{Streak: failure}}
		wait, delay := a.wait(b, err), p.Delay(failure)
		if wait < delay && (b.Max == 0 || wait < b.Max/2) {
			t.Errorf("%+v: wait %d is %v, less than %v", b, failure, wait, delay)
		}
		if b.Max > 0 && wait > b.Max {
			t.Errorf("%+v: wait %d is %v, more than Max", b, failure, wait)
		}
		if d := p.Delay(failure + 1); failure < math.MaxInt && d < delay {
			t.Errorf("%+v: delay %d is %v, then %v", b, failure, delay, d)
		}
	})
}
