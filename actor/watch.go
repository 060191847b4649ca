package actor

import (
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

// Watch has self told of each end of a run of other from now on, until stop is called or self's
// run ends: with what message makes of a [Down], in self's own turn, after what waited in its
// mailbox then. Of one watch at most one Down waits; a later one takes its place. Watching
// what is gone tells so at once. A link is a watch whose message the handler answers with
// an error. While self does not run, Watch does nothing, and neither does stop. Of one that no
// supervisor runs, but something that calls its Serve, no end is told. It panics if message is
// nil.
func Watch[M, N any](self *Actor[M], other Address[N], message func(Down) M) (stop func()) {
	if message == nil {
		panic("tend/actor: Watch of " + self.name + " with a nil message")
	}
	w := &watch[M]{self: self, message: message}
	w.alarm = &alarm[M]{keeps: true, watch: w}
	self.mu.Lock()
	if !self.is(launched) {
		self.mu.Unlock()
		return func() {}
	}
	b := self.open().whole()
	b.alarms = append(b.alarms, w.alarm)
	self.mu.Unlock()
	unwatch := other.watch(w)
	self.endsWithRun(w.alarm, unwatch)
	return func() {
		self.stop(w.alarm)
		unwatch()
	}
}

// watch is one Watch: the alarm at the one who watches.
type watch[M any] struct {
	self    *Actor[M]
	message func(Down) M
	alarm   *alarm[M]
	down    Down // the last; guarded as the alarm
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

// watching is a watcher, and what it knows.
type watching struct {
	watcher
	run   uint64 // the latest run whose end is known to it, or is not its business,
	again bool   // and whether it was to run again by itself
}

// learn notes d, and says whether that is news.
func (w *watching) learn(d Down) bool {
	if w.run == d.Run && (d.Again || !w.again) {
		return false
	}
	w.run, w.again = d.Run, d.Again
	return true
}

// watch adds w to those who are told.
func (a *Actor[M]) watch(w watcher) (stop func()) {
	a.mu.Lock()
	if a.isGone() {
		d := Down{Name: a.name, Run: a.number()}
		a.mu.Unlock()
		w.tell(d)
		return func() {}
	}
	a.addWatcher(w)
	a.mu.Unlock()
	return func() { a.unwatch(w) }
}

// isGone: it has left, or will not run again by itself. The caller holds mu.
func (a *Actor[M]) isGone() bool { return a.is(closed) && !a.is(launched) }

// addWatcher has w told: of ends that are yet to come and, if none can come now, that none
// will; unless that is so already. The caller holds mu.
func (a *Actor[M]) addWatcher(w watcher) {
	b, one := a.open().whole(), watching{watcher: w}
	if !a.is(launched) {
		one.run, one.again = a.number(), !a.isGone()
	}
	b.watchers = append(b.watchers, one)
}

// dropWatcher has w told nothing any more. The caller of it holds mu of its actor.
func (b *box[M]) dropWatcher(w watcher) {
	b.watchers = withoutAny(b.watchers, func(one watching) bool { return one.watcher == w })
}

// forgetRuns: its runs are counted anew. The caller holds mu.
func (a *Actor[M]) forgetRuns() {
	a.run &= flagsMask
	if a.box == nil || a.box.rare == nil {
		return
	}
	for i := range a.box.watchers {
		a.box.watchers[i].run, a.box.watchers[i].again = 0, true
	}
}

// unwatch has w told nothing any more.
func (a *Actor[M]) unwatch(w watcher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.box == nil || a.box.rare == nil {
		return
	}
	a.box.dropWatcher(w)
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
	var to []watcher
	for i := range b.watchers {
		if one := &b.watchers[i]; one.learn(d) {
			to = append(to, one.watcher)
		}
	}
	if len(to) == 0 {
		a.mu.Unlock()
		return
	}
	a.tellDown(d, to...)
}

// tellDown has some who watch told of an end, after those before it, and unlocks mu.
func (a *Actor[M]) tellDown(d Down, to ...watcher) {
	b := a.box
	isFirst := len(b.downs) == 0
	b.downs = append(b.downs, untold{d, to})
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
		b.dropWatcher(w)
	}
	if b.downs = b.downs[1:]; len(b.downs) == 0 {
		b.downs = nil
	}
	return len(b.downs) > 0
}
