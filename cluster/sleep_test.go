package cluster

import (
	"testing"
	"testing/synctest"
	"time"
)

// The time that a machine was suspended counts; a thread that was held up between two
// clocks does not.
func TestSleepCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &timekeeper{base: time.Now(), slept: time.Hour}
		for _, tt := range []struct {
			readings []time.Duration
			want     time.Duration
		}{
			{[]time.Duration{0}, 0},
			{[]time.Duration{time.Second, 0}, 0},
			{[]time.Duration{time.Second, 2 * time.Second, 10 * time.Millisecond}, 0},
			{[]time.Duration{time.Minute, time.Minute + time.Second, time.Minute}, time.Minute},
			{[]time.Duration{time.Minute}, time.Minute},
			{[]time.Duration{2 * time.Minute, 2 * time.Minute, 2 * time.Minute}, 2 * time.Minute},
		} {
			n := 0
			got := k.awake(func() time.Duration { n++; return time.Hour + tt.readings[n-1] })
			if got != tt.want || n != len(tt.readings) {
				t.Errorf("%v: %v after %d readings", tt.readings, got, n)
			}
		}
		time.Sleep(time.Second)
		if got := newTimekeeper().now(); got != 0 {
			t.Error(got)
		}
	})
}

func BenchmarkNow(b *testing.B) {
	k := newTimekeeper()
	for b.Loop() {
		k.now()
	}
}
