package actor_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "simulate the tree of this seed only")
	simSeeds = flag.Uint64("sim.seeds", 1000, "simulate the trees of this many seeds")
)

// TestSimulation lets random trees of actors that misbehave live for a while, restarts,
// suspends, removes and adds them, and stops the tree, while many goroutines send. Each
// message that was taken is handled once, or lost and told once; those of one sender are
// handled in the order in which it sent them; and the events count what was lost.
//
//	go test ./actor -run TestSimulation -sim.seed 17
//
// runs one tree again.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulate(t, *simSeed)
		return
	}
	seeds := *simSeeds
	if testing.Short() {
		seeds /= 10
	}
	for seed := uint64(1); seed <= seeds && !t.Failed(); seed++ {
		simulate(t, seed)
	}
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		w := &world{t: t, r: rand.New(rand.NewPCG(seed, 3)), unit: time.Millisecond}
		w.run()
		if t.Failed() {
			t.Logf("seed %d; replay with -sim.seed %d", seed, seed)
		}
	})
}

// TestTrap28Stress is the simulation in real time, where all that can happen at once does,
// for the race detector above all.
func TestTrap28Stress(t *testing.T) {
	var all sync.WaitGroup
	for seed := range uint64(20) {
		w := &world{t: t, r: rand.New(rand.NewPCG(seed, 5)), unit: time.Microsecond}
		all.Go(w.run)
	}
	all.Wait()
}

// letter is a message of the simulation.
type letter struct {
	sender, number int
	reply          actor.Reply[int]
}

// name is the letter without what is in it.
func (m letter) name() letter { return letter{sender: m.sender, number: m.number} }

// world is a tree of actors, and those who use it.
type world struct {
	t    *testing.T
	r    *rand.Rand
	unit time.Duration // of all times
	root *tend.Supervisor
	all  []*subject

	mu   sync.Mutex
	told uint64 // lost, by events
}

// subject is an actor of the simulation, and what came of its messages.
type subject struct {
	w *world
	a *actor.Actor[letter]
	r *rand.Rand // of its handler

	mu      sync.Mutex
	token   tend.ServiceToken
	taken   map[letter]bool
	begun   map[letter]bool
	gone    map[letter]bool // its asker was told that it was not begun
	handled map[letter]int
	lost    map[letter]int
	last    map[int]int // of each sender, handled
}

// pause waits for so many units.
func (w *world) pause(n int) { time.Sleep(w.units(n)) }

func (w *world) units(n int) time.Duration { return time.Duration(n) * w.unit }

func (w *world) run() {
	w.root = tend.New("root", tend.Spec{
		Strategy: tend.Strategy(w.r.IntN(3)), FailureThreshold: float64(w.r.IntN(20)), Jitter: -1,
		FailureBackoff: w.units(1000), EventHook: w.hear, Timeout: w.units(60_000) + time.Second,
	})
	for range 1 + w.r.IntN(4) {
		w.add()
	}
	done := w.root.ServeBackground(context.Background())
	var users sync.WaitGroup
	for i := range 2 + w.r.IntN(5) {
		r := rand.New(rand.NewPCG(w.r.Uint64(), uint64(i)))
		users.Go(func() { w.send(i, r) })
	}
	meddler := rand.New(rand.NewPCG(w.r.Uint64(), 99))
	users.Go(func() {
		for range meddler.IntN(10) {
			w.pause(meddler.IntN(3000))
			w.meddle(meddler)
		}
	})
	if w.r.IntN(2) == 0 {
		w.pause(w.r.IntN(5000))
		w.root.Stop() // while all go on
	}
	users.Wait()
	w.root.Stop()
	<-done
	for _, s := range w.all {
		_ = w.root.Remove(s.token)
	}
	w.settle()
	w.check()
}

func (w *world) hear(e tend.Event) {
	if e, is := e.(tend.MessagesLost); is {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told += e.N
	}
}

// add makes a random actor.
func (w *world) add() {
	s := &subject{
		w: w, r: rand.New(rand.NewPCG(w.r.Uint64(), 7)),
		taken: map[letter]bool{}, begun: map[letter]bool{}, gone: map[letter]bool{}, handled: map[letter]int{}, lost: map[letter]int{}, last: map[int]int{},
	}
	spec := &actor.Spec[letter]{
		New: s.begin, Mailbox: 1 + w.r.IntN(8), DropOldest: w.r.IntN(4) == 0, Lost: s.lose,
		Child: tend.Child{Restart: tend.Restart(w.r.IntN(2))},
	}
	if w.r.IntN(3) == 0 {
		spec.Drain = w.units(1000 * (1 + w.r.IntN(5)))
	}
	if w.r.IntN(2) == 0 {
		spec.Child.Backoff = tend.Backoff{Min: w.units(1000)}
		spec.Child.Limit.N = w.r.IntN(4)
	}
	s.a = actor.New(fmt.Sprint("a", len(w.all)), spec)
	s.token = w.root.Add(s.a)
	w.all = append(w.all, s)
}

func (s *subject) begin(context.Context, *actor.Actor[letter]) (actor.Handler[letter], error) {
	if s.chance(12) {
		return nil, errBoom
	}
	if s.chance(3) {
		return &ender{s}, nil
	}
	return actor.Func[letter](s.handle), nil
}

// ender is a handler that takes a while to stop.
type ender struct{ s *subject }

func (e *ender) Handle(ctx context.Context, m letter) error { return e.s.handle(ctx, m) }

