package actor

import (
	"cmp"
	"context"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/timerid"
)

// Latent is for the supervisor, which needs no goroutine for an actor.
func (a *Actor[M]) Latent() latent.Service { return (*service[M])(a) }

// service is the actor as its supervisor sees it.
type service[M any] Actor[M]

// Itself is the actor.
func (s *service[M]) Itself() any { return (*Actor[M])(s) }

// Settings are those of its kind.
func (s *service[M]) Settings() any { return &s.spec.Child }

// IsMember: it is not.
func (s *service[M]) IsMember() bool { return false }

// Enter takes it into a tree.
func (s *service[M]) Enter(l latent.Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := (*Actor[M])(s)
	if a.is(placed | alone) {
		panic("tend/actor: " + s.name + " is being added, and is in a tree already, or Serve was called")
	}
	a.set(placed, true)
	a.link = l
	a.reopen()
	a.forgetRuns()
}

// Worker is the number of the worker that has it.
func (s *service[M]) Worker() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.box == nil {
		return 0
	}
	return s.box.worker
}

// Mailbox is what there is to say of the messages.
func (s *service[M]) Mailbox() latent.Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (*Actor[M])(s).status()
}

// reopen lets messages in. The caller holds mu.
func (a *Actor[M]) reopen() {
	a.set(closed|asleep, false)
	if a.box != nil && a.box.rare != nil {
		a.box.why = nil
	}
}

// Launch begins a run.
func (s *service[M]) Launch(l latent.Link, number uint64) {
	a := (*Actor[M])(s)
	watchdog, isAwaited := l.Watchdog(), l.Awaited()
	a.mu.Lock()
	a.link = l
	if a.box != nil && !a.is(begun) {
		a.box.remark(l.Moment())
	}
	a.run = number<<flagBits | a.run&flagsMask
	a.reopen()
	a.set(launched|fresh|listed, true)
	a.set(asked, false)
	a.set(holdsUp, isAwaited)
	if p := a.spec.pool; p != nil {
		p.rose(a)
	}
	a.guard(watchdog)
	if a.is(begun) {
		a.open().life = &life[M]{a}
	}
	a.mu.Unlock()
	l.Schedule((*turns[M])(a))
}

// Cancel asks the run to stop.
func (s *service[M]) Cancel(number uint64, why latent.Stop) {
	a := (*Actor[M])(s)
	a.mu.Lock()
	if a.number() != number {
		a.mu.Unlock()
		return
	}
	if !a.is(launched) || a.is(asked) { // it is over, but for helpers, or was asked because one of them has failed
		a.shut(why)
		a.mu.Unlock()
		return
	}
	a.set(asked, true)
	a.set(closed, why.Final)
	a.closeShared(why)
	if _, stops := a.handler.(stopper); !stops && !a.is(listed) && a.box.isBare() { // idle: there is nothing to do
		a.over()
		link := a.link
		a.mu.Unlock()
		link.Ended(number, nil, why.Cause, nil)
		return
	}
	b := a.open().whole()
	if why.Failed && b.made != nil && b.made.Err() != nil { // by what has failed of what the run has started
		why.Cause = context.Cause(b.made)
	}
	b.stop = why
	b.asked.Store(true)
	if why.Final {
		b.why = why.Cause
		b.refuse(a.gone())
		a.drain()
	}
	cancel := b.cancel
	if !a.isCancelled() {
		cancel = nil
	}
	ends := a.drainEnds()
	a.wake()
	if cancel != nil {
		cancel(why.Cause)
	}
	ends()
}

// closeShared closes the mailbox of the pool, if that stops. The caller holds mu.
func (a *Actor[M]) closeShared(why latent.Stop) {
	if p := a.spec.pool; p != nil && why.Final && !why.Leaves {
		p.close(why.Cause)
	}
}

// Finish closes the mailbox, or opens it again. What waits is not drained: the context of the run
// has ended, and cannot go on again.
func (s *service[M]) Finish(number uint64, why latent.Stop) {
	a := (*Actor[M])(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.number() != number:
	case why.Final:
		a.shut(why)
	case !a.is(asleep):
		if p := a.spec.pool; p != nil {
			p.rose(a)
		}
		a.reopen()
	}
}

