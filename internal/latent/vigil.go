package latent

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/thejerf/abtime"
)

// Vigil watches that something that has turns is not busy with one thing for too long. It
// is kept while it has a turn.
type Vigil struct {
	Limit  time.Duration
	Silent func()               // called if one thing takes longer, once; it waits for nothing
	Alive  func() time.Duration // when it has last said that it is

	mu     sync.Mutex
	since  time.Duration // it has one thing in hand
	busy   bool
	spared bool // the look at it came late, and it was given its time once more
}

// Begin says that it has taken one thing in hand. A nil Vigil watches nothing.
func (v *Vigil) Begin(now time.Duration) { v.set(now, true) }

// Rest says that it has nothing in hand.
func (v *Vigil) Rest() { v.set(0, false) }

func (v *Vigil) set(now time.Duration, busy bool) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.since, v.busy, v.spared = now, busy, false
}

// never is the time that does not come.
const never time.Duration = math.MaxInt64

// later is d after at, or never: a limit may be without end.
func later(at, d time.Duration) time.Duration {
	if at > never-d {
		return never
	}
	return at + d
}

// look finds out whether it is silent, and returns when to look next.
func (v *Vigil) look(now time.Duration) (next time.Duration) {
	next, silent := v.judge(now, v.Alive())
	if silent {
		v.Silent()
	}
	return next
}

// judge says whether it is silent, and when to look next.
func (v *Vigil) judge(now, alive time.Duration) (next time.Duration, silent bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	due := later(max(v.since, alive), v.Limit)
	switch {
	case !v.busy:
		return later(now, v.Limit), false
	case now < due:
		return due, false
	case !v.spared && now-due >= v.Limit/2: // the whole program was held up
		v.spared, v.since = true, now
		return later(now, v.Limit), false
	default:
		return never, true
	}
}

// vigils are those of a scheduler, with one timer, which is armed while there are some.
type vigils struct {
	mu    sync.Mutex
	of    map[*Vigil]struct{}
	armed bool
	at    time.Duration // the timer is armed for, or nearly
	round uint64        // how often it has been
	timer abtime.Timer
}

// Watch begins to watch v, which has something in hand since now or will have later.
func (s *Scheduler) Watch(v *Vigil) {
	w := &s.vigils
	w.mu.Lock()
	if w.of == nil {
		w.of = map[*Vigil]struct{}{}
	}
	w.of[v] = struct{}{}
	w.mu.Unlock()
	s.lookAt(later(s.now(), v.Limit))
}

// Unwatch ends that. It is no error if it has never begun.
func (s *Scheduler) Unwatch(v *Vigil) {
	w := &s.vigils
	w.mu.Lock()
	delete(w.of, v)
	var old abtime.Timer
	if len(w.of) == 0 {
		old = w.disarm()
	}
	w.mu.Unlock()
	stop(old)
}

// disarm returns a timer to be stopped. The caller holds mu.
func (w *vigils) disarm() (old abtime.Timer) {
	old, w.timer = w.timer, nil
	w.armed = false
	w.round++
	return old
}

// stop is not called under mu: the clock is somebody's.
func stop(t abtime.Timer) {
	if t != nil {
		t.Stop()
	}
}

// lookAt has the vigils looked at at some time, at the latest.
func (s *Scheduler) lookAt(at time.Duration) {
	w := &s.vigils
	w.mu.Lock()
	if len(w.of) == 0 || w.armed && w.at <= at {
		w.mu.Unlock()
		return
	}
	old := w.disarm()
	w.armed, w.at = true, at
	round := w.round
	w.mu.Unlock()
	stop(old)
	timer := s.After(max(0, at-s.now()), func() { s.look(round) })
	w.mu.Lock()
	if w.round == round {
		w.timer, timer = timer, nil
	}
	w.mu.Unlock()
	stop(timer)
}

// look looks at all, and arms the timer again. The time counts as come even if the clock
// says otherwise, because a test may fire a timer by hand.
func (s *Scheduler) look(round uint64) {
	now := s.now()
	w := &s.vigils
	w.mu.Lock()
	if w.round != round {
		w.mu.Unlock()
		return
	}
	now = max(now, w.at)
	w.disarm()
	all := slices.Collect(maps.Keys(w.of))
	w.mu.Unlock()
	next := never
	for _, v := range all {
		at := v.look(now)
		if at == never { // that is all there is to say
			s.Unwatch(v)
		}
		next = min(next, at)
	}
	if next != never {
		s.lookAt(next)
	}
}
