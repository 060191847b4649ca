package tend_test

import (
	"math"
	"testing"
	"time"

	"github.com/tend-go/tend"
)

// The range from which a delay is drawn: added to while there is room below Max,
// drawn downwards where there is none.
func TestSpreadDrawsDownwardsAtTheCap(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name          string
		b             tend.Backoff
		d, least, end time.Duration // d is between least and, exclusively, end
	}{
		{"room above", tend.Backoff{Min: 10 * s, Max: 100 * s, Jitter: 0.2}, 10 * s, 10 * s, 12 * s},
		{"room above, at half of Max", tend.Backoff{Min: 10 * s, Max: 100 * s, Jitter: 1}, 50 * s, 50 * s, 100 * s},
		{"at the cap", tend.Backoff{Min: 10 * s, Max: 100 * s, Jitter: 0.2}, 100 * s, 80 * s, 100 * s},
		{"Min is Max", tend.Backoff{Min: 10 * s, Max: 10 * s, Jitter: 0.5}, 10 * s, 5 * s, 10 * s},
		{"no more than half", tend.Backoff{Min: 10 * s, Max: 10 * s, Jitter: 1}, 10 * s, 5 * s, 10 * s},
		{"some room above", tend.Backoff{Min: 90 * s, Max: 100 * s, Jitter: 0.2}, 90 * s, 80 * s, 100 * s},
		{"no Max", tend.Backoff{Min: 10 * s, Jitter: 0.2}, 10 * s, 10 * s, 12 * s},
		{"no jitter", tend.Backoff{Min: 10 * s, Max: 10 * s}, 10 * s, 10 * s, 10 * s},
		{"less than none", tend.Backoff{Min: 10 * s, Max: 10 * s, Jitter: -1}, 10 * s, 10 * s, 10 * s},
		{"beyond Max", tend.Backoff{Max: 10 * s, Jitter: 0.2}, time.Hour, 8 * s, 10 * s},
		{"no delay", tend.Backoff{Max: 10 * s, Jitter: 0.2}, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := [3]time.Duration{c.least, (c.least + c.end) / 2, c.end - 1}
			if c.end == c.least {
				want[2] = c.end
			}
			got := [3]time.Duration{c.b.Spread(c.d, 0), c.b.Spread(c.d, 0.5), c.b.Spread(c.d, math.Nextafter(1, 0))}
			if got != want {
				t.Errorf("%+v spreads %v to %v, want %v", c.b, c.d, got, want)
			}
		})
	}
}

// FuzzSpread: a delay that is longer never becomes a shorter one by the same draw,
// nor does a draw that is higher; and none leaves the range.
func FuzzSpread(f *testing.F) {
	for _, jitter := range []float64{-1, 0, 0.1, 0.5, 0.7, 1} {
		f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(1), jitter, 0.999, 0.5)
		f.Add(int64(1<<62), int64(1<<62), int64(1<<61), jitter, 0.3, 0.2)
		f.Add(int64(100), int64(80), int64(79), jitter, 0.0, 1.0)
		f.Add(int64(100), int64(51), int64(50), jitter, 0.9, 0.9)
		f.Add(int64(0), int64(math.MaxInt64), int64(3), jitter, 0.9, 0.1)
	}
	f.Fuzz(func(t *testing.T, most, d, more int64, jitter, r, s float64) {
		b := tend.Backoff{Max: time.Duration(most), Jitter: jitter}
		if b.Validate() != nil || !(0 <= r && r <= 1 && 0 <= s && s <= 1) || d < 0 || more < 0 {
			t.Skip()
		}
		lower, higher := min(d, more), max(d, more)
		from, to := b.Spread(time.Duration(lower), min(r, s)), b.Spread(time.Duration(higher), max(r, s))
		if from > to {
			t.Errorf("%+v: Spread(%d, %v) is %d and Spread(%d, %v) is %d", b, lower, min(r, s), from, higher, max(r, s), to)
		}
		if from < 0 || most > 0 && to > b.Max || most == 0 && from < time.Duration(lower) {
			t.Errorf("%+v: %d and %d", b, from, to)
		}
	})
}
