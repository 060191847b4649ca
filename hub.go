package tend

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/strand"
)

// queueSize is how many events wait for a slow hook or subscriber at most.
const queueSize = 1024

// hub hands the events of a supervisor, and of all below it, to its hook and its
// subscribers.
type hub struct {
	sinks atomic.Pointer[[]*sink] // replaced, never changed: every event reads it, from any loop below; nil: none
	mu    sync.Mutex              // of those who replace it
	hook  *sink                   // one of them
}

// sink is one hook or subscriber: a bounded queue of what it has not seen yet.
type sink struct {
	call func(Event)   // the hook; nil: a subscriber
	wake chan struct{} // for the subscriber

	mu      sync.Mutex
	queue   []Event
	dropped uint64 // since the last event in queue

	// Of a hook: the strand that calls it, and that strand's work and place. batch
	// and next are here and not on its stack so that, should the hook make the
	// goroutine exit, the next one goes on with batch[next:].
	strand strand.Strand
	work   func()
	batch  []Event
	next   int
}

func newHook(f func(Event)) *sink {
	k := &sink{call: f}
	k.work = k.deliver
	return k
}

// heard reports whether anybody gets the events of s. Those of a service that is on
// the books may concern somebody above whom s is not any more.
func (s *Supervisor) heard() bool {
	if s.plan.tally[StateStuck] > 0 {
		return true
	}
	for p := s; p != nil; p = p.above() {
		if p.hub.sinks.Load() != nil {
			return true
		}
	}
	return false
}

// emit puts an event into the queues of everybody who gets it: here and above, and on
// whose books the service was that it is about.
func (s *Supervisor) emit(e Event) {
	for p := s; p != nil; p = p.above() {
		for _, k := range p.hub.all() {
			k.put(e)
		}
	}
	for _, p := range s.alsoTo {
		for _, k := range p.hub.all() {
			k.put(e)
		}
	}
}

func (h *hub) all() []*sink {
	if list := h.sinks.Load(); list != nil {
		return *list
	}
	return nil
}

// setHook makes f the hook if there is none. A nil f removes the hook.
func (h *hub) setHook(f func(Event)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case f == nil && h.hook != nil:
		h.forget(h.hook)
		h.hook = nil
	case f != nil && h.hook == nil:
		h.hook = newHook(f)
		h.remember(h.hook)
	}
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

// drained is closed once the hook has seen everything that is in its queue now.
func (h *hub) drained() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hook == nil {
		return *closed
	}
	return h.hook.strand.Idle()
}

// put takes an event, or counts it if there is no room.
func (k *sink) put(e Event) {
	k.push(e)
	if k.call != nil {
		k.strand.Wake(k.work)
		return
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *sink) push(e Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) >= queueSize {
		k.dropped++
		return
	}
	if k.dropped > 0 {
		from := Origin{Time: e.From().Time, Supervisor: e.From().Supervisor}
		k.queue = append(k.queue, EventsDropped{from, k.dropped})
		k.dropped = 0
	}
	k.queue = append(k.queue, e)
}

// take returns what is in the queue. spare is the slice to queue in next.
func (k *sink) take(spare []Event) []Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	batch := k.queue
	k.queue = spare[:0]
	return batch
}

// deliver calls the hook as long as there are events.
func (k *sink) deliver() {
	for {
		for k.next < len(k.batch) {
			e := k.batch[k.next]
			k.batch[k.next] = nil
			k.next++
			guard.Do(func() { k.call(e) })
		}
		k.refill()
		if len(k.batch) == 0 {
			runtime.Gosched() // in a run of events the next may be there already
			if k.refill(); len(k.batch) == 0 {
				return
			}
		}
	}
}

func (k *sink) refill() { k.batch, k.next = k.take(k.batch), 0 }

// Events returns the events of the supervisor and of all below it from now on,
// each once, in order. The sequence ends when ctx does; it goes on over times when
// the supervisor is not served. At most 1,024 events wait for a slow loop, what
// does not fit is counted ([EventsDropped]). The tree never waits.
//
// Events are kept from the call on, so that nothing is missed before the loop
// begins, and until ctx ends or the loop is left. The sequence can be used once.
func (s *Supervisor) Events(ctx context.Context) iter.Seq[Event] {
	s.made()
	k := &sink{wake: make(chan struct{}, 1)}
	s.hub.add(k)
	forget := context.AfterFunc(ctx, func() { s.hub.remove(k) })
	return func(yield func(Event) bool) {
		defer s.hub.remove(k)
		defer forget()
		for ctx.Err() == nil {
			for _, e := range k.take(nil) {
				if ctx.Err() != nil || !yield(e) {
					return
				}
			}
			select {
			case <-k.wake:
			case <-ctx.Done():
			}
		}
	}
}
