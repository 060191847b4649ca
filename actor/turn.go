package actor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/latent"
)

// turns is the actor as the scheduler sees it.
type turns[M any] Actor[M]

// turnLength is how many messages a turn has at most: then others have theirs. It is
// shorter if the messages take their time, see longest.
const turnLength = 64

// glances is how often a turn looks for more before it ends, unless others wait for theirs.
const glances = 2

// turn is one turn: it begins the run if it is new, hands messages to the handler, and
// ends the run. Only what is between calling and called is the code of others, and only
// what panics there is a failure of the run.
type turn[M any] struct {
	a       *Actor[M]
	b       *box[M]
	link    latent.Link // of the run: the actor may have another one as soon as the turn is over
	number  uint64
	worker  uint64 // 0: the goroutine of who asks
	calling bool   // code of others that may end the run
	losing  bool   // Lost, that is
	hand    M      // which it has, if handing
	handing bool
	handed  int  // since room was given
	isNew   bool // it has become idle, and its box is kept from now on
	worked  bool // there was a message: the next may be on its way
	shared  bool // it came from the mailbox of the pool
	passes  bool // and another member could take what is left there

	// What a message takes of the actor is here: see box.
	handler Handler[M]
	hands   int    // see Spec.hands
	drops   bool   // Spec.DropOldest
	out     []M    // as in the box
	done    int    // how many of these are
	begun   uint64 // how many were begun that the box does not know of

	pace  pace
	vigil *latent.Vigil // nil: there is no Watchdog
}

// Turn has a turn.
func (t *turns[M]) Turn(worker uint64) (more bool) {
	w := turn[M]{a: (*Actor[M])(t), worker: worker}
	defer w.unwatch()
	defer func() {
		exited := w.losing // a panic of Lost costs nothing
		if w.calling {
			v := recover()
			w.broke(w.link.Broken(v))
			more, exited = v != nil, v == nil
		}
		if exited { // it has called Goexit, and this goroutine ends
			w.link.Schedule(t)
		}
	}()
	return w.take()
}

// take is the turn.
func (w *turn[M]) take() (more bool) {
	if isFresh := w.enter(); isFresh && !w.b.asked.Load() {
		w.create()
	}
	if w.b.tired && w.sleeps() {
		return false
	}
	for n := 0; w.goesOn(); n++ {
		if n == turnLength || w.isLong() {
			w.pause()
			return true
		}
		if !w.next() {
			return false
		}
		if n == 1 || w.pace.slow || w.vigil != nil {
			w.look()
		}
		w.handle()
	}
	w.give()
	w.end()
	return false
}

// enter begins the turn. If there is something at once it has that in hand: New, what is
// left of what was taken over, or what has come.
func (w *turn[M]) enter() (isFresh bool) {
	a := w.a
	w.link = a.link // set before the run had a turn, and the next run has another
	w.pace.at = w.link.Note()
	w.pace.began = w.pace.at
	isFresh = w.enterLocked()
	if w.vigil != nil {
		w.link.Watch(w.vigil)
	}
	return isFresh
}

func (w *turn[M]) enterLocked() (isFresh bool) {
	a := w.a
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.open()
	b.worker = w.worker
	w.b, w.number = b, a.number()
	w.handler, w.hands, w.drops = a.handler, a.spec.hands(), a.spec.DropOldest
	w.out, w.done = b.out, b.next
	w.vigil = w.newVigil()
	isFresh = a.is(fresh)
	a.set(fresh, false)
	switch {
	case isFresh:
		b.mark(w.pace.at)
		b.unmark()
		w.begins(0)
	case w.done < len(w.out):
		b.mark(w.pace.at)
		b.unmark()
		w.resumes()
	case !b.tired && !w.drops && a.spec.pool == nil: // else what is taken over must be begun
		w.refillLocked(false)
	}
	return isFresh
}

// pause ends a turn of which there is more to come.
func (w *turn[M]) pause() {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	w.giveLocked()
	w.b.worker = 0
	w.rests()
}

// goesOn: the run is not to end. It goes on when it was asked to stop as long as it drains.
func (w *turn[M]) goesOn() bool {
	b := w.b
	switch {
	case b.failed != nil || b.ended:
		return false
	case !b.asked.Load():
		return true
	default:
		w.give()
		return w.a.drains()
	}
}

