package actor

import (
	"slices"

	"github.com/tend-go/tend/internal/latent"
)

// Down is the end of a run of an actor that is watched.
type Down struct {
	Name string
	Run  uint64 // its number
	Err  error  // what it has failed with; nil: it was asked to end
	// Again: it will run again by itself. Should that turn out false, another Down says so.
	Again bool
}

// Watch has self told of each end of a run of other, until stop is called or self's run
// ends: with what message makes of a [Down], in self's own turn, after what waited in its
// mailbox then. Of one watch at most one Down waits; a later one takes its place. Watching
// what is gone tells so at once. A link is a watch whose message the handler answers with
// an error. While self does not run, Watch does nothing, and neither does stop. It panics
// if message is nil.
func Watch[M, N any](self *Actor[M], other Address[N], message func(Down) M) (stop func()) {
	if message == nil {
		panic("tend/actor: Watch of " + self.name + " with a nil message")
	}
	w := &watch[M]{self: self}
	w.alarm = &alarm[M]{keeps: true, make: func() M { return message(w.last()) }}
	self.mu.Lock()
	if !self.is(launched) {
		self.mu.Unlock()
		return func() {}
	}
	b := self.open().whole()
	b.alarms = append(b.alarms, w.alarm)
	self.mu.Unlock()
	unwatch := other.watch(w)
	return func() {
		self.stop(w.alarm)
		unwatch()
	}
}

// watch is one Watch: the alarm at the one who watches.
type watch[M any] struct {
	self  *Actor[M]
	alarm *alarm[M]
	down  Down // the last; guarded as the alarm
}

// last is what is to be told.
func (w *watch[M]) last() Down {
	w.self.mu.Lock()
	defer w.self.mu.Unlock()
	return w.down
}

// tell notes d, and returns false if nobody is to be told any more.
func (w *watch[M]) tell(d Down) bool {
	a := w.self
	a.mu.Lock()
	if w.alarm.off {
		a.mu.Unlock()
		return false
	}
	w.down = d
	a.come(w.alarm, a.box.put)
	return true
}

// watcher is who is to be told of the ends of runs.
type watcher interface{ tell(d Down) bool }

// watch adds w to those who are told.
func (a *Actor[M]) watch(w watcher) (stop func()) {
	a.mu.Lock()
	if a.is(closed) && !a.is(launched) { // it is gone, or will not come by itself
		d := Down{Name: a.name, Run: a.number()}
		a.mu.Unlock()
		w.tell(d)
		return func() {}
	}
	a.addWatcher(w)
	a.mu.Unlock()
	return func() { a.unwatch(w) }
}

// addWatcher has w told. The caller holds mu.
func (a *Actor[M]) addWatcher(w watcher) {
	b := a.open().whole()
	b.watchers = append(b.watchers, w)
}

// unwatch has w told nothing any more.
func (a *Actor[M]) unwatch(w watcher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.box == nil || a.box.rare == nil {
		return
	}
	a.box.watchers = without(a.box.watchers, w)
	if a.is(launched) && !a.is(listed|kept) {
		a.drop()
	}
}

// untold is an end that is yet to be told, to those who watched when it came: who begins
// after that, as the next run may, has nothing to do with it.
type untold struct {
	down Down
	to   []watcher
}

// downs is the actor as the scheduler sees it when there are ends to tell.
type downs[M any] Actor[M]

// ended has all who watch told what has become of the actor, and unlocks mu.
func (a *Actor[M]) ended(now latent.Settled) {
	b := a.box
	if b == nil || b.rare == nil || len(b.watchers) == 0 {
		a.mu.Unlock()
		return
	}
	d := Down{Name: a.name, Run: now.Run, Again: now.Fate == latent.Again}
	if now.Failed {
		d.Err = now.Err
	}
	if old := b.lastDown; old != nil && old.Run == d.Run && (d.Again || !old.Again) {
		a.mu.Unlock() // it is known
		return
	}
	b.lastDown = &d
	isFirst := len(b.downs) == 0
	b.downs = append(b.downs, untold{d, slices.Clone(b.watchers)})
	link := a.link
	a.mu.Unlock()
	switch {
	case !isFirst:
	case link == nil: // it has never run
		go (*downs[M])(a).Turn(0)
	default:
		link.Schedule((*downs[M])(a))
	}
}

// Turn tells all who watched.
func (t *downs[M]) Turn(uint64) (more bool) {
	a := (*Actor[M])(t)
	a.mu.Lock()
	b := a.open().whole()
	if len(b.downs) == 0 {
		a.mu.Unlock()
		return false
	}
	next := b.downs[0]
	a.mu.Unlock()
	var left []watcher
	for _, w := range next.to {
		if !w.tell(next.down) {
			left = append(left, w)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range left {
		b.watchers = without(b.watchers, w)
	}
	if b.downs = b.downs[1:]; len(b.downs) == 0 {
		b.downs = nil
	}
	return len(b.downs) > 0
}
