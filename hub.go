package tend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/strand"
	"github.com/tend-go/tend/internal/timerid"
)

// Bounds of what waits for a hook or subscriber.
const (
	// queueSize is how many events wait. Two places are kept: for the end of its own
	// supervisor, and for the word that something before that is missing.
	queueSize = 1024
	reserved  = 2
	// burstSize is how many wait of those that somebody should hear of, unless it has
	// been busy with one event for drainTime: a tree of thousands that fails at once
	// is no reason to lose what a fast hook takes in some milliseconds. They are
	// some 20 MB.
	burstSize = 64 * queueSize
)

// How long the stop of a root waits for its hook to take the last events.
const (
	drainTime = 100 * time.Millisecond // for one
	drainMost = 5 * time.Second        // for all
)

// hub hands the events of a supervisor, and of all below it, to its hook and its
// subscribers.
type hub struct {
	sinks atomic.Pointer[[]*sink] // replaced, never changed: every event reads it, from any loop below; nil: none
	mu    sync.Mutex              // of those who replace it
	hook  *sink                   // one of them
	took  time.Duration           // how long the last stop of the supervisor took; the loop's
}

// sink is one hook or subscriber: a bounded queue of what it has not seen yet. A
// subscriber takes one event at a time. A hook takes all that wait into its hand, so
// that it and the loops, which run on other processors, meet once for each hand and not
// for each event.
type sink struct {
	of   *Supervisor   // whose events these are
	call func(Event)   // the hook; nil: a subscriber
	wake chan struct{} // for the subscriber
	details

	done atomic.Uint64 // how many events it has come back from

	mu      sync.Mutex
	queue   []Event // of which queue[:next] are taken
	next    int
	lost    EventsDropped // after the last in queue; none if N is 0
	spent   bool          // the last in queue is in a place that was kept
	inHand  int           // how many a hook has taken last, and what done is when it is
	handEnd uint64        // through with them
	// What has been seen of it: that it was through with so many, and since when; and that
	// it was given the time for more.
	seen    uint64
	since   time.Time
	yielded uint64 // 1 + done; 0: never

	// Of a hook: the strand that calls it, and that strand's work and memory.
	strand  strand.Strand
	work    func()
	hand    []Event // of which hand[:at] were begun with
	at      int
	calling bool // it is busy with one; of a subscriber, under mu, too
	accused bool // of a panic or an exit: that is said once
}

func newHook(s *Supervisor, f func(Event)) *sink {
	k := &sink{of: s, call: f}
	k.work = k.deliver
	return k
}

func newSubscriber(s *Supervisor) *sink { return &sink{of: s, wake: make(chan struct{}, 1)} }

// hears is what somebody gets of the events of s. Those of a service that is on the books may
// concern somebody above whom s is not any more.
func (s *Supervisor) hears() hearing {
	if s.plan.tally[StateStuck] > 0 {
		return everything
	}
	hears := nobody
	for p := s; p != nil; p = p.above() {
		for _, k := range p.hub.all() {
			if k.wantsDetails(s.plan.at) {
				return everything
			}
			hears = noDetails
		}
	}
	return hears
}

// emit puts what is to be told into the queues of everybody who gets it: here and above,
// and on whose books the service was that it is about.
func (s *Supervisor) emit() {
	if len(s.told) == 0 {
		return
	}
	for p := s; p != nil; p = p.above() {
		for _, k := range p.hub.all() {
			k.put(s.told, p == s)
		}
	}
	for _, p := range s.alsoTo {
		for _, k := range p.hub.all() {
			k.put(s.told, false)
		}
	}
	s.told = reuse(s.told)
}

func (h *hub) all() []*sink {
	if list := h.sinks.Load(); list != nil {
		return *list
	}
	return nil
}

// setHook makes f the hook if there is none; wanted is of its [details]. A nil f removes the
// hook.
func (s *Supervisor) setHook(f func(Event), wanted func() bool) {
	h := &s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case f == nil && h.hook != nil:
		h.forget(h.hook)
		h.hook = nil
	case f != nil && h.hook == nil:
		h.hook = newHook(s, f)
		h.hook.wanted = wanted
		h.remember(h.hook)
	}
}

// AddHook has f called with each event of the supervisor and of all below it from now
// on, as [Spec].EventHook is and beside that, until remove is called: for those who look
// at a tree that they did not make, such as metrics. It takes no goroutine while nothing
// happens. At the end of a stop nobody waits for f. It panics if f is nil. An event that
// is on its way when remove is called may still come.
func (s *Supervisor) AddHook(f func(Event)) (remove func()) {
	s.made()
	if f == nil {
		panic(fmt.Sprintf("tend: supervisor %q: AddHook: the function is nil", s.name))
	}
	k := newHook(s, f)
	s.hub.add(k)
	return func() { s.hub.remove(k) }
}

func (h *hub) add(k *sink) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remember(k)
}

func (h *hub) remove(k *sink) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(k)
}

// remember and forget replace the list. The caller holds h.mu.

