package cluster

import (
	"sync"
	"time"
)

// A reporter calls Options.EventHook with one event after the other, from a goroutine that
// exists while there are any. It is the node's and not of one run, so that two runs never call
// the hook at once; and nobody waits for it, as a hook may do what it likes.
type reporter struct {
	name string // the node's
	hook func(Event)
	room int // for so many events

	mu    sync.Mutex
	queue []Event
	lost  int  // events that there was no room for, and that are not told yet
	busy  bool // the goroutine exists
}

func newReporter(o Options) *reporter {
	return &reporter{name: o.Name, hook: o.EventHook, room: 1024}
}

// put has an event told. If the hook does not keep up it is lost, which is told as soon as
// there is room.
func (r *reporter) put(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) >= r.room {
		r.lost++
		return
	}
	r.add(e)
	if !r.busy {
		r.busy = true
		go r.run()
	}
}

func (r *reporter) add(e Event) {
	e.Time = time.Now()
	r.queue = append(r.queue, e)
}

// next takes the event that is to be told. false: there is none, and the goroutine ends.
func (r *reporter) next() (e Event, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.queue, r.busy = nil, false
		return e, false
	}
	e, r.queue = r.queue[0], r.queue[1:]
	if r.lost > 0 {
		r.add(Event{Kind: KindEventsDropped, Member: r.name, Dropped: r.lost})
		r.lost = 0
	}
	return e, true
}

func (r *reporter) run() {
	done := false
	defer func() {
		if !done {
			go r.run() // the hook has ended its goroutine
		}
	}()
	for e, ok := r.next(); ok; e, ok = r.next() {
		r.call(e)
	}
	done = true
}

func (r *reporter) call(e Event) {
	defer func() { _ = recover() }() // the node lives on
	r.hook(e)
}
