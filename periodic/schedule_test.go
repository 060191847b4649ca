package periodic

import (
	"testing"
	"time"
	"unsafe"
)

// A program that was frozen for a while (a debugger, a paused container) comes late
// to its turn: it runs once, and the next turns are where they would have been.
func TestAFrozenProgramGoesOnWithItsSchedule(t *testing.T) {
	start := time.Now()
	for _, c := range []struct{ wakes, next time.Duration }{
		{10 * time.Second, 20 * time.Second},
		{13 * time.Second, 20 * time.Second},
		{19*time.Second + 999*time.Millisecond, 20 * time.Second},
		{20 * time.Second, 30 * time.Second}, // two were due: one run
		{47 * time.Second, 50 * time.Second},
		{1000 * time.Hour, 1000*time.Hour + 10*time.Second},
	} {
		s := schedule{}
		s.begin(&Job{Interval: 10 * time.Second}, start, 0)
		s.took(start, 0)
		if due := s.due().Sub(start); due != 10*time.Second {
			t.Fatalf("the turn is due at %v", due)
		}
		s.took(start.Add(c.wakes), 0)
		if next := s.due().Sub(start); next != c.next {
			t.Errorf("after a turn at %v the next is due at %v, want %v", c.wakes, next, c.next)
		}
	}
}

// Somebody sets the wall clock, forward or back: turns are where they were, and what
// is told of them is what the clock on the wall will say then.
func TestTurnsDoNotDependOnTheWallClock(t *testing.T) {
	start := time.Now()
	for _, step := range []time.Duration{-time.Hour, time.Hour, 20 * 365 * 24 * time.Hour} {
		s := schedule{}
		s.begin(&Job{Interval: time.Minute}, start, 0)
		for turn := range 10 {
			s.took(stepped(t, start.Add(time.Duration(turn)*time.Minute), step), 0)
		}
		now := stepped(t, start.Add(9*time.Minute+15*time.Second), step)
		if left := s.due().Sub(now); left != 45*time.Second {
			t.Errorf("after a step of %v the next turn is due in %v", step, left)
		}
		told := onWall(s.due(), now).Round(0) // without the monotonic reading
		if want := now.Round(0).Add(45 * time.Second); !told.Equal(want) {
			t.Errorf("after a step of %v the next turn is told to be at %v, want %v", step, told, want)
		}
	}
}

// stepped is what time.Now would return at that moment if the wall clock had been
// set by a step of whole seconds before. Nothing else can make such a Time: the
// seconds are above the 30 bits of the nanoseconds.
func stepped(t *testing.T, at time.Time, step time.Duration) time.Time {
	t.Helper()
	moved := at
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(step/time.Second) << 30
	if moved.Sub(at) != 0 || moved.Round(0).Sub(at.Round(0)) != step {
		t.Fatalf("%v is not %v after a step of %v", moved, at, step)
	}
	return moved
}
