package actor

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
)

// box is what an actor has that is not idle, or that something is to be known of. The
// actor's mu guards all but what is said to be the turn's.
//
// What senders write for each message stands at the front, what a turn reads for each
// stands behind, and a line of the cache is between them: else each would wait for the
// other's processor at every message. For the same reason a turn keeps in itself what it
// changes for each message, and what it needs of the Actor, whose lock stands in its line:
// see turn.save.
type box[M any] struct {
	in   []M // what has come
	used int // places of the mailbox that are taken: what waits, and what was handed over a moment ago
	// Messages are known by how many came before them: those who ask wait for the fate of
	// theirs.
	put         uint64     // how many have come
	first, last *sender[M] // who waits for room, in the order in which they came

	begun uint64 // how many were taken in hand, or made room for others; a turn knows of more
	marks []mark // what is known of when those came that wait
	busy  busy

	// The turn's: messages that it has taken from in, of which out[:next] are done. It knows
	// of more that are.
	out  []M
	next int

	asks     questions
	life     *life[M]    // the context of a run that is not the first; nil: the record is it
	worker   uint64      // that has it in a turn; 0: none
	isDue    atomic.Bool // messages of alarms wait: a turn looks between two others
	asked    atomic.Bool // the run is, to stop: a turn looks between two messages
	ended    bool        // the run does, as it was asked
	stopping bool        // Stop has been called
	tired    bool        // its turn is there to put it to sleep
	rang     bool        // the last message was an alarm's: one of the mailbox comes before the next
	failed   error       // how the run ends

	*rare[M] // nil: there is nothing of all that; see whole
}

// rare is what few boxes need: one that is made for a turn is small without.
type rare[M any] struct {
	watchdog time.Duration // of the run, if that is not the one of the kind

	alarms []*alarm[M] // of the run
	due    []*alarm[M] // those of them whose messages wait

	made       context.Context
	cancel     context.CancelCauseFunc
	stop       latent.Stop // how the run was asked to stop
	drainUntil time.Time   // it goes on with what waits; zero: it does not

	news     []chan news // who waits for what New returns
	watchers []watching  // who is told of ends of runs
	downs    []untold    // those that are yet to be told

	why     error     // why the mailbox is closed
	missed  []lost[M] // messages for Lost
	telling bool      // they are being told, or will be
	told    func()    // to be called then; nil: nothing
	tally   tally
}

// whole is b with its rare part.
func (b *box[M]) whole() *box[M] {
	if b.rare == nil {
		b.rare = &rare[M]{}
	}
	return b
}

// isBare: nothing is in it that matters.
func (r *rare[M]) isBare() bool {
	return r == nil || r.watchdog == 0 && r.made == nil && r.why == nil && r.tally == (tally{}) && !r.isWatched()
}

// isWatched: somebody waits for what becomes of the actor, or it for something.
func (r *rare[M]) isWatched() bool {
	return r != nil && (len(r.alarms) > 0 || len(r.news) > 0 || len(r.watchers) > 0 || len(r.downs) > 0 || len(r.missed) > 0 || r.telling)
}

// sender is somebody who waits for room.
type sender[M any] struct {
	m     M
	q     *question // nil: nobody waits for an answer
	next  *sender[M]
	taken chan error // gets nil when m was taken, or why it never will
}

// IsOver: it need not wait any more.
func (w *sender[M]) IsOver() bool { return len(w.taken) > 0 }

// Send puts m into the mailbox. If that is full it waits its turn, first come first served,
// and returns the cause of ctx if that ends first: then m was not taken. If there is room m
// is taken whatever ctx says. Nil means that m will be handled once, or be lost and
// reported. It returns an error that is [ErrGone] if the actor is not there any more. It
// panics if ctx is nil.
func (a *Actor[M]) Send(ctx context.Context, m M) error {
	if ctx == nil {
		panic("tend/actor: Send to " + a.name + " with a nil context")
	}
	return a.send(ctx, m, nil)
}

// send is Send; q is what somebody waits for whose message that is.
func (a *Actor[M]) send(ctx context.Context, m M, q *question) error {
	if q != nil && a.spec.Inline && a.answers(m, q) {
		return nil
	}
	w, err := a.offer(m, true, q)
	if w == nil {
		return err
	}
	if q == nil { // else who asks has noted it
		over, err := waitFor(ctx, a, w)
		defer over.end()
		if err != nil && a.withdraw(w) {
			return err
		}
	}
	select {
	case err := <-w.taken:
		return err
	case <-ctx.Done():
	}
	if a.withdraw(w) {
		return context.Cause(ctx)
	}
	return <-w.taken
}

// TrySend is Send, and never waits: if there is no room, or others wait for some, it
// returns [ErrFull].
func (a *Actor[M]) TrySend(m M) error {
	_, err := a.offer(m, false, nil)
	return err
}

