package actor

import (
	"fmt"
	"slices"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend/internal/timerid"
)

// alarm is a message that comes at some time, or because of something. It waits beside the
// mailbox: it meets no full one, and is looked at between two messages. The actor's mu
// guards it.
type alarm[M any] struct {
	m     M
	make  func() M      // which makes it, if it is set, in a turn
	after uint64        // it comes after so many messages
	keeps bool          // it may come again
	every time.Duration // 0: it has no time
	clock abtime.AbstractTime
	timer abtime.Timer
	due   bool // it waits to be handled
	off   bool // it is stopped, or was handled
}

// After has the actor handle m after a time, in its turn, by the clock of the tree. It ends
// with the run. Stop returns true if it keeps m from being handled, also when that was
// waiting already. While the actor does not run, After does nothing, and neither does stop.
func (a *Actor[M]) After(d time.Duration, m M) (stop func() bool) { return a.alarm(d, 0, m) }

// Every is After again and again. At most one message waits: what the actor is too slow
// for is dropped, as by [time.Ticker]. It panics if d is not positive.
func (a *Actor[M]) Every(d time.Duration, m M) (stop func() bool) {
	if d <= 0 {
		panic(fmt.Sprintf("tend/actor: Every of %q: the time is %v", a.name, d))
	}
	return a.alarm(d, d, m)
}

func (a *Actor[M]) alarm(d, every time.Duration, m M) (stop func() bool) {
	l := &alarm[M]{m: m, every: every, keeps: every > 0}
	a.mu.Lock()
	if !a.is(launched) {
		a.mu.Unlock()
		return func() bool { return false }
	}
	b := a.open().whole()
	b.alarms = append(b.alarms, l)
	l.clock = a.link.Clock()
	a.mu.Unlock()
	a.arm(l, d)
	return func() bool { return a.stop(l) }
}

// arm lets the time of l come. It is not called under mu: the clock is somebody's.
func (a *Actor[M]) arm(l *alarm[M], d time.Duration) {
	timer := l.clock.AfterFunc(max(0, d), func() { a.ring(l) }, timerid.Send)
	a.mu.Lock()
	isOff := l.off
	l.timer = timer
	a.mu.Unlock()
	if isOff { // it was stopped meanwhile, or has gone off
		timer.Stop()
	}
}

// ring: the time of l has come.
func (a *Actor[M]) ring(l *alarm[M]) {
	if l.every > 0 {
		a.arm(l, l.every)
	}
	a.mu.Lock()
	a.come(l, 0)
}

// come has l handled after so many messages, and unlocks mu. At most one message of l waits.
func (a *Actor[M]) come(l *alarm[M], after uint64) {
	if l.off || l.due {
		a.mu.Unlock()
		return
	}
	l.due, l.after = true, after
	b := a.box
	b.due = append(b.due, l)
	b.isDue.Store(true)
	a.wake()
}

// stop takes l out, and says whether that was in time.
func (a *Actor[M]) stop(l *alarm[M]) bool {
	a.mu.Lock()
	if l.off {
		a.mu.Unlock()
		return false
	}
	l.off = true
	b := a.box
	b.alarms, b.due = without(b.alarms, l), without(b.due, l)
	b.isDue.Store(len(b.due) > 0)
	timer := l.timer
	a.mu.Unlock()
	if timer != nil { // else arm finds that it is off
		timer.Stop()
	}
	return true
}

// silence lets no alarm of the run be heard any more. Who calls it holds mu, and stops the
// timers without it.
func (b *box[M]) silence() (timers []abtime.Timer) {
	if b.rare == nil {
		return nil
	}
	for _, l := range b.alarms {
		l.off = true
		if l.timer != nil {
			timers = append(timers, l.timer)
		}
	}
	b.alarms, b.due = nil, nil
	b.isDue.Store(false)
	return timers
}

func without[T comparable](list []T, x T) []T {
	for i, y := range list {
		if x == y {
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// takeDue takes the message of an alarm in hand, if one is due.
func (w *turn[M]) takeDue() bool {
	a, b := w.a, w.b
	if !b.isDue.Load() || b.asked.Load() {
		return false
	}
	a.mu.Lock()
	w.save()
	i := slices.IndexFunc(b.due, func(l *alarm[M]) bool { return l.after <= b.begun })
	if i < 0 {
		a.mu.Unlock()
		return false
	}
	l := b.due[i]
	b.due = without(b.due, l)
	b.isDue.Store(len(b.due) > 0)
	l.due = false
	if !l.keeps {
		l.off = true
		b.alarms = without(b.alarms, l)
	}
	w.begins(w.handed)
	a.mu.Unlock()
	m := l.m
	if l.make != nil {
		w.calling = true
		m = l.make()
		w.calling = false
	}
	w.hand, w.handing, w.worked = m, true, true
	return true
}
