package actor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// TestGroupSimulation lets members of random groups misbehave, sleep, leave and come, while
// many send to their keys, and others remove, suspend, restart and reconcile. There are
// never two states of one key; each message that was taken is handled once, or lost and
// told once; those of one sender are handled in the order in which it sent them; and in the
// end nobody is leaving for ever.
func TestGroupSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulateGroup(t, *simSeed)
		return
	}
	seeds := *simSeeds
	if testing.Short() {
		seeds /= 10
	}
	for seed := uint64(1); seed <= seeds && !t.Failed(); seed++ {
		simulateGroup(t, seed)
	}
}

func simulateGroup(t *testing.T, seed uint64) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		newTown(t, rand.New(rand.NewPCG(seed, 11)), time.Millisecond).run()
		if t.Failed() {
			t.Logf("seed %d; replay with -sim.seed %d", seed, seed)
		}
	})
}

// TestGroupStress is that in real time.
func TestGroupStress(t *testing.T) {
	var all sync.WaitGroup
	for seed := range uint64(20) {
		w := newTown(t, rand.New(rand.NewPCG(seed, 13)), time.Microsecond)
		all.Go(w.run)
	}
	all.Wait()
}

// town is a group of the simulation, and what came of its messages.
type town struct {
	t    *testing.T
	unit time.Duration
	g    *actor.Group[int, parcel]
	root *tend.Supervisor

	mu      sync.Mutex
	r       *rand.Rand
	states  map[int]int // by key
	taken   map[parcel]bool
	handled map[parcel]int
	lost    map[parcel]int
	last    map[[2]int]int // by sender and key
	told    uint64
}

// parcel is a message.
type parcel struct{ sender, key, number int }

const townKeys = 5

func newTown(t *testing.T, r *rand.Rand, unit time.Duration) *town {
	t.Helper()
	w := &town{
		t: t, unit: unit, r: r, states: map[int]int{}, taken: map[parcel]bool{}, handled: map[parcel]int{}, lost: map[parcel]int{}, last: map[[2]int]int{},
	}
	spec := actor.GroupSpec[int, parcel]{
		New:        w.begin,
		Actor:      actor.Spec[parcel]{Mailbox: 1 + r.IntN(8), Lost: w.lose, Child: tend.Child{Backoff: tend.Backoff{Min: w.units(500)}}},
		Supervisor: tend.Spec{Timeout: w.units(60_000) + time.Second, MaxServices: r.IntN(2) * (2 + r.IntN(5))},
	}
	if r.IntN(3) > 0 {
		spec.Idle = w.units(200 + r.IntN(1000))
	}
	if r.IntN(3) == 0 {
		spec.Actor.Drain = w.units(1000 * (1 + r.IntN(5)))
	}
	w.g = actor.NewGroup("g", spec)
	w.root = tend.New("root", tend.Spec{EventHook: w.hear, Timeout: w.units(60_000) + time.Second})
	w.root.Add(w.g)
	return w
}

func (w *town) units(n int) time.Duration { return time.Duration(n) * w.unit }

func (w *town) choose(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.IntN(n)
}

