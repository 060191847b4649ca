package periodic

import (
	"fmt"
	"sync"
	"time"
)

// Gate keeps jobs apart: no two of the jobs that joined it start within MinGap of
// each other. A job that is due too soon after another one's start waits. A job
// that is due less than MinGap before (or together with) the turn of a job that
// joined before it skips its own turn; had it been asked for by [Job.Trigger] it
// waits instead until that is over.
//
// What counts is when runs start, so a run that hangs holds nobody up; runs that
// last longer than MinGap may overlap those of other jobs. Jobs that are not being
// served do not count, but their last start does.
//
// If MinGap is more than half of the interval of a job, those who joined after it
// may find no room at all. Nor does the second of two jobs of one interval that begin
// together, or whose turns come a little before those of the first: an InitialDelay of
// MinGap or more puts them after those.
type Gate struct {
	// MinGap is the least time between the starts of two different jobs. It must
	// not be changed after the first Join.
	MinGap time.Duration

	mu          sync.Mutex
	seats       int
	turns       map[*seat]time.Time // when the jobs that wait now will start
	last, other start               // the last start, and the last one by another job
}

// seat is a job's place at a gate.
type seat struct {
	gate *Gate
	rank int // jobs of a lower one go before it
}

// start is one of a run, and the turn that it was for, which mostly is a moment before: then
// the job was to start, and not yet if that was due but another job had started.
type start struct {
	by       *seat
	at, turn time.Time
}

// Join makes jobs mind the gate, and each other. The order in which jobs join, in
// one call or several, is their precedence. It panics if MinGap is negative, or if
// a job is nil, has joined a gate before or is being served.
func (g *Gate) Join(jobs ...*Job) {
	if g.MinGap < 0 {
		panic(fmt.Sprintf("tend/periodic: Gate.MinGap is %v", g.MinGap))
	}
	for _, j := range jobs {
		if j == nil {
			panic("tend/periodic: Gate.Join: the job is nil")
		}
		j.take(g.newSeat())
	}
}

func (g *Gate) newSeat() *seat {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.turns == nil {
		g.turns = make(map[*seat]time.Time)
	}
	g.seats++
	return &seat{g, g.seats}
}

// verdict is what a gate says to a job.
type verdict uint8

const (
	waits verdict = iota // until the time that comes with it
	skips                // its turn
	runs                 // now: this is its start
)

// pass asks for a turn that is due at that time; asked tells that [Job.Trigger]
// wants it. Until it is answered with runs it may be asked again at any time.
func (s *seat) pass(due, now time.Time, asked bool) (verdict, time.Time) {
	g := s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	turn := due
	if planned := g.turns[s]; !planned.After(now) { // else it waits for another turn than this one
		turn = later(due, planned)
	}
	delete(g.turns, s)
	if !due.After(now) {
		switch {
		case !asked && s.passedBy(due):
			return skips, now
		case now.Before(s.free()):
			due = s.free()
		case s.others(now).IsZero():
			g.started(start{s, now, turn})
			return runs, now
		case !asked && s.precedes(due, now):
			return skips, now
		default:
			due = s.others(now)
		}
	}
	g.turns[s] = due
	return waits, due
}

// passedBy tells whether a job that goes first has started, and its turn was not before the one
// that is due: it must not matter which of the two has asked first, nor how late.
func (s *seat) passedBy(due time.Time) bool {
	last := s.lastOther()
	return last.by != nil && last.by.rank < s.rank && !last.turn.Before(due)
}

// free is when the last start of another job is MinGap ago.
func (s *seat) free() time.Time { return s.lastOther().at.Add(s.gate.MinGap) }

// others is when the turns of jobs that go first and are due before now+MinGap will
// be over, or zero if there are none.
func (s *seat) others(now time.Time) (over time.Time) {
	for k, turn := range s.gate.turns {
		if k.rank < s.rank && turn.Before(now.Add(s.gate.MinGap)) {
			over = later(over, later(turn, now).Add(s.gate.MinGap))
		}
	}
	return over
}

// precedes tells whether the turn that is due comes together with one of those, or before it.
func (s *seat) precedes(due, now time.Time) bool {
	for k, turn := range s.gate.turns {
		if k.rank < s.rank && !turn.Before(due) && turn.Before(now.Add(s.gate.MinGap)) {
			return true
		}
	}
	return false
}

// lastOther is the last start by another job.
func (s *seat) lastOther() start {
	if s.gate.last.by == s {
		return s.gate.other
	}
	return s.gate.last
}

func (g *Gate) started(now start) {
	if g.last.by != now.by {
		g.other = g.last
	}
	g.last = now
}

// leave makes the gate forget the turn that the job waits for.
func (s *seat) leave() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	delete(s.gate.turns, s)
}
