package actor

import (
	"context"

	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/timerid"
)

// How members of a group are put to sleep that have nothing to do. There is no timer for
// each: a hand goes round, a quarter of Idle for each round, and counts at each member how
// often it has passed since its last turn. At the fifth time Idle is over, and not more
// than a quarter more.

// enough is how often the hand has passed at a member that is to sleep.
const enough = 5

// turnHand lets the hand go round, if it does not.
func (g *Group[K, M]) turnHand() {
	if g.idle > 0 && g.hand.CompareAndSwap(false, true) {
		g.armHand()
	}
}

func (g *Group[K, M]) armHand() {
	g.host.Clock().AfterFunc(max(1, g.idle/4), g.sweep, timerid.Idle)
}

// sweep is one round of the hand. It stops when no member runs; the next that does lets it
// go on.
func (g *Group[K, M]) sweep() {
	if g.pass() > 0 {
		g.armHand()
		return
	}
	g.hand.Store(false)
	if g.pass() > 0 { // one was launched meanwhile
		g.turnHand()
	}
}

// pass has the hand pass at all members, and says how many run.
func (g *Group[K, M]) pass() (running int) {
	for i := range g.shards {
		n, out := g.shards[i].pass()
		running += n
		for _, o := range out {
			o.link.Slept(o.run, o.made)
		}
	}
	return running
}

// sleeper is a run that has ended as there was nothing to do.
type sleeper struct {
	link latent.Link
	run  uint64
	made context.Context
}

// pass is that for the members of a shard. It returns those that have fallen asleep.
func (s *shard[K, M]) pass() (running int, out []sleeper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		a := m.actor()
		a.mu.Lock()
		if a.is(launched) {
			running++
		}
		if a.isTired() && a.tire() {
			out = append(out, s.fallAsleep(m))
			running--
		}
		a.mu.Unlock()
	}
	return running, out
}

// isTired: it has nothing to do, and the hand has passed often enough. The caller holds mu.
func (a *Actor[M]) isTired() bool {
	if !a.is(launched) || a.is(listed) || !a.isStill() {
		return false
	}
	if a.run&looks < enough*look {
		a.run += look
	}
	return a.run&looks == enough*look
}

// isStill: it runs, has nothing to do, and waits for nothing. The caller holds mu.
func (a *Actor[M]) isStill() bool {
	if a.handler == nil || a.is(fresh|asked) {
		return false
	}
	b := a.box
	return b == nil || b.isEmpty() && b.first == nil && b.asks.n.Load() == 0 && !b.rare.isWatched() && !a.link.HasHelpers(b.context())
}

// tire says whether a can be put to sleep as it is. If its handler has a Stop, it is given
// a turn instead. The caller holds mu.
func (a *Actor[M]) tire() bool {
	if _, stops := a.handler.(stopper); !stops {
		return true
	}
	a.open().tired = true
	a.set(listed, true)
	a.link.Schedule((*turns[M])(a)) // it takes a lock that is never held for long
	return false
}

// fallAsleep ends the run of m. The caller holds mu, and that of the actor.
func (s *shard[K, M]) fallAsleep(m *member[K, M]) sleeper {
	a := m.actor()
	out := sleeper{a.link, a.number(), nil}
	if a.box != nil {
		out.made = a.box.context()
	}
	a.over()
	a.set(closed|asleep, true)
	s.depart(m)
	return out
}

// sleeps puts an actor to sleep that was given a turn for that, after its Stop, if nothing
// has come meanwhile; else New is called again at once.
func (w *turn[M]) sleeps() (asleep bool) {
	a, b := w.a, w.b
	a.mu.Lock()
	isTired := b.tired && a.isStill()
	b.tired = false
	if isTired {
		w.begins(0)
	}
	a.mu.Unlock()
	if !isTired {
		return false
	}
	stops, _ := a.handler.(stopper)
	b.stopping = true
	w.calling = true
	err := stops.Stop(a.contextOfStop(w.context(), w.number), nil)
	w.calling = false
	switch {
	case err != nil:
		w.fail(err)
		return false
	case a.spec.members.sleep(a):
		return true
	}
	b.stopping = false
	a.mu.Lock()
	a.handler = nil
	a.mu.Unlock()
	if !b.asked.Load() || a.drains() {
		w.create()
	}
	return false
}

// sleep ends the run of a if nothing has come.
func (g *Group[K, M]) sleep(a *Actor[M]) bool {
	m, is := a.link.Service().(*member[K, M])
	if !is {
		return false
	}
	s := g.shard(m.key)
	s.mu.Lock()
	a.mu.Lock()
	if s.members[m.key] != m || !a.isStill() {
		a.mu.Unlock()
		s.mu.Unlock()
		return false
	}
	out := s.fallAsleep(m)
	a.mu.Unlock()
	s.mu.Unlock()
	out.link.Slept(out.run, out.made)
	return true
}

// isAsleep: it was put to sleep, and has not run since.
func (a *Actor[M]) isAsleep() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.is(asleep)
}
