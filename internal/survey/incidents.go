package survey

import (
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/treepath"
)

// Incidents are what is over too soon for a look to see it, counted from events. They
// never go back.
type Incidents struct {
	Pauses, Escalations, Stuck, GaveUp uint64
	Lost                               uint64 // messages
}

func (i *Incidents) add(more Incidents) {
	i.Pauses += more.Pauses
	i.Escalations += more.Escalations
	i.Stuck += more.Stuck
	i.GaveUp += more.GaveUp
	i.Lost += more.Lost
}

// maxHeard bounds how many supervisors are told apart between two looks. What others do
// is counted with the root: nobody may be looking at a tree whose supervisors come and go.
const maxHeard = 10_000

// ear counts what events tell between two looks.
type ear struct {
	stopped func(took time.Duration)

	mu      sync.Mutex
	heard   map[string]Incidents // since the last look, by the path of the supervisor; "": the root's
	dropped uint64               // ever
}

// hear is the hook.
func (r *ear) hear(e tend.Event) {
	switch e := e.(type) { //nolint:gochecksumtype // a look sees what the others leave behind
	case tend.PauseBegan:
		r.count(e.Supervisor, Incidents{Pauses: 1})
	case tend.Escalated:
		r.count(e.Supervisor, Incidents{Escalations: 1})
	case tend.ServiceStuck:
		r.count(e.Supervisor, Incidents{Stuck: 1})
	case tend.ServiceGaveUp:
		r.count(e.Supervisor, Incidents{GaveUp: 1})
	case tend.MessagesLost:
		r.count(e.Supervisor, Incidents{Lost: e.N})
	case tend.EventsDropped:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dropped += e.N
	case tend.ServiceEnded:
		if !e.Cause.IsZero() {
			r.stopped(e.Took)
		}
	case tend.SupervisorStopped:
		if treepath.Parent(e.Supervisor) == "" { // any other is a service, too
			r.stopped(e.Took)
		}
	}
}

func (r *ear) count(path string, one Incidents) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.heard[path]; !known && len(r.heard) >= maxHeard {
		path = ""
	}
	sum := r.heard[path]
	sum.add(one)
	r.heard[path] = sum
}

// take returns what was heard since it was called last, and how many events were dropped.
func (r *ear) take() (heard map[string]Incidents, dropped uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	heard, r.heard = r.heard, map[string]Incidents{}
	return heard, r.dropped
}
