package actor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
)

// Pool is a nested supervisor of several actors, its members, behind one mailbox: whoever
// is free takes what came first, one message at a time. It is an [Address]. A member that
// fails is restarted alone; what it had not begun stays in the common mailbox. Messages of
// one sender are handled in order only if there is one member: to keep what belongs
// together apart from the rest, use a [Group] with the key hash(k) % n.
//
// Each member has a state of its own. What it sends to itself, its timers, and what it
// subscribes to or watches, it alone gets. A Pool is a [tend.Service], to be added to a
// supervisor. Make one with [NewPool]; all methods may be called at any time, from
// anywhere.
type Pool[M any] struct {
	supervisor *tend.Supervisor
	members    []*Actor[M]
	spec       Spec[M] // of the members
	mailbox    Spec[M] // of front

	// front is the mailbox: an actor that never runs. Its lock may be taken while that of a
	// member is held, not the other way round. It guards what follows.
	front Actor[M]
	free  []*Actor[M] // who has nothing to do, and was not given anything since
	down  int         // members that will not run again by themselves
}

// NewPool makes a pool of n members. Spec.Mailbox is the size of the common mailbox. If
// Child.Backoff and Child.Limit of spec are zero, Backoff is {Min: 100 ms, Max: 30 s,
// Jitter: 0.2}: a member answers for itself. It panics if n is less than 1, or a setting
// makes no sense.
func NewPool[M any](name string, n int, spec *Spec[M]) *Pool[M] {
	spec.check(name)
	switch {
	case n < 1:
		panic(fmt.Sprintf("tend/actor: NewPool %q: n is %d", name, n))
	case spec.Inline:
		panic(fmt.Sprintf("tend/actor: NewPool %q: Spec.Inline is set, and a pool asks nobody inline", name))
	}
	p := &Pool[M]{supervisor: tend.New(name, tend.Spec{}), spec: *spec, mailbox: *spec}
	host := latent.HostOf(p.supervisor)
	p.spec.Child.Backoff = ownBackoff(p.spec.Child)
	p.spec.DropOldest = false // of front, that is
	p.spec.pool, p.mailbox.front = p, p
	p.spec.losses = &losses[M]{host: host}
	p.mailbox.losses = p.spec.losses
	p.front.name, p.front.spec = name, &p.mailbox
	for i := range n {
		a := &Actor[M]{name: strconv.Itoa(i + 1), spec: &p.spec}
		p.supervisor.Add(a)
		p.members = append(p.members, a)
	}
	p.front.link = p.members[0].link // to tell of losses
	return p
}

// ownBackoff is the schedule of members that have none: each answers for itself.
func ownBackoff(c tend.Child) tend.Backoff {
	if c.Backoff == (tend.Backoff{}) && c.Limit == (tend.Limit{}) {
		return tend.Backoff{Min: 100 * time.Millisecond, Max: 30 * time.Second, Jitter: 0.2}
	}
	return c.Backoff
}

// Serve runs the pool until ctx ends. Its supervisor calls it. What waits when the members
// have stopped is lost, and told before it returns.
func (p *Pool[M]) Serve(ctx context.Context) error {
	err := p.supervisor.Serve(ctx)
	p.close(tend.ErrStopped)
	p.loseRest()
	return err
}

// Supervisor is the supervisor of the members, for Suspend, Restart, Status and Events.
func (p *Pool[M]) Supervisor() *tend.Supervisor { return p.supervisor }

// String is the name.
func (p *Pool[M]) String() string { return p.front.name }

// Send is [Actor.Send] to the common mailbox.
func (p *Pool[M]) Send(ctx context.Context, m M) error { return p.front.Send(ctx, m) }

// TrySend is [Actor.TrySend] to the common mailbox.
func (p *Pool[M]) TrySend(m M) error { return p.front.TrySend(m) }

// Mailbox is for the supervisor, which shows it.
func (p *Pool[M]) Mailbox() latent.Mailbox { return (*service[M])(&p.front).Mailbox() }

func (p *Pool[M]) send(ctx context.Context, m M, q *question) error { return p.front.send(ctx, m, q) }

// target is nobody, if there are several: any of them will do.
func (p *Pool[M]) target() waiter {
	if len(p.members) > 1 {
		return nil
	}
	return p.members[0]
}

