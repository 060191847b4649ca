package latent

import (
	"slices"
	"testing"
	"time"

	"github.com/thejerf/abtime"
)

// bench is a clock that goes when it is told to, and notes what is armed.
type bench struct {
	now   time.Duration
	timer *benchTimer
	armed []time.Duration // when timers were armed for
	live  int
}

type benchTimer struct {
	abtime.Timer
	b   *bench
	f   func()
	off bool
}

func (t *benchTimer) Stop() bool {
	if was := t.off; was {
		return false
	}
	t.off = true
	t.b.live--
	return true
}

func (b *bench) after(d time.Duration, f func()) abtime.Timer {
	b.timer = &benchTimer{b: b, f: f}
	b.armed = append(b.armed, b.now+d)
	b.live++
	return b.timer
}

// fire lets the timer go off, at a time.
func (b *bench) fire(at time.Duration) {
	b.now = at
	b.timer.off = true
	b.live--
	b.timer.f()
}

// TestAVigilWithoutEnd is never over.
func TestAVigilWithoutEnd(t *testing.T) {
	v := &Vigil{Limit: never, Alive: func() time.Duration { return 0 }, Silent: func() { t.Error("it is silent") }}
	for _, now := range []time.Duration{0, 1, time.Hour} {
		v.Rest()
		idle := v.look(now)
		v.Begin(now)
		if busy := v.look(now + 1); idle != never || busy != never {
			t.Errorf("at %v it is looked at again at %v and %v", now, idle, busy)
		}
	}
	b := &bench{now: 100}
	s := &Scheduler{Now: func() time.Duration { return b.now }, After: b.after}
	s.Watch(v)
	if !slices.Equal(b.armed, []time.Duration{never}) {
		t.Errorf("armed for %v", b.armed)
	}
}

// TestVigils: there is one timer, for what is due first, and none when nothing is watched.
func TestVigils(t *testing.T) {
	b := &bench{now: 100}
	s := &Scheduler{Now: func() time.Duration { return b.now }, After: b.after}
	silent := map[string]int{}
	vigil := func(name string, limit time.Duration) *Vigil {
		return &Vigil{Limit: limit, Silent: func() { silent[name]++ }, Alive: func() time.Duration { return 0 }}
	}
	expect := func(what string, live int, armed ...time.Duration) {
		t.Helper()
		if b.live != live || !slices.Equal(b.armed, armed) {
			t.Errorf("%s: %d timers, armed for %v, not %v", what, b.live, b.armed, armed)
		}
		b.armed = nil
	}
	slow, fast := vigil("slow", 50), vigil("fast", 10)
	s.Watch(slow)
	slow.Begin(100)
	expect("one", 1, 150)
	s.Watch(fast)
	fast.Begin(100)
	expect("one that is due before", 1, 110)
	b.now = 105
	fast.Begin(105)
	expect("it goes on", 1)
	b.fire(110)
	expect("and is looked at once more", 1, 115)
	b.fire(115)
	expect("it was silent", 1, 150)
	fast.Begin(116) // of the run that is asked to stop now
	b.fire(150)
	expect("both were", 0)
	if silent["fast"] != 1 || silent["slow"] != 1 {
		t.Errorf("silent were %v", silent)
	}
	s.Unwatch(fast)
	s.Unwatch(slow)
	for range 3 {
		s.Watch(slow)
		slow.Begin(b.now)
		s.Unwatch(slow)
	}
	expect("nobody is left", 0, 200, 200, 200)
	s.Watch(slow)
	slow.Begin(b.now)
	slow.Rest()
	b.armed = nil
	b.fire(200)
	expect("at rest", 1, 250)
	b.fire(250)
	expect("still at rest", 1, 300)
	slow.Begin(290)
	b.fire(340 + 25)
	expect("late by half of its time", 1, 415)
	b.fire(415 + 25)
	if expect("late again", 0); silent["slow"] != 2 {
		t.Errorf("silent were %v", silent)
	}
	var none *Vigil
	none.Begin(1) // without a Watchdog
}
