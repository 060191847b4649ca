package latent

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thejerf/abtime"
)

// Task is something that gets turns.
type Task interface {
	// Turn, on the goroutine of a worker with that number, does some of what there is to do, and says whether there is more: then the
	// task goes to the end of the list. It may be a while in coming back, as it calls user
	// code, and may even call [runtime.Goexit].
	Turn(worker uint64) (more bool)
}

// Scheduler gives turns to those who are ready, first come first served, on a few
// goroutines that are there only while somebody is. The zero value is ready; Name, if it
// is set, gives each of them a number and a context with the pprof labels that find it, Now is the time of
// the tree, and After calls f when some of that has passed.
//
// There is one for each tree, so that trees share no lock, and tests in bubbles of
// testing/synctest do not meet.
type Scheduler struct {
	Name  func() (number uint64, labels context.Context)
	Now   func() time.Duration
	After func(d time.Duration, f func()) abtime.Timer
	Waits Waits // of those who have turns
	// Scratch is what services need while they are busy, of any kind, for others to use next.
	Scratch sync.Pool

	// The list of those who are ready is in two parts, so that those who have tasks and the
	// workers meet at a lock only now and then: first come those of out, and when there are
	// none left all of in go there.
	mu      sync.Mutex // held for a few instructions, and never while anything is called
	in      queue
	came    atomic.Int64 // the length of in
	workers int          // goroutines that take turns, in one or not
	most    int          // how many there are to be; more if they are blocked
	looking int          // of them, those that have nothing to do and look again
	probing bool

	keeping []Keeper // a ring
	oldest  int
	vigils  vigils // this and keeping are between what senders write and what workers write

	outMu   sync.Mutex // is taken before mu
	out     queue
	left    atomic.Int64  // the length of out
	turns   atomic.Uint64 // that are over
	moment  atomic.Int64  // when the latest one began; 0: nobody works
	tooMany atomic.Bool   // there are more workers than there are to be; changed under mu
	yields  atomic.Uint64 // of the probe
}

// Moment is the time of the tree, to within a turn: when the latest turn began. The
// clock is read only while nobody works.
func (s *Scheduler) Moment() time.Duration {
	if m := s.moment.Load(); m != 0 {
		return time.Duration(m)
	}
	return s.now()
}

// Note has a turn that begins, or takes its time, say what time it is.
func (s *Scheduler) Note() time.Duration {
	m := s.now()
	s.moment.Store(int64(m))
	return m
}

func (s *Scheduler) now() time.Duration {
	if s.Now == nil {
		return 0
	}
	return s.Now()
}

// Ready puts t on the list, on which it must not be already.
func (s *Scheduler) Ready(t Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(t)
	s.cover()
}

// IsCrowded: tasks are ready, and nobody has come for them.
func (s *Scheduler) IsCrowded() bool { return s.left.Load() > 0 || s.came.Load() > 0 }

// length is how many are ready, at least: some may come at any time. The caller holds mu.
func (s *Scheduler) length() int { return s.in.length + int(s.left.Load()) }

// cover sees to it that somebody comes for those who are ready: a worker that is looking,
// a new one, or else the probe. The caller holds mu.
func (s *Scheduler) cover() {
	switch {
	case s.length() <= s.looking:
	case s.workers == 0:
		s.most = runtime.GOMAXPROCS(0)
		s.hire()
	case s.workers < s.most:
		s.hire()
	case !s.probing:
		s.probing = true
		go s.probe()
	}
}

func (s *Scheduler) put(t Task) {
	s.in.push(t)
	s.came.Store(int64(s.in.length))
}

// hire begins a worker. The caller holds mu.
func (s *Scheduler) hire() {
	s.workers++
	s.tooMany.Store(s.workers > s.most)
	go s.work()
}

// leave is the end of a worker. The caller holds mu.
func (s *Scheduler) leave() {
	s.workers--
	s.tooMany.Store(s.workers > s.most)
}

// looks is how often a worker that has nothing to do looks again before it ends.
const looks = 4

// work takes turns as long as there are any.
func (s *Scheduler) work() {
	number, labels := s.name()
	over := false
	defer func() {
		if !over { // a turn has called Goexit, or the program is about to end
			s.mu.Lock()
			defer s.mu.Unlock()
			s.leave()
			s.hire()
		}
	}()
	pprof.SetGoroutineLabels(labels)
	for {
		t := s.next()
		if t == nil {
			break
		}
		seen, yields := s.turns.Load(), s.yields.Load()
		more := t.Turn(number)
		pprof.SetGoroutineLabels(labels) // as a handler may have left some
		isFree := s.yields.Load() >= yields+probes
		if !s.done(t, more, s.turns.Add(1) > seen+1 && !isFree) {
			break
		}
	}
	over = true
}

// name is the number of a new worker, and a context with its labels.
func (s *Scheduler) name() (number uint64, labels context.Context) {
	if s.Name == nil {
		return 0, context.Background()
	}
	return s.Name()
}

// FrameOfWorker is a function on the stack of each worker, and of no goroutine that a turn
// starts, though that has the label.
const FrameOfWorker = "internal/latent.(*Scheduler).work"

