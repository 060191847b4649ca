package tend

import (
	"reflect"
	"time"

	"github.com/thejerf/abtime"
)

// clock is where the time comes from and since when the plan counts it.
type clock struct {
	abtime.AbstractTime
	epoch time.Time
}

// now is c.Now().Sub(c.epoch). Of the machine's clock it needs no time of day, which takes
// half of the time of a reading.
func (c *clock) now() instant {
	if _, is := c.AbstractTime.(abtime.RealTime); is {
		return time.Since(c.epoch)
	}
	return c.Now().Sub(c.epoch)
}

// on is an instant of c's as one of other's. Of another source of time it goes by what is
// left until then, or was since, as the two need not agree what time of day it is.
func (c *clock) on(other *clock, at instant) instant {
	switch {
	case at == never:
		return never
	case isSameClock(c.AbstractTime, other.AbstractTime):
		return at + c.epoch.Sub(other.epoch)
	}
	left := at - c.now()
	if left < 0 {
		return other.now() + left
	}
	return later(other.now(), left)
}

// isSameClock: a and b are the same. Clocks are made by users: two that cannot be
// compared are not. Of pointers, and what holds nothing, that is known at once.
func isSameClock(a, b abtime.AbstractTime) bool {
	t := reflect.TypeOf(a)
	if t != reflect.TypeOf(b) {
		return false
	}
	if t.Kind() == reflect.Pointer || t.Size() == 0 && t.Comparable() {
		return a == b
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// givenClock is the clock that s was made with, or the next one above; nil: none was.
func (s *Supervisor) givenClock() abtime.AbstractTime {
	for p := s; p != nil; p = p.above() {
		if c := p.plan.spec.Clock; c != nil { // immutable
			return c
		}
	}
	return nil
}

// setClock changes the clock. The plan's time goes on where it was.
func (s *Supervisor) setClock(c abtime.AbstractTime) {
	old := s.clock.Load()
	if isSameClock(old.AbstractTime, c) {
		return
	}
	s.clock.Store(&clock{c, c.Now().Add(-old.now())})
}
