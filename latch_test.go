package tend

import "testing"

// TestALatchHappensOnce, for who waits before and after, and again does nothing.
func TestALatchHappensOnce(t *testing.T) {
	var l latch
	before := l.happened()
	if l.has() || isClosed(before) || l.happened() != before {
		t.Error("it has happened, or is not the same for all who wait")
	}
	for range 2 {
		l.happen()
		if !l.has() || !isClosed(before) || !isClosed(l.happened()) {
			t.Error("it has not happened")
		}
	}
}
