package tend

import (
	"time"

	"github.com/thejerf/abtime"
)

// clock is where the time comes from and since when the plan counts it.
type clock struct {
	abtime.AbstractTime
	epoch time.Time
}

func (c *clock) now() instant { return c.Now().Sub(c.epoch) }

// instantOf is the plan's time for a time of day, never for the zero one.
func (c *clock) instantOf(t time.Time) instant {
	if t.IsZero() {
		return never
	}
	return t.Sub(c.epoch)
}

// setClock changes the clock. The plan's time goes on where it was.
func (s *Supervisor) setClock(c abtime.AbstractTime) {
	old := s.clock.Load()
	if old.AbstractTime == c {
		return
	}
	s.plan.epoch = c.Now().Add(-old.now())
	s.clock.Store(&clock{c, s.plan.epoch})
}