// next is whose turn it is; nil, after a few looks, if nobody is ready: then the worker has
// left.
func (s *Scheduler) next() Task {
	if t := s.take(); t != nil {
		return t
	}
	s.seek(1)
	for look := 0; ; look++ {
		if t := s.take(); t != nil {
			s.seek(-1)
			return t
		}
		if look >= looks && s.gone() {
			return nil
		}
		runtime.Gosched()
	}
}

// seek has one more, or one less, look for something to do: it comes for one who is ready.
func (s *Scheduler) seek(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looking += more
	s.cover()
}

// gone: a worker that was looking has left; false: somebody is ready.
func (s *Scheduler) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.length() > 0 {
		return false
	}
	s.looking--
	if s.leave(); s.workers == 0 {
		s.moment.Store(0)
	}
	return true
}

// take is whose turn it is; nil: nobody is ready.
func (s *Scheduler) take() Task {
	for {
		switch {
		case s.left.Load() > 0:
			if t := s.takeOut(); t != nil {
				return t
			}
		case s.came.Load() == 0:
			return nil
		default:
			if t := s.takeIn(); t != nil {
				return t
			}
		}
	}
}

func (s *Scheduler) takeOut() Task {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	t := s.out.pop()
	s.left.Store(int64(s.out.length))
	return t
}

// few are not worth to be moved to out.
const few = 8

// takeIn takes one if they are few, or else moves them to out.
func (s *Scheduler) takeIn() (t Task) {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.length > 0 { // somebody was faster
		return nil
	}
	if s.in.length > few {
		s.in, s.out = s.out, s.in
		t = s.out.pop()
	} else {
		t = s.in.pop()
	}
	s.came.Store(int64(s.in.length))
	s.left.Store(int64(s.out.length))
	return t
}

// done ends a turn of t, and says whether the worker goes on. One of more than there are to be
// leaves if the processors were busy meanwhile, and others have taken turns: they are not
// blocked.
func (s *Scheduler) done(t Task, more, progress bool) bool {
	if !more && !(progress && s.tooMany.Load()) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if more {
		s.put(t)
	}
	if s.workers > s.most && progress {
		s.leave()
		s.cover()
		return false
	}
	return true
}

// How the probe finds out that a processor is free.
const (
	probes   = 32
	probeFor = time.Millisecond
)

// probe does nothing but yield while somebody is ready and all workers are in a turn. If it
// is given the processor many times in a moment, then one is free, as they wait for
// something, and it hires one. Nobody waits for it, and it needs no timer: in a bubble of
// testing/synctest no clock moves. To hire more at once, when the first wait too, was tried:
// while the garbage collector holds up those who make memory, thousands were.
func (s *Scheduler) probe() {
	for began, i, turns := time.Now(), 0, s.turns.Load(); ; i++ {
		runtime.Gosched()
		s.yields.Add(1)
		now := s.turns.Load()
		switch {
		case !s.IsCrowded():
			if s.ends(0) {
				return
			}
		case now != turns:
			began, i, turns = time.Now(), 0, now
		case i >= probes && time.Since(began) < probeFor:
			if s.ends(1) {
				return
			}
			began, i = time.Now(), 0
		case i >= probes:
			began, i = time.Now(), 0
		}
	}
}

// ends hires so many, and says whether nobody is ready beside those whom they come for: then
// the probe is over.
func (s *Scheduler) ends(hired int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range hired {
		s.hire()
	}
	s.probing = s.length() > hired
	return !s.probing
}

// Keeper is something that holds memory while it is idle, and lets go of it if asked to.
type Keeper interface{ Shrink() }

// keepers is how many of a tree hold memory while they are idle.
const keepers = 1024

// Keep has k hold its memory until that many others do.
func (s *Scheduler) Keep(k Keeper) {
	s.mu.Lock()
	if s.keeping == nil {
		s.keeping = make([]Keeper, keepers)
	}
	old := s.keeping[s.oldest]
	s.keeping[s.oldest] = k
	s.oldest = (s.oldest + 1) % keepers
	s.mu.Unlock()
	if old != nil {
		old.Shrink()
	}
}

// queue is a list of tasks, in a ring that grows and is let go of when it is empty.
type queue struct {
	ring   []Task
	first  int
	length int
}

// kept is how large a ring is kept while it is empty.
const kept = 1024

func (q *queue) push(t Task) {
	if q.length == len(q.ring) {
		q.grow()
	}
	q.ring[(q.first+q.length)&(len(q.ring)-1)] = t
	q.length++
}

func (q *queue) grow() {
	ring := make([]Task, max(16, 2*len(q.ring)))
	n := copy(ring, q.ring[q.first:])
	copy(ring[n:], q.ring[:q.first])
	q.ring, q.first = ring, 0
}

func (q *queue) pop() Task {
	if q.length == 0 {
		return nil
	}
	t := q.ring[q.first]
	q.ring[q.first] = nil
	q.first = (q.first + 1) & (len(q.ring) - 1)
	if q.length--; q.length == 0 && len(q.ring) > kept {
		*q = queue{}
	}
	return t
}