// create calls New.
func (w *turn[M]) create() {
	a := w.a
	w.calling = true
	h, err := a.spec.New(w.context(), a)
	w.calling = false
	if err == nil && guard.IsNil(h) {
		err = fmt.Errorf("tend/actor: Spec.New of %s has returned no Handler", a.name)
	}
	w.pace.at = w.link.Note()
	if isAwaited := w.born(h, err); isAwaited && err == nil {
		w.link.Ready(w.number)
	}
}

// born: New has returned.
func (w *turn[M]) born(h Handler[M], err error) (isAwaited bool) {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	if err == nil {
		w.handler = underTest(h, w.link)
		w.a.handler = w.handler
		w.resumes()
	} else {
		w.b.failed = err
	}
	if err != errDeparted { //nolint:errorlint // itself: New was not called, and its successor may be
		w.b.tellNews(news{err: err})
	}
	return w.a.is(holdsUp)
}

// fail notes how the run ends.
func (w *turn[M]) fail(err error) { w.b.failed = err }

// next takes a message in hand; false: nothing waits, and the turn is over.
func (w *turn[M]) next() bool {
	for look := 0; ; look++ {
		if !w.b.rang && w.takeDue() {
			w.b.rang = true
			return true
		}
		if w.done < len(w.out) {
			w.b.rang = false
			w.begin()
			return true
		}
		got := w.refill(look == glances || !w.worked || w.link.IsCrowded())
		if w.passes { // not under mu: of two members each would take the other's
			w.passes = false
			w.a.spec.pool.pass()
		}
		switch got {
		case refilled:
			if w.b.ended {
				return true
			}
			if w.shared || w.drops { // no alarm comes between: who fails with it keeps what it has not begun
				w.b.rang = false
				w.begin()
				return true
			}
		case nothing:
			if !w.b.rang {
				runtime.Gosched()
			}
			w.b.rang = false
		case left:
			if w.isNew {
				w.link.Keep((*turns[M])(w.a))
			}
			return false
		}
	}
}

type refill uint8

const (
	refilled refill = iota
	nothing         // has come, or the run is asked to end
	left            // the turn is over: the actor is idle
)

// begin takes the next of the messages that it has in hand.
func (w *turn[M]) begin() {
	var zero M
	w.hand, w.out[w.done] = w.out[w.done], zero
	w.done++
	w.handing, w.worked = true, true
	if !w.drops { // else it was counted as it was taken out
		w.begun++
		if asks := &w.b.asks; asks.n.Load() > 0 {
			asks.begun.Store(w.b.begun + w.begun) // it may be a question
		}
	}
	if w.shared {
		return // it had a place in another mailbox
	}
	if w.handed++; w.handed == w.hands {
		w.give()
	}
}

// refill takes over what has come; last: the turn ends if that is nothing.
func (w *turn[M]) refill(last bool) refill {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	return w.refillLocked(last)
}

func (w *turn[M]) refillLocked(last bool) refill {
	a, b := w.a, w.b
	w.giveLocked()
	if w.shared = false; len(b.in) == 0 {
		w.shared, w.passes = a.takeShared(last)
	}
	w.rests()
	switch {
	case w.shared:
	case len(b.in) == 0 && b.asked.Load(): // while it drained, or a moment ago
		b.ended = true
		return refilled
	case len(b.in) == 0 && b.isDue.Load():
		return nothing
	case len(b.in) == 0 && last:
		b.out, b.next, b.worker = b.out[:0], 0, 0
		a.set(listed|looks, false)
		w.isNew = a.rest(w.worked)
		return left
	case len(b.in) == 0:
		return nothing
	case a.spec.DropOldest:
		b.out, b.next = append(b.out[:0], b.oldest()), 0
		b.begun++
		b.asks.begun.Store(b.begun) // begun goes on while it is in hand, if others make room
	default:
		b.out, b.in, b.next = b.in, b.out[:0], 0
	}
	w.out, w.done = b.out, b.next
	b.unmark()
	switch {
	case w.shared:
		w.begins(0)
	case a.spec.DropOldest:
		w.begins(1)
	default:
		w.begins(1)
		b.busy.number++ // it is counted when it is taken in hand
	}
	return refilled
}