func (h *hub) remember(k *sink) {
	list := append(slices.Clone(h.all()), k)
	h.sinks.Store(&list)
}

func (h *hub) forget(k *sink) {
	list := slices.DeleteFunc(slices.Clone(h.all()), func(other *sink) bool { return other == k })
	if len(list) == 0 {
		h.sinks.Store(nil)
		return
	}
	h.sinks.Store(&list)
}

// drain waits for the hook to take the last events: as long as it takes one in each
// drainTime, and no longer than drainMost, or than what is left of StopWithin. If
// nothing is left, the supervisor has the twentieth that it keeps for itself.
func (s *Supervisor) drain() {
	s.hub.mu.Lock()
	k := s.hub.hook
	s.hub.mu.Unlock()
	if k == nil {
		return
	}
	most := drainMost
	if within := s.plan.spec.StopWithin; within > 0 {
		most = min(most, max(within-s.hub.took, within/shareBelow))
	}
	drained := k.strand.Idle()
	for seen := uint64(0); most > 0 && !isClosed(drained) && k.progressed(&seen); most -= drainTime {
		s.await(drained, min(most, drainTime))
	}
}

// await waits until c is closed, and at most d.
func (s *Supervisor) await(c <-chan struct{}, d time.Duration) {
	timer := s.clock.Load().NewTimer(d, timerid.Drain)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.Channel():
	}
}

