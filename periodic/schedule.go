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

	turn    time.Time // when the last turn was due, run or skipped; zero: none yet
	ended   time.Time // the end of the last run
	random  float64   // of the jitter of this turn, in [0, 1)
	first   time.Time // when the first turn is due
	since   time.Time // since when the job has been served: it does not run before
	changed time.Time // when another interval was set while the turn was to come
	asked   bool      // for a run that does not depend on the interval
}

// begin is the start of Serve at now. What was learned before it stays: when the
// first turn is due, or the last one was, an interval that was set, a run that was
// asked for.
func (s *schedule) begin(j *Job, now time.Time, random float64) {
	if s.interval == 0 {
		s.interval = j.Interval
	}
	s.jitter, s.rest = j.Jitter, j.Rest
	s.since = now
	if s.first.IsZero() {
		s.first = now.Add(j.InitialDelay).Add(time.Duration(float64(j.InitialSpread) * random))
	}
}

// due is when the next run is, if nobody asks for one.
func (s *schedule) due() time.Time {
	return later(later(s.next(), s.ended.Add(s.rest)), s.since)
}

// next is when the next turn is due. It counts from when the last one was, not from
// when that began: what makes one run late must not make all those after it late.
func (s *schedule) next() time.Time {
	if s.turn.IsZero() {
		return s.first
	}
	// The random part is drawn once a turn: changing the interval again and again
	// must not draw until it is small.
	interval := tend.Backoff{Jitter: s.jitter}.Spread(s.interval, s.random)
	return later(s.turn.Add(interval), s.changed)
}

// set changes the interval. It cannot make a turn due before now.
func (s *schedule) set(interval time.Duration, now time.Time) {
	if s.due().After(now) {
		s.changed = now
	}
	s.interval = interval
}

// took is a turn at now, run or skipped: one that was asked for, from which the
// interval counts anew, or the last of those that are due.
func (s *schedule) took(now time.Time, random float64) {
	if s.asked {
		s.turn = now
	} else {
		due := s.next()
		s.turn = due.Add(now.Sub(due).Truncate(s.interval))
	}
	s.random, s.asked = random, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// onWall is at by what the wall clock says now. What at itself says of it is as old
// as the schedule, and wrong since if somebody has set the clock.
func onWall(at, now time.Time) time.Time { return now.Add(at.Sub(now)) }