// save has the box know what was begun. The caller holds mu.
func (w *turn[M]) save() {
	w.b.next = w.done
	w.b.begun += w.begun
	w.begun = 0
}

// give gives the places of what was taken in hand to others.
func (w *turn[M]) give() {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	w.giveLocked()
}

func (w *turn[M]) giveLocked() {
	w.save()
	if w.handed > 0 {
		w.a.free(w.handed)
		w.handed, w.b.busy.taken = 0, 0
	}
}

// handle calls the handler with the message in hand.
func (w *turn[M]) handle() {
	if !w.handing { // nothing has come: the run ends
		return
	}
	w.calling = true
	err := w.handler.Handle(w.context(), w.hand)
	if err != nil && !isWish(err) { // it may have methods
		w.calling = false
		w.lose(err)
	}
	w.calling = false
	w.put()
	if err != nil {
		w.fail(err)
	} else {
		w.keep()
	}
}

// keep: if the message that was handled was a question, and there is no answer, its Reply is
// kept, and who asks does not wait for this handler any more.
func (w *turn[M]) keep() {
	b := w.b
	if b.asks.chained.Load() == 0 {
		return
	}
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	if q := b.asks.of(b.asks.begun.Load()); q != nil {
		q.keep()
	}
}

// context is that of the run. Only a turn changes which it is.
func (w *turn[M]) context() context.Context {
	if l := w.b.life; l != nil {
		return l
	}
	return (*firstLife[M])(w.a)
}

// put has the message in hand no more.
func (w *turn[M]) put() {
	var zero M
	w.hand, w.handing = zero, false
}

// isWish: the handler has handled the message, and asks for an end.
func isWish(err error) bool {
	return errors.Is(err, tend.ErrDoNotRestart) || errors.Is(err, tend.ErrTerminateTree)
}

// lose counts the message in hand as lost. That is told at the end of the run, which is
// near.
func (w *turn[M]) lose(why error) {
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	w.b.lose(w.hand, why)
}

// broke is how the run ends that has panicked or exited in code of others.
func (w *turn[M]) broke(err error) {
	w.calling = false
	if w.handing {
		w.lose(err)
		w.put()
	}
	switch {
	case w.a.handler == nil && w.b.failed == nil:
		w.born(nil, err)
	case w.b.failed == nil:
		w.fail(err)
	default: // of Stop, after a failure
		w.link.Beside(w.number, err)
	}
	w.give()
}

// end ends the run: it calls Stop, loses what waits if the mailbox is closed, and tells the
// supervisor.
func (w *turn[M]) end() {
	a, b := w.a, w.b
	w.tell()
	if s, is := a.handler.(stopper); is && !b.stopping {
		b.stopping = true
		w.pace.at = w.link.Note()
		a.mu.Lock()
		w.begins(0)
		a.mu.Unlock()
		w.calling = true
		err := s.Stop(a.contextOfStop(w.context(), w.number), b.cause())
		w.calling = false
		switch {
		case b.failed == nil:
			w.fail(err)
		case err != nil:
			w.link.Beside(w.number, err)
		}
	}
	w.loseRest()
	link, number := w.link, w.number
	a.mu.Lock()
	if b.rare != nil && b.telling { // another worker still tells of what was lost
		b.told = func() { a.finish(link, number) }
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	a.finish(link, number)
}

// finish is the last of a run.
func (a *Actor[M]) finish(link latent.Link, number uint64) {
	a.mu.Lock()
	b := a.box
	made, cause, failed := b.context(), b.wish().Cause, b.failed
	b.failBegun(cmp.Or(failed, cause))
	timers, leaves := b.silence()
	a.over()
	a.mu.Unlock()
	for _, t := range timers {
		t.Stop()
	}
	for _, leave := range leaves {
		leave()
	}
	if p := a.spec.pool; p != nil {
		p.pass()
	}
	link.Ended(number, made, cause, failed)
}

// loseRest loses what waits if the mailbox is closed, and has that told before the
// supervisor takes the run as over.
func (w *turn[M]) loseRest() {
	a := w.a
	a.mu.Lock()
	if a.is(closed) {
		w.b.loseAll(a.gone())
	}
	a.mu.Unlock()
	w.tell()
}

// tell tells what was lost.
func (w *turn[M]) tell() {
	w.losing = true
	w.a.tellNow()
	w.losing = false
}