// put takes events that follow each other, or counts those for which there is no room.
// own: they are of the supervisor whose sink it is. There always is room for its end.
func (k *sink) put(events []Event, own bool) {
	if !k.wantsAny(events) {
		return
	}
	if n := k.push(events, own, true); n < len(events) {
		// It may be that the hook is fast and is only not being run. This is no
		// waiting: it happens once until it comes back from an event.
		runtime.Gosched()
		k.push(events[n:], own, false)
	}
	if k.call != nil {
		k.strand.Wake(k.work)
		return
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// push is put without the wake-up, and returns how many events it has dealt with: of the
// patient not all, the first time that a hook has no room until it comes back from an
// event.
func (k *sink) push(events []Event, own, patient bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := events[0].From().Time // of all
	k.tellOf(events)
	for i, e := range events {
		_, last := e.(SupervisorStopped)
		last = last && own
		room := k.hasRoom(!last && isNews(e), at)
		if !room && !last && patient && k.isToYield() {
			return i
		}
		k.push1(e, room, last)
	}
	return len(events)
}

// isToYield: the hook has not been given the time since it came back from an event.
func (k *sink) isToYield() bool {
	if k.call == nil || k.yielded == k.done.Load()+1 {
		return false
	}
	k.yielded = k.done.Load() + 1
	return true
}

// push1 takes an event for which there is room, or is to be made as it is the last.
func (k *sink) push1(e Event, room, last bool) {
	switch {
	case room:
	case last:
		k.makeRoom()
	default:
		k.lose(1, e)
		return
	}
	if k.lost.N > 0 {
		k.append(k.gap())
	}
	k.append(e)
	k.spent = !room
}

// hasRoom: an event of that time fits, and the word that something before it is
// missing. As long as little waits for a hook, how far it has come is looked at twice in
// a drainTime at most.
func (k *sink) hasRoom(news bool, at time.Time) bool {
	more := 1 + reserved
	if k.lost.N > 0 {
		more++
	}
	if k.call != nil && k.waiting()+k.inHand+more <= queueSize/2 && at.Sub(k.since) < drainTime/2 {
		return true
	}
	done := k.done.Load()
	idle := k.call != nil && done >= k.handEnd // a subscriber may be busy, or never come
	if idle || done != k.seen || k.since.IsZero() {
		k.seen, k.since = done, at
	}
	if idle {
		more++ // the end in a kept place may go into its hand: the next end needs one again
	}
	n := k.unseen() + more
	return n <= queueSize || news && n <= burstSize && at.Sub(k.since) < drainTime
}

// unseen is how many wait: those in the queue, and those in the hand of a hook but for
// the one that it is busy with.
func (k *sink) unseen() int {
	n := k.waiting()
	if done := k.done.Load(); done < k.handEnd {
		n += int(k.handEnd-done) - 1
	}
	return n
}

// isNews: somebody should hear of e.
func isNews(e Event) bool { return e.Level() >= slog.LevelWarn }

// makeRoom makes the places free that are kept for the end of the supervisor, if an
// end before that is there: the last one counts.
func (k *sink) makeRoom() {
	if !k.spent {
		return
	}
	k.takeBack()
	if _, is := k.queue[len(k.queue)-1].(EventsDropped); is {
		k.takeBack()
	}
}

// takeBack counts the last event in the queue as lost.
func (k *sink) takeBack() {
	end := len(k.queue) - 1
	e := k.queue[end]
	k.queue[end] = nil
	k.queue = k.queue[:end]
	if gap, is := e.(EventsDropped); is {
		k.lose(gap.N, e)
		return
	}
	k.lose(1, e)
}

func (k *sink) waiting() int { return len(k.queue) - k.next }

// lose counts n events, up to e.
func (k *sink) lose(n uint64, e Event) {
	k.lost.N += n
	if t := e.From().Time; t.After(k.lost.Time) {
		k.lost.Time = t
	}
}

// gap is the word that something is missing.
func (k *sink) gap() Event {
	told := k.lost
	told.Supervisor = k.of.place() // now: making a path costs more than an event, and few need one
	k.lost = EventsDropped{}
	return told
}

// append reuses the places of what has been taken, once that is half of all.
func (k *sink) append(e Event) {
	if len(k.queue) == cap(k.queue) && k.next > len(k.queue)/2 {
		n := copy(k.queue, k.queue[k.next:])
		clear(k.queue[n:])
		k.queue, k.next = k.queue[:n], 0
	}
	k.queue = append(k.queue, e)
}

// take returns what comes next for a subscriber: an event, or the word that some are
// missing though nothing follows; nil if there is nothing.
func (k *sink) take() (e Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.calling {
		k.done.Add(1)
	}
	switch {
	case k.waiting() > 0:
		e = k.queue[k.next]
		k.queue[k.next] = nil
		k.next++
	case k.lost.N > 0:
		e = k.gap()
	}
	if k.waiting() == 0 {
		k.queue, k.next, k.spent = reuse(k.queue), 0, false
	}
	k.calling = e != nil
	return e
}

// progressed reports whether the hook has come back from an event since it was seen
// last.
func (k *sink) progressed(seen *uint64) bool {
	before := *seen
	*seen = k.done.Load() + 1
	return *seen != before
}

// deliver calls the hook as long as there are events.
func (k *sink) deliver() {
	if k.calling {
		k.accuse(errHookExited)
		k.cameBack()
	}
	for k.hasMore() {
		_ = guard.Try(func() error { k.tellHand(); return nil }, func(v any) error {
			k.accuse(&PanicError{Value: v, PCs: goroutines.Callers(2)})
			k.cameBack()
			return nil
		})
	}
}

// tellHand calls the hook with what is in its hand.
func (k *sink) tellHand() {
	for k.at < len(k.hand) {
		e := k.hand[k.at]
		k.hand[k.at] = nil
		k.at++
		k.calling = true
		k.call(e)
		k.cameBack()
	}
}

func (k *sink) cameBack() {
	k.calling = false
	k.done.Add(1)
}

// hasMore: there is an event in the hook's hand, which takes all that wait if it is
// empty.
func (k *sink) hasMore() bool {
	return k.at < len(k.hand) || k.grab()
}

// grab takes all that wait, or the word that some are missing though nothing follows.
func (k *sink) grab() bool {
	wanted := k.askWhether() // what comes meanwhile makes that void
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting() == 0 && k.lost.N > 0 {
		k.append(k.gap())
	}
	k.hand, k.queue = k.queue, reuse(k.hand)
	k.at, k.spent, k.since = 0, false, time.Time{}
	k.inHand, k.handEnd = len(k.hand), k.done.Load()+uint64(len(k.hand))
	if k.inHand == 0 {
		k.told(wanted)
	}
	return k.inHand > 0
}

// errHookExited is what a hook did that did not return.
var errHookExited = errors.New("called runtime.Goexit")

// accuse logs that the hook does not return as it should: the first time, as it may
// do so for each event. Asking what it panicked with, and logging, is user code too.
func (k *sink) accuse(why error) {
	if k.accused {
		return
	}
	k.accused = true
	r := k.of.Reason(why)
	attrs := []slog.Attr{slog.String("supervisor", k.of.place()), slog.String("error", r.Text)}
	if stack := r.Stack(); stack != "" {
		attrs = append(attrs, slog.String("stack", stack))
	}
	guard.Do(func() { slog.LogAttrs(context.Background(), slog.LevelError, "event hook failed", attrs...) })
}

// Events returns the events of the supervisor and of all below it from now on,
// each once, in order. The sequence ends when ctx does; it goes on over times when
// the supervisor is not served. The tree never waits: at most 1,024 events wait for a
// slow loop. Those at level warning or above go on waiting, up to 65,536, until its
// body has been seen busy with one event for a tenth of a second. What does not fit is
// counted, and told as [EventsDropped] where it is missing. For the SupervisorStopped
// of the supervisor itself there always is a place.
//
// Events are kept from the call on, so that nothing is missed before the loop
// begins, and until ctx ends or the loop is left. The sequence can be used once.
func (s *Supervisor) Events(ctx context.Context) iter.Seq[Event] {
	s.made()
	k := newSubscriber(s)
	s.hub.add(k)
	forget := context.AfterFunc(ctx, func() { s.hub.remove(k) })
	return func(yield func(Event) bool) {
		defer s.hub.remove(k)
		defer forget()
		for ctx.Err() == nil {
			if e := k.take(); e == nil {
				select {
				case <-k.wake:
				case <-ctx.Done():
				}
			} else if !yield(e) {
				return
			}
		}
	}
}
