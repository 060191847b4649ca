package periodic

import (
	"time"

	"github.com/tend-go/tend"
)

// schedule knows when a job is due. It has no clock, lock or timer.
type schedule struct {
	interval time.Duration // from start to start
	jitter   float64
	rest     time.Duration // from end to start

	started time.Time // the last turn, run or skipped; zero: none yet
	ended   time.Time // the end of the last run
	random  float64   // of the jitter of this turn, in [0, 1)
	first   time.Time // when the first turn is due
	since   time.Time // since when the job has been served: it is not due before
	asked   bool      // for a run that does not depend on the interval
}

// begin is the start of Serve at now. What was learned before it stays: the last
// run, an interval that was set, a run that was asked for.
func (s *schedule) begin(j *Job, now time.Time, random float64) {
	if s.interval == 0 {
		s.interval = j.Interval
	}
	s.jitter, s.rest = j.Jitter, j.Rest
	s.since = now
	s.first = now.Add(j.InitialDelay).Add(time.Duration(float64(j.InitialSpread) * random))
}

// due is when the next turn is, if nobody asks for one.
func (s *schedule) due() time.Time {
	if s.started.IsZero() {
		return s.first
	}
	// The random part is drawn once a turn: changing the interval again and again
	// must not draw until it is small.
	interval := tend.Backoff{Jitter: s.jitter}.Spread(s.interval, s.random)
	return later(later(s.started.Add(interval), s.ended.Add(s.rest)), s.since)
}

// took is a turn at now, run or skipped.
func (s *schedule) took(now time.Time, random float64) {
	s.started, s.random = now, random
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