// watch is told of the ends of runs of all members.
func (p *Pool[M]) watch(w watcher) (stop func()) {
	var stops []func()
	for _, a := range p.members {
		stops = append(stops, a.watch(w))
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// wake gives a member that is free a turn, and unlocks the mailbox.
func (p *Pool[M]) wake() {
	for len(p.free) > 0 {
		end := len(p.free) - 1
		a := p.free[end]
		p.free[end] = nil
		p.free = p.free[:end]
		p.front.mu.Unlock()
		if a.called() {
			return
		}
		p.front.mu.Lock()
	}
	p.front.mu.Unlock()
}

// pass has another member that is free take what waits, if anything does: somebody was woken
// for it who does not come, or it came into the mailbox as there was room.
func (p *Pool[M]) pass() {
	p.front.mu.Lock()
	if p.front.box.isEmpty() {
		p.front.mu.Unlock()
		return
	}
	p.wake()
}

// called: a member that was free is to have a turn; false: it does not run, or is busy with
// what it alone got. Then it looks at the mailbox before it is idle again.
func (a *Actor[M]) called() bool {
	a.mu.Lock()
	a.set(free, false)
	isUp := a.is(launched) && !a.is(listed)
	a.wake()
	return isUp
}

// takeShared takes a message over from the mailbox of a's pool; if there is none, and the
// turn is about to end, a is free from then on. More: another one that is free could take
// what is left. The caller holds mu.
func (a *Actor[M]) takeShared(idle bool) (taken, more bool) {
	p := a.spec.pool
	if p == nil {
		return false, false
	}
	p.front.mu.Lock()
	defer p.front.mu.Unlock()
	if p.front.box.isEmpty() {
		if idle && !a.is(free) {
			a.set(free, true)
			p.free = append(p.free, a)
		}
		return false, false
	}
	m, q := p.front.next()
	b := a.box
	b.out, b.next = append(b.out[:0], m), 0
	b.put++
	if q != nil {
		q.number, q.movedTo = b.put, a
		b.asks.add(q)
	}
	return true, len(p.free) > 0 && !p.front.box.isEmpty()
}

// next takes out the oldest message, and who waits for its answer. The caller holds mu.
func (a *Actor[M]) next() (M, *question) {
	b := a.box
	m := b.oldest()
	b.begun++
	b.mark(a.moment())
	b.unmark()
	q := b.asks.of(b.begun)
	if q != nil {
		b.asks.remove(q)
	}
	a.free(1)
	if len(b.in) == 0 && !b.isSmall() {
		b.in = nil
	}
	return m, q
}

func (p *Pool[M]) hasMore() bool {
	p.front.mu.Lock()
	defer p.front.mu.Unlock()
	return !p.front.box.isEmpty()
}

// rose: a runs, or is to when its turn comes or somebody asks for that, and the mailbox is open.
func (p *Pool[M]) rose(a *Actor[M]) {
	p.front.mu.Lock()
	defer p.front.mu.Unlock()
	if a.is(fallen) {
		a.set(fallen, false)
		p.down--
	}
	p.front.reopen()
}

// close closes the mailbox when the pool stops.
func (p *Pool[M]) close(why error) {
	f := &p.front
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.is(closed) {
		return
	}
	f.set(closed, true)
	b := f.open().whole()
	b.why = why
	b.refuse(f.gone())
}

// fell: a will not run again by itself. If none of them will, what waits is lost.
func (p *Pool[M]) fell(a *Actor[M], why error) {
	p.front.mu.Lock()
	if !a.is(fallen) {
		a.set(fallen, true)
		p.down++
	}
	isLast := p.down == len(p.members)
	p.front.mu.Unlock()
	if !isLast {
		return
	}
	p.close(errors.Join(errAllDown, why))
	p.loseLater()
}

var errAllDown = errors.New("tend/actor: no member of the pool is left")

// loseLater has what waits told as lost by a worker.
func (p *Pool[M]) loseLater() {
	f := &p.front
	f.mu.Lock()
	f.open().whole().loseAll(f.gone())
	f.tellLosses()
}

// loseRest loses what waits, and returns when that is told.
func (p *Pool[M]) loseRest() {
	f := &p.front
	f.mu.Lock()
	b := f.open().whole()
	b.loseAll(f.gone())
	if !b.telling {
		f.mu.Unlock()
		f.tellNow()
		return
	}
	told := make(chan struct{})
	b.told = func() { close(told) }
	f.mu.Unlock()
	<-told
}