// shut closes the mailbox, if the run is the last. What waits in it is lost when it is known that
// it is. The caller holds mu.
func (a *Actor[M]) shut(why latent.Stop) {
	if !why.Final || a.is(closed) {
		return
	}
	a.set(closed, true)
	a.closeShared(why)
	b := a.open().whole()
	b.why = why.Cause
	b.refuse(a.gone())
}

// Hasten: the run is to be through earlier.
func (s *service[M]) Hasten(number uint64, by time.Time) {
	a := (*Actor[M])(s)
	a.mu.Lock()
	if b := a.box; b != nil && b.rare != nil && a.is(launched) && a.number() == number {
		b.stop.By = by
		a.drainBy(b.drainUntil)
	}
	ends := a.drainEnds()
	a.mu.Unlock()
	ends()
}

// over ends the run. The caller holds mu.
func (a *Actor[M]) over() {
	a.set(launched|fresh|listed|asked, false)
	a.set(begun, true)
	a.handler = nil
	b := a.box
	if b == nil {
		return
	}
	b.worker, b.busy = 0, busy{}
	b.life, b.failed, b.ended, b.stopping, b.tired = nil, nil, false, false, false
	if r := b.rare; r != nil {
		r.made, r.cancel, r.stop, r.drainUntil, r.watchdog = nil, nil, latent.Stop{}, time.Time{}, 0
	}
	b.asked.Store(false)
	a.drop()
}

// drop lets go of the box, if there is nothing in it. The caller holds mu.
func (a *Actor[M]) drop() {
	if a.box.isBare() {
		a.box = nil
	}
}

// isBare: nothing is in the box that matters.
func (b *box[M]) isBare() bool {
	return b == nil || b.isEmpty() && b.first == nil && b.life == nil && !b.asked.Load() && b.asks.n.Load() == 0 && b.rare.isBare()
}

// rest is drop of an actor that has become idle; busy: it was, and not merely with New. Its
// box is for the next one. An actor that has been busy before mostly soon is again, and keeps
// it: the last of a tree that were so do, and rest says whether this is one more. Whoever has
// looked into the box without mu was having a turn, or waited for something, and then it is
// not bare. The caller holds mu.
func (a *Actor[M]) rest(busy bool) (isNew bool) {
	switch {
	case !a.box.isBare():
		if b := a.box; b.isEmpty() && !b.isSmall() {
			b.in, b.out, b.next = nil, nil, 0
		}
		return false
	case !a.box.isSmall():
		a.box = nil
		return false
	case a.is(kept):
		return false
	case busy && a.is(warm):
		a.set(kept, true)
		return true
	}
	a.set(warm, busy)
	a.passOn()
	return false
}

// passOn lets others have the box, which is bare. The caller holds mu.
func (a *Actor[M]) passOn() {
	b := a.box
	a.box = nil
	b.marks = b.marks[:0]
	if b.rare != nil { // mostly it is not, and to write a pointer costs more
		b.rare = nil
	}
	a.link.Scratch().Put(b)
}

// isSmall: it is no waste to keep it.
func (b *box[M]) isSmall() bool { return cap(b.in)+cap(b.out) <= 2*turnLength }

// Shrink lets go of what was kept.
func (t *turns[M]) Shrink() {
	a := (*Actor[M])(t)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(kept|warm, false)
	if !a.is(listed) && a.box != nil && a.box.isBare() {
		a.passOn()
	}
}

// Settle notes what is to become of the actor, which does not run.
func (s *service[M]) Settle(now latent.Settled) {
	a := (*Actor[M])(s)
	a.mu.Lock()
	if now.Fate == latent.Gone {
		a.set(placed, false)
	}
	if now.Fate == latent.Again || now.Fate == latent.Kept {
		a.reopen()
		if p := a.spec.pool; p != nil && a.is(fallen) {
			p.rose(a)
		}
		a.ended(now)
		return
	}
	a.set(closed, true)
	why := now.Err
	if why == nil {
		why = a.link.Stopped()
	}
	if p := a.spec.pool; p != nil {
		p.fell(a, why)
	}
	if a.box == nil && (now.Err == nil || now.Fate == latent.Gone && now.Err == tend.ErrRemoved) { //nolint:errorlint // itself, which gone knows, as why the supervisor has stopped
		a.mu.Unlock()
		return
	}
	b := a.open().whole()
	b.why = why
	b.refuse(a.gone())
	b.loseAll(a.gone())
	a.tellLosses()
	a.mu.Lock()
	a.ended(now)
}

