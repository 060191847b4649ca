package suture

import (
	"time"

	"github.com/tend-go/tend"
)

// stops are the supervisors of a tree that are being stopped: their paths, and since
// when. The goroutine that tells the events of the tree owns it.
type stops map[string]time.Time

// heard notes which supervisors begin and end to stop. After a loss of events it
// knows of none, so that none is noted for ever.
func (s *stops) heard(e tend.Event) {
	switch e := e.(type) {
	case tend.SupervisorStopping:
		if *s == nil {
			*s = stops{}
		}
		(*s)[e.Supervisor] = e.Time
	case tend.SupervisorStopped:
		delete(*s, e.Supervisor)
	case tend.EventsDropped:
		clear(*s)
	default:
	}
}

// ended: the pause was on when the supervisor began to stop, and has ended because of
// that. The core ends it at that very moment, and not before it says that it stops.
func (s stops) ended(e tend.PauseEnded) bool {
	since, stopping := s[e.Supervisor]
	return stopping && since.Equal(e.Time)
}