func (w *town) run() {
	done := w.root.ServeBackground(context.Background())
	var users sync.WaitGroup
	for sender := range 2 + w.choose(4) {
		users.Go(func() { w.send(sender) })
	}
	users.Go(func() {
		for range w.choose(30) {
			time.Sleep(w.units(w.choose(800)))
			w.meddle()
		}
	})
	users.Wait()
	time.Sleep(w.units(20_000))
	for range 1000 { // in real time nobody says when all have left
		if w.g.Len() <= townKeys {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	if n := w.g.Len(); n > townKeys {
		w.t.Errorf("%d members of %d keys", n, townKeys)
	}
	w.root.Stop()
	<-done
	w.settle()
	w.check()
}

func (w *town) hear(e tend.Event) {
	if e, is := e.(tend.MessagesLost); is {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told += e.N
	}
}

// citizen is a member. It always has a Stop, so that its end is known.
type citizen struct {
	w   *town
	key int
}

func (w *town) begin(_ context.Context, _ *actor.Actor[parcel], key int) (actor.Handler[parcel], error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.states[key] != 0 {
		w.t.Errorf("key %d has a state already", key)
	}
	switch w.r.IntN(12) {
	case 0:
		return nil, errBoom
	case 1:
		return nil, tend.ErrDoNotRestart
	}
	w.states[key]++
	return &citizen{w, key}, nil
}

func (c *citizen) Stop(context.Context, error) error {
	if n := c.w.choose(400); n > 200 {
		time.Sleep(c.w.units(n))
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.states[c.key]--
	if c.w.r.IntN(8) == 0 {
		return errBoom
	}
	return nil
}

func (c *citizen) Handle(_ context.Context, m parcel) error {
	w := c.w
	switch w.choose(40) {
	case 0:
		return errBoom
	case 1:
		panic("boom")
	case 2:
		runtime.Goexit()
	case 3:
		time.Sleep(w.units(w.choose(2000)))
	case 4:
		w.g.Remove(c.key)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handled[m]++
	at := [2]int{m.sender, m.key}
	if before := w.last[at]; before > m.number {
		w.t.Errorf("key %d: message %d of %d after %d", m.key, m.number, m.sender, before)
	}
	w.last[at] = m.number
	if w.r.IntN(20) == 0 {
		return tend.ErrDoNotRestart
	}
	return nil
}

func (w *town) lose(m parcel, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost[m]++
	if why == nil {
		w.t.Errorf("%v was lost because of nothing", m)
	}
}

func (w *town) send(sender int) {
	for number := range 10 + w.choose(60) {
		m := parcel{sender, w.choose(townKeys), number}
		var err error
		if w.choose(3) == 0 {
			ctx, cancel := context.WithTimeout(context.Background(), w.units(w.choose(2000)))
			err = w.g.To(m.key).Send(ctx, m)
			cancel()
		} else {
			err = w.g.To(m.key).TrySend(m)
		}
		switch {
		case err == nil:
			w.mu.Lock()
			w.taken[m] = true
			w.mu.Unlock()
		case errors.Is(err, actor.ErrFull), errors.Is(err, tend.ErrTooManyServices), errors.Is(err, context.DeadlineExceeded):
		default:
			w.t.Errorf("sending says %v", err)
		}
		if w.choose(3) == 0 {
			time.Sleep(w.units(w.choose(600)))
		}
	}
}

// meddle does something with the group, or with a member.
func (w *town) meddle() {
	key := w.choose(townKeys)
	services := w.g.Supervisor().Status().Services
	var token tend.ServiceToken
	if len(services) > 0 {
		token = services[w.choose(len(services))].Token
	}
	switch w.choose(7) {
	case 0:
		w.g.Remove(key)
	case 1:
		w.g.Reconcile(slices.Values([]int{key, (key + 1) % townKeys}))
	case 2:
		_ = w.g.Supervisor().Restart(token, nil)
	case 3:
		_ = w.g.Supervisor().Suspend(token)
	case 4:
		_ = w.g.Supervisor().Remove(token)
	case 5:
		ctx, cancel := context.WithTimeout(context.Background(), w.units(1000))
		defer cancel()
		_ = w.g.Put(ctx, key)
	case 6:
		for range w.g.All() {
			w.g.Len()
		}
	}
}

// settle waits until all that was lost is told.
func (w *town) settle() {
	time.Sleep(w.units(60_000))
	for range 1000 { // in real time nobody says when that is
		if w.losses() <= w.heard() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (w *town) heard() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

func (w *town) losses() (n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, lost := range w.lost {
		n += uint64(lost)
	}
	return n
}

func (w *town) check() {
	if lost, told := w.losses(), w.heard(); lost != told {
		w.t.Errorf("%d were lost, and %d told", lost, told)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for m := range w.taken {
		if w.handled[m]+w.lost[m] != 1 {
			w.t.Errorf("%v was taken, handled %d times and lost %d times", m, w.handled[m], w.lost[m])
		}
	}
	for key, n := range w.states {
		if n != 0 {
			w.t.Errorf("key %d has %d states in the end", key, n)
		}
	}
}