// drain begins to drain: see Spec.Drain. One that has failed, or has nothing to do, does not. The
// caller holds mu.
func (a *Actor[M]) drain() {
	if a.spec.Drain == 0 || a.handler == nil || a.box.stop.Failed || !a.is(listed) && !a.hasMore() {
		return
	}
	a.drainBy(a.link.Clock().Now().Add(a.spec.Drain))
}

// drainBy sets the end of draining, or one before that if less time is left. The caller holds
// mu.
func (a *Actor[M]) drainBy(until time.Time) {
	if by := a.box.stop.By; !by.IsZero() {
		if most := by.Add(-by.Sub(a.link.Clock().Now()) / shareOfStop); most.Before(until) {
			until = most
		}
	}
	a.box.drainUntil = until
}

// shareOfStop is the part of the time to stop that is left for Stop: a twentieth.
const shareOfStop = 20

// hasMore: a message waits for it. The caller holds mu.
func (a *Actor[M]) hasMore() bool {
	return !a.box.isEmpty() || a.spec.pool != nil && a.spec.pool.hasMore()
}

// isDraining: what waits is handled though the run was asked to stop. The caller holds mu.
func (a *Actor[M]) isDraining() bool {
	return a.box != nil && a.box.rare != nil && !a.box.drainUntil.IsZero()
}

// drains: it is draining, and has the time for one more.
func (a *Actor[M]) drains() bool {
	a.mu.Lock()
	if !a.isDraining() {
		a.mu.Unlock()
		return false
	}
	b := a.box
	if a.hasMore() && a.link.Clock().Now().Before(b.drainUntil) {
		a.mu.Unlock()
		return true
	}
	a.endDrain()
	return false
}

// endDrain ends the context of the run, and unlocks mu.
func (a *Actor[M]) endDrain() {
	b := a.box
	b.drainUntil = time.Time{}
	cancel, cause := b.cancel, b.stop.Cause
	a.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

// drainEnds returns what has draining end in time though a message is in hand, which may wait for
// that. It is not to be called under mu: the clock is somebody's. A timer that is not needed any more
// finds nothing to do. The caller holds mu.
func (a *Actor[M]) drainEnds() func() {
	if !a.isDraining() {
		return func() {}
	}
	number, until, clock := a.number(), a.box.drainUntil, a.link.Clock()
	return func() {
		clock.AfterFunc(max(0, until.Sub(clock.Now())), func() {
			a.mu.Lock()
			if !a.is(launched) || a.number() != number || !a.isDraining() {
				a.mu.Unlock()
				return
			}
			a.endDrain()
		}, timerid.Send)
	}
}

// cause is why the run ends, for Stop.
func (b *box[M]) cause() error {
	switch {
	case b.failed != nil:
		return b.failed
	case b.rare == nil:
		return nil
	default:
		return b.stop.Cause // not all of it: By may change
	}
}

// wish is how the run was asked to stop, if it was.
func (b *box[M]) wish() latent.Stop {
	if b.rare == nil {
		return latent.Stop{}
	}
	return b.stop
}

// contextOfStop has the values of ctx, is not cancelled, and its deadline is when the run is
// taken as stuck, which may come nearer.
func (a *Actor[M]) contextOfStop(ctx context.Context, number uint64) context.Context {
	c := &stopContext[M]{Context: context.WithoutCancel(ctx), of: a, number: number}
	if by, _ := c.Deadline(); by.IsZero() && a.spec.Child.Timeout > 0 {
		c.by = a.link.Clock().Now().Add(a.spec.Child.Timeout)
	}
	return c
}

// stopContext is a context with a deadline that does not end it: what is in hand then is
// not made to fail by that, and the supervisor reports it.
type stopContext[M any] struct {
	context.Context
	of     *Actor[M]
	number uint64    // the run
	by     time.Time // unless the run was asked to stop by some time
}

func (c *stopContext[M]) Deadline() (by time.Time, is bool) {
	a := c.of
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.box != nil && a.is(launched) && a.number() == c.number {
		by = a.box.wish().By
	}
	by = cmp.Or(by, c.by)
	return by, !by.IsZero()
}
