// Package tally counts failures in a row, and those within a time.
package tally

import "time"

// Tally is what has been counted. The zero Tally is ready.
type Tally struct {
	// Streak is how many failures there were in a row.
	Streak int

	recent []time.Duration // the moments of those within the window, if there is one
}

// Fail counts a failure at a moment, which is a time since anything; anew: what
// was before it in a row is forgotten. It returns how many failures count: those
// within the last window, or, if that is 0, those in a row.
func (t *Tally) Fail(at, window time.Duration, anew bool) int {
	if anew {
		t.Streak = 0
	}
	t.Streak++
	if window > 0 {
		t.forget(at, window)
		t.recent = append(t.recent, at)
	}
	return t.Count(at, window)
}

// Count is how many failures count at a moment, as Fail says.
func (t *Tally) Count(at, window time.Duration) int {
	if window <= 0 {
		return t.Streak
	}
	t.forget(at, window)
	return len(t.recent)
}

// forget drops what was before the window. A failure that is just as old as the
// window is long still counts.
func (t *Tally) forget(at, window time.Duration) {
	old := 0
	for old < len(t.recent) && at-t.recent[old] > window {
		old++
	}
	t.recent = append(t.recent[:0], t.recent[old:]...)
}