func (e *ender) Stop(context.Context, error) error {
	e.s.w.pause(1000)
	if e.s.chance(4) {
		panic("in Stop")
	}
	return nil
}

// chance is true once in n times.
func (s *subject) chance(n int) bool { return s.choose(n) == 0 }

func (s *subject) choose(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.IntN(n)
}

func (s *subject) handle(ctx context.Context, m letter) error {
	reply := m.reply
	m = m.name()
	s.mu.Lock()
	s.begun[m] = true
	s.mu.Unlock()
	if !s.chance(5) {
		reply.Send(m.number)
	}
	switch s.choose(40) {
	case 0:
		return errBoom
	case 1:
		panic("boom")
	case 2:
		runtime.Goexit()
	case 3:
		s.w.pause(s.choose(3000))
	case 4:
		<-time.After(s.w.units(1000))
	case 5:
		_ = s.w.root.Restart(s.tok(), nil)
	case 6:
		_ = s.w.root.Suspend(s.tok())
	case 7:
		_ = ctx.Done()
	case 8:
		_ = s.a.TrySend(letter{sender: -1}) // to itself
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.sender < 0 {
		return nil
	}
	s.handled[m]++
	if before, is := s.last[m.sender]; is && before > m.number {
		s.w.t.Errorf("%v: message %d of %d after %d", s.a, m.number, m.sender, before)
	}
	s.last[m.sender] = m.number
	return nil
}

func (s *subject) tok() tend.ServiceToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

func (s *subject) lose(m letter, why error) {
	m = m.name()
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.sender >= 0 {
		s.lost[m]++
	}
	if why == nil {
		s.w.t.Errorf("%v: %v was lost because of nothing", s.a, m)
	}
}

// send sends to actors at random.
func (w *world) send(me int, r *rand.Rand) {
	for number := range 5 + r.IntN(60) {
		s := w.all[r.IntN(len(w.all))]
		m := letter{sender: me, number: number}
		var err error
		switch r.IntN(4) {
		case 3:
			s.ask(m, r)
			continue
		case 0:
			ctx, cancel := context.WithTimeout(context.Background(), w.units(r.IntN(2000)))
			err = s.a.Send(ctx, m)
			cancel()
		default:
			err = s.a.TrySend(m)
		}
		switch {
		case err == nil:
			s.mu.Lock()
			s.taken[m] = true
			s.mu.Unlock()
		case errors.Is(err, actor.ErrFull), errors.Is(err, actor.ErrGone), errors.Is(err, context.DeadlineExceeded):
		default:
			w.t.Errorf("sending says %v", err)
		}
		if r.IntN(4) == 0 {
			w.pause(r.IntN(400))
		}
	}
}

// ask asks with m, and holds that what it gets is true.
func (s *subject) ask(m letter, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), s.w.units(1+r.IntN(20_000)))
	defer cancel()
	n, err := actor.Ask(ctx, s.a, func(reply actor.Reply[int]) letter { return letter{m.sender, m.number, reply} })
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil && n == m.number, errors.Is(err, actor.ErrFailed):
		if !s.begun[m] {
			s.w.t.Errorf("%v: %v was never begun, and answered with %d, %v", s.a, m, n, err)
		}
		s.taken[m] = true
	case errors.Is(err, actor.ErrGone), errors.Is(err, actor.ErrFull):
		s.gone[m] = true
	case errors.Is(err, context.DeadlineExceeded): // it may have been taken, or not
	default:
		s.w.t.Errorf("%v: asked with %v it says %d, %v", s.a, m, n, err)
	}
}

// meddle does something with an actor.
func (w *world) meddle(r *rand.Rand) {
	s := w.all[r.IntN(len(w.all))]
	switch r.IntN(5) {
	case 0:
		_ = w.root.Restart(s.tok(), nil)
	case 1:
		_ = w.root.Restart(s.tok(), errBoom)
	case 2:
		_ = w.root.Suspend(s.tok())
	case 3:
		_ = w.root.Remove(s.tok())
	case 4:
		if w.root.RemoveAndWait(context.Background(), s.tok()) == nil {
			tok := w.root.Add(s.a)
			s.mu.Lock()
			s.token = tok
			s.mu.Unlock()
		}
	}
}

// settle waits until all that was lost is told: by events, too.
func (w *world) settle() {
	w.pause(60_000)
	for range 1000 { // in real time nobody says when that is
		if w.lost() <= w.heard() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (w *world) heard() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

func (w *world) lost() (n uint64) {
	for _, s := range w.all {
		s.mu.Lock()
		for _, lost := range s.lost {
			n += uint64(lost)
		}
		s.mu.Unlock()
	}
	return n
}

func (w *world) check() {
	var lost uint64
	for _, s := range w.all {
		s.mu.Lock()
		for m := range s.taken {
			if n := s.handled[m] + s.lost[m]; n != 1 {
				w.t.Errorf("%v: %v was taken, handled %d times and lost %d times", s.a, m, s.handled[m], s.lost[m])
			}
		}
		for m, n := range s.lost {
			if n > 1 || s.handled[m] > 0 {
				w.t.Errorf("%v: %v was handled %d times, and lost %d times", s.a, m, s.handled[m], n)
			}
			lost += uint64(n)
		}
		for m := range s.gone {
			if s.begun[m] {
				w.t.Errorf("%v: %v was begun, and its asker was told that it was not", s.a, m)
			}
		}
		s.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told < lost { // its messages to itself are counted, too
		w.t.Errorf("%d were lost, %d told", lost, w.told)
	}
}
