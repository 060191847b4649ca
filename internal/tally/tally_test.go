package tally

import (
	"testing"
	"time"
)

// TestTally counts failures one after another.
func TestTally(t *testing.T) {
	type failure struct {
		at     time.Duration
		anew   bool
		count  int
		streak int
	}
	for name, c := range map[string]struct {
		window   time.Duration
		failures []failure
	}{
		"in a row":                   {0, []failure{{0, false, 1, 1}, {time.Hour, false, 2, 2}, {2 * time.Hour, false, 3, 3}}},
		"in a row, anew":             {0, []failure{{0, false, 1, 1}, {1, false, 2, 2}, {2, true, 1, 1}, {3, false, 2, 2}}},
		"within a window":            {10, []failure{{0, false, 1, 1}, {5, false, 2, 2}, {11, false, 2, 3}, {40, false, 1, 4}}},
		"just as old as the window":  {10, []failure{{0, false, 1, 1}, {10, false, 2, 2}, {20, false, 2, 3}, {31, false, 1, 4}}},
		"anew does not end a window": {10, []failure{{0, false, 1, 1}, {5, true, 2, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			var y Tally
			for _, f := range c.failures {
				if count := y.Fail(f.at, c.window, f.anew); count != f.count || y.Streak != f.streak {
					t.Errorf("at %d: %d count, %d in a row, want %d, %d", f.at, count, y.Streak, f.count, f.streak)
				}
			}
		})
	}
}

func TestCountForgetsWhatIsOld(t *testing.T) {
	var y Tally
	y.Fail(0, 10, false)
	y.Fail(5, 10, false)
	if n := y.Count(12, 10); n != 1 {
		t.Errorf("%d count, want 1", n)
	}
}
