package process

import (
	"fmt"
	"time"

	"github.com/tend-go/tend"
)

// phase is how far a run has come.
type phase uint8

const (
	starting phase = iota // not ready yet
	up
	stopping // was asked to stop
	killing  // got SIGKILL; there is nothing more to do than to wait
)

// life decides when a process is late and which signal comes next. It is a
// plain value without clock, process or goroutine; run carries out what it says.
// A method that returns a signal returns 0 for "none".
type life struct {
	startTimeout, stopTimeout, watchdog time.Duration
	stopSignal                          Signal

	phase    phase
	wasReady bool
	deadline time.Time     // of the phase; zero: none
	bound    time.Time     // of the stop, whatever is granted; zero: none
	wake     time.Time     // when expired is to be called; zero: never
	cause    error         // why it is being stopped; nil: it is not
	asked    bool          // the end of the context is why
	began    time.Time     // when it was asked to stop
	forced   bool          // it was killed because it did not
	grace    time.Duration // how long it had then been asked
}

// started begins the life. A limit of zero means that there is none.
func (l *life) started(now time.Time) {
	l.phase, l.deadline = starting, time.Time{}
	if l.startTimeout > 0 {
		l.deadline = now.Add(l.startTimeout)
	}
	l.look(now)
}

// limit is how long the process may be silent in this phase. A stop has none: those
// who wait for it have limits of their own, which do not wait for anybody.
func (l *life) limit() time.Duration {
	switch l.phase {
	case starting:
		return l.startTimeout
	case up:
		return l.watchdog
	case stopping, killing:
	}
	return 0
}

// looks is how often the clock is looked at while a limit lasts. Who looks a part of
// it late was frozen, and perhaps the process with him (a suspended machine, a paused
// container). A freeze that goes unnoticed is shorter than two parts, half the
// limit: that does no harm to a process that pings at half of it.
const looks = 4

// look sets when the clock is looked at next.
func (l *life) look(now time.Time) {
	l.wake = l.deadline
	if soon := now.Add(l.limit() / looks); soon.After(now) && soon.Before(l.deadline) {
		l.wake = soon
	}
}

// wasFrozen: the clock is looked at much too late. Less than a moment is what a busy
// machine does to anybody.
func (l *life) wasFrozen(now time.Time) bool {
	const moment = 10 * time.Millisecond
	return l.limit() > 0 && now.Sub(l.wake) > max(l.limit()/looks, moment)
}

// due: unless there is news, the process will be found late.
func (l *life) due(now time.Time) bool { return !l.deadline.IsZero() && !now.Before(l.deadline) }

// ready: the process is up. It says whether that is news.
func (l *life) ready(now time.Time) bool {
	if l.phase != starting {
		return false
	}
	l.phase, l.wasReady = up, true
	l.alive(now)
	return true
}

// alive: the process is making progress. Only a process that is up is watched.
func (l *life) alive(now time.Time) {
	if l.phase != up {
		return
	}
	l.deadline = time.Time{}
	if l.watchdog > 0 {
		l.deadline = now.Add(l.watchdog)
	}
	l.look(now)
}

// extend: the process asks for d from now on, to start or to stop. As with
// systemd that can only prolong the time it has. A stop that has a bound keeps it.
func (l *life) extend(now time.Time, d time.Duration) {
	if l.phase != starting && l.phase != stopping {
		return
	}
	later := now.Add(d)
	if !l.bound.IsZero() && later.After(l.bound) {
		later = l.bound
	}
	if !l.deadline.IsZero() && later.After(l.deadline) {
		l.deadline = later
	}
	l.look(now)
}

// rewatch: the process wants another watchdog time. A process that nobody
// watches cannot turn the watchdog on.
func (l *life) rewatch(now time.Time, d time.Duration) {
	if l.watchdog > 0 && d > 0 {
		l.watchdog = d
		l.alive(now)
	}
}

// hasten: a stop that begins now may take most, and one that has begun already, or is granted
// more, what is left.
func (l *life) hasten(now time.Time, most, left time.Duration) {
	l.stopTimeout, l.bound = most, now.Add(left)
	if l.phase == stopping && l.bound.Before(l.deadline) {
		l.deadline = l.bound
		l.look(now)
	}
}

// end: the context of Serve has ended, and cause says why.
func (l *life) end(now time.Time, cause error) Signal {
	l.asked = l.phase < stopping
	return l.stop(now, cause)
}

// stop asks the process to stop because of cause. The first cause counts.
func (l *life) stop(now time.Time, cause error) Signal {
	return l.stopWith(now, cause, l.stopSignal)
}

// bark: the watchdog found it hanging.
func (l *life) bark(now time.Time, cause error) Signal {
	return l.stopWith(now, cause, sigAbort)
}

func (l *life) stopWith(now time.Time, cause error, sig Signal) Signal {
	if l.phase >= stopping {
		return 0
	}
	l.phase, l.cause, l.began, l.deadline = stopping, cause, now, now.Add(l.stopTimeout)
	if sig == sigKill {
		l.phase, l.deadline = killing, time.Time{}
	}
	l.look(now)
	return sig
}

// expired is called at wake, and acts if the deadline has passed. If it was called
// much too late, the process gets its limit once more. Because says more about why the
// process is not ready, if that is what it is late with; it may be nil.
func (l *life) expired(now time.Time, because error) Signal {
	switch {
	case l.wake.IsZero() || now.Before(l.wake):
		return 0
	case l.wasFrozen(now):
		if more := now.Add(l.limit()); more.After(l.deadline) {
			l.deadline = more
		}
		l.look(now)
		return 0
	case !l.due(now):
		l.look(now)
		return 0
	}
	return l.late(now, because)
}

// late: the deadline has passed.
func (l *life) late(now time.Time, because error) Signal {
	switch l.phase {
	case starting:
		cause := fmt.Errorf("%w: %v", tend.ErrNotReady, l.startTimeout)
		if because != nil {
			cause = fmt.Errorf("%w: %w", cause, because)
		}
		return l.stop(now, cause)
	case up:
		return l.bark(now, fmt.Errorf("%w: %v", tend.ErrUnresponsive, l.watchdog))
	case stopping:
		l.phase, l.deadline, l.forced, l.grace = killing, time.Time{}, true, now.Sub(l.began)
		l.look(now)
		return sigKill
	case killing:
	}
	return 0
}
