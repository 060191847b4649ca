package app

import (
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
)

// kept is how many of the last events a crash bundle holds.
const kept = 1000

// journal reads the events of the tree: it keeps the last ones, notices when the
// tree begins to stop, and notes the exit code that a service gives on the way down.
type journal struct {
	root      string            // path
	stopping  func(cause error) // the root is
	escalated func(e tend.Escalated)
	done      chan struct{} // closed when the root has stopped
	ending    time.Time     // since when the root stops; zero: it does not; of read

	mu   sync.Mutex
	ring []tend.Event // the last ones; next is where the oldest is
	next int
	code int    // the first that is no success; 0: there is none
	gave string // who gave it, and what that says
}

// read reads until events end, and waits for nothing else.
func (j *journal) read(events iter.Seq[tend.Event]) {
	for e := range events {
		j.keep(e)
		j.notice(e)
		if stopped, ok := e.(tend.SupervisorStopped); ok && stopped.Supervisor == j.root {
			close(j.done)
			return
		}
	}
}

// notWithTheTree are the causes of stops that are not about the whole tree, though they may
// begin with its own.
var notWithTheTree = []error{
	tend.ErrRemoved, tend.ErrSuspended, tend.ErrRestartRequested, tend.ErrSiblingFailed, tend.ErrReplaced,
}

// endsWithTheTree: the end of a service belongs to the stop of the root, as it was asked to
// because of that, or came during it by itself.
func (j *journal) endsWithTheTree(e tend.ServiceEnded) bool {
	switch {
	case j.ending.IsZero():
		return false
	case e.Cause.IsZero():
		return true
	default:
		return !e.Time.Add(-e.Took).Before(j.ending) && !slices.Contains(notWithTheTree, e.Cause.Err)
	}
}

// given notes the exit code that a service gives while the root stops. That asks an
// error what it is; the tree has done so before.
func (j *journal) given(e tend.ServiceEnded) {
	code := 0
	guard.Do(func() { code = givenCode(e.Err.Err) })
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.code == 0 && code != 0 {
		j.code, j.gave = code, e.Path()+": "+e.Err.Error()
	}
}

// exitCode is the code that was given, 0 if none was, and by whom, with what.
func (j *journal) exitCode() (code int, gave string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.code, j.gave
}

// wait waits until the last event has been read, at most d.
func (j *journal) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-j.done:
	case <-timer.C:
	}
}

// keep puts e into the ring.
func (j *journal) keep(e tend.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < kept {
		j.ring = append(j.ring, e)
		return
	}
	j.ring[j.next] = e
	j.next = (j.next + 1) % kept
}

// latest are the events in the ring, oldest first.
func (j *journal) latest() []tend.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append(append([]tend.Event(nil), j.ring[j.next:]...), j.ring[:j.next]...)
}

// notice tells others of what concerns them.
func (j *journal) notice(e tend.Event) {
	switch e := e.(type) { //nolint:gochecksumtype // the others concern nobody
	case tend.Escalated:
		j.escalated(e)
	case tend.SupervisorStopping:
		if e.Supervisor == j.root {
			j.ending = e.Time
			j.stopping(e.Cause.Err) // itself, as it may not have been asked what it says
		}
	case tend.ServiceEnded:
		if j.endsWithTheTree(e) {
			j.given(e)
		}
	}
}
