package cluster

import (
	"sync/atomic"
	"time"
)

// A timekeeper is Go's monotonic clock plus the time that the machine slept.
type timekeeper struct {
	base  time.Time
	slept time.Duration // before base
	since atomic.Int64  // what it slept since then, as far as it is known
}

// blink is less than a machine sleeps: two clocks are never read at one moment.
const blink = 50 * time.Millisecond

func newTimekeeper() *timekeeper {
	return &timekeeper{base: time.Now(), slept: asleep()}
}

func (k *timekeeper) now() instant {
	return k.awake(asleep)
}

// awake takes the sleep from f. One reading too long may be a thread that was held up
// between the clocks: the least of three is right, and never too short by more than a blink.
func (k *timekeeper) awake(f func() time.Duration) instant {
	known := time.Duration(k.since.Load())
	slept := f() - k.slept
	for range 2 {
		if slept-known < blink {
			return time.Since(k.base) + known
		}
		slept = min(slept, f()-k.slept)
	}
	if slept-known < blink {
		return time.Since(k.base) + known
	}
	for old := k.since.Load(); old < int64(slept) && !k.since.CompareAndSwap(old, int64(slept)); {
		old = k.since.Load()
	}
	return time.Since(k.base) + time.Duration(k.since.Load())
}
