package tend

import (
	"math"
	"time"
)

// decaying is a count of events that halves every half-life: the "failure
// count" of a supervisor.
type decaying struct {
	value float64
	at    instant // when value was right
}

// level is the count at now, which never is before c.at (a clock that steps
// back adds nothing).
func (c decaying) level(now instant, halfLife time.Duration) float64 {
	if now <= c.at {
		return c.value
	}
	return c.value * math.Exp2(-float64(now-c.at)/float64(halfLife))
}

// add counts one more event and returns the new count.
func (c *decaying) add(now instant, halfLife time.Duration) float64 {
	*c = decaying{c.level(now, halfLife) + 1, max(now, c.at)}
	return c.value
}
