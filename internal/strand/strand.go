// Package strand has work done in a goroutine that is there only while there is
// work. That is what an actor, a queue with one reader, and a thing that is done
// again on demand have in common.
package strand

import (
	"sync"
	"sync/atomic"
)

// Strand calls a function on demand, one call at a time. The zero value is ready,
// and must not be copied once it is used. Its methods may be called by any
// goroutine.
type Strand struct {
	state   atomic.Uint32
	mu      sync.Mutex // state leaves running and waking with it held
	waiting *waiting   // who waits; nil: nobody has ever
}

// The states. They only go round: idle, woken, running, idle; or back from running
// to woken.
const (
	idle    uint32 = iota // there is no goroutine
	running               // there is one, in a call that knows of all that was woken
	woken                 // there is one, and it will make another call
)

// waiting is who waits for the end of the call under way, and of the one after it.
type waiting struct{ now, next []chan struct{} }

// Wake has work called, from its beginning, after this moment. It never waits.
// During a call of work any number of Wakes make one more call after it, so work
// has to look for all that there is to do, and to bear that there is nothing. What
// was done before Wake happens before the call.
//
// All Wakes of a strand give the same work. Keep it in a field: a method value that
// is made for each Wake is an allocation, and nothing else of Wake is one, unless
// the goroutine has to be started.
//
// A panic of work ends the program. If work calls [runtime.Goexit], it is called
// again in another goroutine, since there may be more to do. So it must have taken
// what made it do that, or there would be no end.
func (s *Strand) Wake(work func()) {
	if s.state.Swap(woken) == idle {
		go s.run(work)
	}
}

// Idle returns a channel that is closed once all is done for which Wake was called
// before: it is closed already, or will be when a call returns that began after the
// last of these Wakes. It does not wait for what is woken later. Work must not wait
// for its own strand.
func (s *Strand) Idle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state.Load()
	if state == idle {
		return closed
	}
	if s.waiting == nil {
		s.waiting = &waiting{}
	}
	c := make(chan struct{})
	if state == running {
		s.waiting.now = append(s.waiting.now, c)
	} else {
		s.waiting.next = append(s.waiting.next, c)
	}
	return c
}

// run calls work as long as somebody wants it.
func (s *Strand) run(work func()) {
	over := false
	defer func() {
		if !over { // work has called Goexit, or the program is about to end
			go s.run(work)
		}
	}()
	for !over {
		s.begin()
		work()
		over = s.end()
	}
}

// begin begins a call: it knows of all that was woken until now. Who waited for a
// call that has called Goexit waits for this one.
func (s *Strand) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Swap(running) // not Store: what was done before each Wake must be seen
	if w := s.waiting; w != nil {
		w.now, w.next = append(w.now, w.next...), nil
	}
}

// end ends a call, and says whether it was the last.
func (s *Strand) end() (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.waiting; w != nil {
		for _, c := range w.now {
			close(c)
		}
		w.now = nil
	}
	return s.state.CompareAndSwap(running, idle)
}

// closed is the channel of who does not have to wait.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
