package tend

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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
	dropped uint64        // since the last event in queue
	running bool          // a goroutine is calling the hook
	idle    chan struct{} // who waits for the queue to be empty; nil: nobody
}

// heard reports whether anybody gets the events of s.
func (s *Supervisor) heard() bool {
	for p := s; p != nil; p = p.parent.Load() {
		if p.hub.sinks.Load() != nil {
			return true
		}
	}
	return false
}

// emit puts an event into the queues of everybody who gets it.
func (s *Supervisor) emit(e Event) {
	for p := s; p != nil; p = p.parent.Load() {
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

// setHook makes f the hook if there is none; nil: there is to be none.
func (h *hub) setHook(f func(Event)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case f == nil && h.hook != nil:
		h.forget(h.hook)
		h.hook = nil
	case f != nil && h.hook == nil:
		h.hook = &sink{call: f}
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
	return h.hook.drained()
}

// put appends an event, or counts it if there is no room.
func (k *sink) put(e Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) >= queueSize {
		k.dropped++
		return
	}
	if k.dropped > 0 {
		k.queue = append(k.queue, EventsDropped{Origin{Time: e.From().Time, Supervisor: e.From().Supervisor}, k.dropped})
		k.dropped = 0
	}
	k.queue = append(k.queue, e)
	switch {
	case k.call == nil:
		select {
		case k.wake <- struct{}{}:
		default:
		}
	case !k.running:
		k.running = true
		go k.deliver()
	}
}

// take returns what is in the queue. spare is the slice to queue in next.
func (k *sink) take(spare []Event) []Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	batch := k.queue
	k.queue = spare[:0]
	return batch
}

// deliver calls the hook as long as there are events. The goroutine ends then,
// and also when the hook makes it exit; then the rest gets another one.
func (k *sink) deliver() {
	var batch []Event
	next := 0
	defer func() { k.rest(batch[next:]) }()
	for {
		batch, next = k.take(batch), 0
		if len(batch) == 0 {
			runtime.Gosched() // in a run of events the next may be there already
			if batch = k.take(batch); len(batch) == 0 {
				return
			}
		}
		for next < len(batch) {
			e := batch[next]
			batch[next] = nil
			next++
			k.deliverOne(e)
		}
	}
}

func (k *sink) deliverOne(e Event) { guard(func() { k.call(e) }) }

// rest ends a deliverer, or starts another one for what is left.
func (k *sink) rest(batch []Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.queue = append(batch, k.queue...)
	if len(k.queue) > 0 {
		go k.deliver()
		return
	}
	k.running = false
	if k.idle != nil {
		close(k.idle)
		k.idle = nil
	}
}

func (k *sink) drained() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.running {
		return *closed
	}
	if k.idle == nil {
		k.idle = make(chan struct{})
	}
	return k.idle
}

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
