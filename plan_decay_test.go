package tend

import (
	"testing"
	"time"
)

// TestAClockThatStepsBackAddsNothing to a count, nor does it take anything away.
func TestAClockThatStepsBackAddsNothing(t *testing.T) {
	var c decaying
	c.add(time.Minute, time.Minute)
	if got := c.level(0, time.Minute); got != 1 {
		t.Errorf("a minute before it is %v", got)
	}
	if got := c.add(0, time.Minute); got != 2 {
		t.Errorf("with another one, a minute before, it is %v", got)
	}
	if got := c.level(time.Minute, time.Minute); got != 2 {
		t.Errorf("at the minute of the first it is %v", got)
	}
	if got := c.level(2*time.Minute, time.Minute); got != 1 {
		t.Errorf("after a half-life it is %v", got)
	}
}