// offer takes m, or returns why not; if patient, and there is no room, who waits for some.
func (a *Actor[M]) offer(m M, patient bool, q *question) (*sender[M], error) {
	a.mu.Lock()
	if a.is(closed) {
		err := a.gone()
		a.mu.Unlock()
		return nil, err
	}
	b := a.open()
	if a.hasRoom() { // nobody waits then
		a.admit(m, q)
		a.wake()
		return nil, nil
	}
	switch {
	case a.spec.DropOldest:
		b.mark(a.moment())
		a.displace()
		a.take(m, q)
		a.tellLosses()
		return nil, nil
	case !patient:
		a.mu.Unlock()
		return nil, ErrFull
	}
	w := &sender[M]{m: m, q: q, taken: make(chan error, 1)}
	if b.last == nil {
		b.first = w
	} else {
		b.last.next = w
	}
	b.last = w
	a.mu.Unlock()
	return w, nil
}

// displace makes room with the oldest message. The caller holds mu.
func (a *Actor[M]) displace() {
	b := a.box
	b.lose(b.oldest(), ErrFull)
	b.begun++
	b.unmark()
	b.asks.end(b.begun, b.begun, ErrFull)
}

// hasRoom: one more message may wait. The caller holds mu.
func (a *Actor[M]) hasRoom() bool {
	return a.box.used < a.spec.size() || a.spec.DropOldest && len(a.box.in) == 0
}

// admit takes m and a place for it. The caller holds mu.
func (a *Actor[M]) admit(m M, q *question) {
	a.box.used++
	a.take(m, q)
}

// take puts m behind all others. The caller holds mu.
func (a *Actor[M]) take(m M, q *question) {
	b := a.box
	if len(b.in) == 0 {
		b.mark(a.moment())
	}
	b.in = append(b.in, m)
	b.put++
	if q != nil {
		q.number, q.of = b.put, a
		b.asks.add(q)
	}
}

// open is the box, which is made if there is none. The caller holds mu.
func (a *Actor[M]) open() *box[M] {
	if a.box == nil {
		a.box = a.newBox()
	}
	return a.box
}

// newBox is one that another actor needed a moment ago, or a new one. Those of a tree whose
// messages are of different types share what is kept.
func (a *Actor[M]) newBox() *box[M] {
	if a.link == nil {
		return &box[M]{}
	}
	used := a.link.Scratch()
	old := used.Get()
	if b, is := old.(*box[M]); is {
		return b
	}
	if old != nil {
		used.Put(old)
	}
	return &box[M]{}
}

// gone is what senders get.
func (a *Actor[M]) gone() error {
	switch {
	case a.box != nil && a.box.rare != nil && a.box.why != nil:
		return &goneError{a.name, a.box.why}
	case a.is(placed) && !a.is(asleep):
		return &goneError{a.name, a.link.Stopped()}
	default:
		return &goneError{a.name, tend.ErrRemoved}
	}
}

// wake gives the actor a turn, if it runs and has none, and unlocks mu.
func (a *Actor[M]) wake() {
	if p := a.spec.front; p != nil {
		p.wake()
		return
	}
	if !a.is(launched) || a.is(listed) {
		a.mu.Unlock()
		return
	}
	a.set(listed, true)
	link := a.link
	a.mu.Unlock()
	link.Schedule((*turns[M])(a))
}

// withdraw takes w out of the line, and says whether it was still in it.
func (a *Actor[M]) withdraw(w *sender[M]) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box
	if b == nil {
		return false
	}
	for p := (*sender[M])(nil); ; {
		next := b.first
		if p != nil {
			next = p.next
		}
		switch next {
		case nil:
			return false
		case w:
			if p == nil {
				b.first = w.next
			} else {
				p.next = w.next
			}
			if b.last == w {
				b.last = p
			}
			return true
		}
		p = next
	}
}

// oldest takes out the oldest message that waits. Messages of an actor that drops are not
// handed over in batches, so it is in in.
func (b *box[M]) oldest() M {
	m := b.in[0]
	var zero M
	b.in[0] = zero
	b.in = b.in[1:]
	return m
}

// free gives n places to those who wait for some. The caller holds mu.
func (a *Actor[M]) free(n int) {
	b := a.box
	for b.used -= n; n > 0 && b.first != nil; n-- {
		w := b.first
		b.first = w.next
		if b.first == nil {
			b.last = nil
		}
		a.admit(w.m, w.q)
		w.taken <- nil
	}
}

// refuse sends away all who wait for room, or for New.
func (b *box[M]) refuse(why error) {
	for w := b.first; w != nil; w = w.next {
		w.taken <- why
	}
	b.first, b.last = nil, nil
	b.tellNews(news{why, true})
}

// hands is how many messages at most a turn takes at once: room for new ones is given when
// they are through, at the latest that many late, or a quarter of the mailbox.
func (s *Spec[M]) hands() int {
	if s.DropOldest {
		return 1
	}
	return max(1, min(turnLength, s.size()/4))
}

// isEmpty: nothing waits.
func (b *box[M]) isEmpty() bool { return b == nil || len(b.in) == 0 && b.next == len(b.out) }
