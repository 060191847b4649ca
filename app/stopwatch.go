package app

import (
	"time"

	"github.com/tend-go/tend"
)

// stopwatch finds out how long each supervisor of a tree took to stop. An event
// tells when one was through; when it was told to begin follows from the rules:
// the services of a supervisor are told when it is, those of an ordered one each
// when the one before has ended or been given up on.
//
// Within a budget an ordered supervisor stops waiting shortly before the time is
// up; what it tells after that seems to have been told later than it was.
type stopwatch struct {
	root  string
	began time.Time // the stop of the root
	above map[string]place
	last  map[string]time.Time // by supervisor: when the latest of its services ended
}

// place is where a supervisor is in the tree.
type place struct {
	parent  string
	ordered bool // the parent stops its services one after another
}

// newStopwatch begins to measure a stop that began at a moment, of a tree that
// looks like s.
func newStopwatch(s tend.Status, began time.Time) *stopwatch {
	w := &stopwatch{root: s.Path, began: began, above: map[string]place{}, last: map[string]time.Time{}}
	w.learn(s)
	return w
}

func (w *stopwatch) learn(s tend.Status) {
	for _, c := range s.Services {
		if c.Supervisor != nil {
			w.above[c.Supervisor.Path] = place{s.Path, s.Ordered}
			w.learn(*c.Supervisor)
		}
	}
}

// see notes when services end, and returns how long a supervisor took when it is
// through.
func (w *stopwatch) see(e tend.Event) (took time.Duration, through bool) {
	switch e := e.(type) { //nolint:gochecksumtype // the others say nothing about a stop
	case tend.ServiceEnded:
		w.last[e.Supervisor] = e.Time
	case tend.ServiceStuck:
		w.last[e.Supervisor] = e.Time
	case tend.SupervisorStopped:
		return max(0, e.Time.Sub(w.told(e.Supervisor))), true
	}
	return 0, false
}

// told is when a supervisor that has not stopped before was told to.
func (w *stopwatch) told(supervisor string) time.Time {
	at, known := w.above[supervisor]
	if !known {
		return w.began
	}
	told := w.told(at.parent)
	if last := w.last[at.parent]; at.ordered && last.After(told) {
		return last
	}
	return told
}
