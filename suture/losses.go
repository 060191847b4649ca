package suture

import (
	"log"
	"time"

	"github.com/tend-go/tend"
)

// losses are how many events the hook of a tree was too slow for. The core does not say
// which: most may be such as v4 has no words for. The goroutine that tells the events
// owns it.
type losses struct {
	untold uint64
	told   time.Time
}

// heard logs the first loss, and what comes after it once in a minute and at the end of
// the tree: there may be one with each event.
func (l *losses) heard(s *Supervisor, e tend.Event) {
	switch e := e.(type) {
	case tend.EventsDropped:
		l.untold += e.N
		if l.told.IsZero() || e.Time.Sub(l.told) >= time.Minute {
			l.tell(s, e.Time)
		}
	case tend.SupervisorStopped:
		if l.untold > 0 && e.Supervisor == s.address() {
			l.tell(s, e.Time)
		}
	default:
	}
}

func (l *losses) tell(s *Supervisor, now time.Time) {
	log.Printf("tend/suture: supervisor %q: the EventHook did not keep up, up to %d events are lost", s.Name, l.untold)
	*l = losses{told: now}
}
