package actor

import (
	"fmt"
	"slices"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend/internal/timerid"
)

// alarm is a message that comes at some time, or because of something. It waits beside the
// mailbox: it meets no full one, and is looked at between two messages, of which one comes before
// the next alarm. The actor's mu guards it.
type alarm[M any] struct {
	m     M
	watch *watch[M]     // which makes it, in a turn; nil: it is made
	leave func()        // is called at the end of the run; nil: nobody else knows of it
	after uint64        // it comes after so many messages
	every time.Duration // 0: it has no time
	clock abtime.AbstractTime
	timer abtime.Timer
	keeps bool // it may come again
	due   bool // it waits to be handled
	off   bool // it is stopped, or was handled
}

// After has the actor handle m after a time, in its turn, by the clock of the tree. It ends
// with the run. Stop returns true if it keeps m from being handled, also when that was
// waiting already. While the actor does not run, After does nothing, and neither does stop.
func (a *Actor[M]) After(d time.Duration, m M) (stop func() bool) { return a.alarm(d, 0, m) }

// Every is After again and again. At most one message waits: what the actor is too slow
// for is dropped, as by [time.Ticker], and while others wait in the mailbox one of those comes
// between two. It panics if d is not positive.
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

// endsWithRun has leave called at the end of the run of l, or now if that is over.
func (a *Actor[M]) endsWithRun(l *alarm[M], leave func()) {
	a.mu.Lock()
	isOff := l.off
	l.leave = leave
	a.mu.Unlock()
	if isOff {
		leave()
	}
}

// silence lets no alarm of the run be heard any more. Who calls it holds mu, and stops the
// timers and calls leaves without it.
func (b *box[M]) silence() (timers []abtime.Timer, leaves []func()) {
	if b.rare == nil {
		return nil, nil
	}
	for _, l := range b.alarms {
		l.off = true
		if l.timer != nil {
			timers = append(timers, l.timer)
		}
		if l.leave != nil {
			leaves = append(leaves, l.leave)
		}
	}
	b.alarms, b.due = nil, nil
	b.isDue.Store(false)
	return timers, leaves
}

// without takes x out, and looks at both ends first: those who come and go in order, as at a
// stop, are there.
func without[T comparable](list []T, x T) []T {
	return withoutAny(list, func(y T) bool { return x == y })
}

// withoutAny takes one out that is so.
func withoutAny[T any](list []T, is func(T) bool) []T {
	for i, j := 0, len(list)-1; i <= j; i, j = i+1, j-1 {
		switch {
		case is(list[i]):
			return cut(list, i)
		case is(list[j]):
			return cut(list, j)
		}
	}
	return list
}

func cut[T any](list []T, i int) []T {
	switch {
	case len(list) == 1:
		return nil
	case i == 0:
		clear(list[:1])
		return list[1:]
	default:
		return slices.Delete(list, i, i+1)
	}
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
	m, watch := l.m, l.watch
	var down Down
	if watch != nil {
		down = watch.down
	}
	a.mu.Unlock() // what comes from now on is another message
	if watch != nil {
		w.calling = true
		m = watch.message(down)
		w.calling = false
	}
	w.hand, w.handing, w.worked = m, true, true
	return true
}
