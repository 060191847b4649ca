package actor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/said"
)

// Group is a nested supervisor whose services are actors, its members: one for each key,
// named after it. Members are made when a message comes for their key and, if
// [GroupSpec].Idle is set, put to sleep when they have had nothing to do for a while. A
// Group is a [tend.Service], to be added to a supervisor. Make one with [NewGroup]; all
// methods may be called at any time, from anywhere.
//
// There is one state of a key at most: a message for a key whose member is leaving waits for
// its successor, which begins when the old one has left. Before the group is served for the
// first time members are made and wait; when it has stopped, sending returns [ErrGone].
//
// The events that members start, are ready or have ended as asked are not made; what goes
// wrong is told. The status lists a thousand members, those in trouble first, and counts
// the others: [tend.Status].Idle.
type Group[K comparable, M any] struct {
	supervisor *tend.Supervisor
	host       latent.Host
	spec       *Spec[M] // of the members
	begin      func(ctx context.Context, self *Actor[M], key K) (Handler[M], error)
	idle       time.Duration
	most       int64 // members; 0: no limit

	seed   maphash.Seed
	shards [shards]shard[K, M]
	count  atomic.Int64 // members, and those that are leaving
	hand   atomic.Bool  // it goes round: see sweep
	over   atomic.Bool  // Serve has returned

	reconciling sync.Mutex
}

// GroupSpec is how a [Group] is. It must not be changed once it has been used.
type GroupSpec[K comparable, M any] struct {
	// New makes the state with which each run of the member with that key begins. It decides
	// whether the key may be: after an error that is [tend.ErrDoNotRestart] the member leaves,
	// and its messages are lost; Ask returns an [ErrGone] that wraps the error. After any other
	// the messages wait until New succeeds.
	New func(ctx context.Context, self *Actor[M], key K) (Handler[M], error)

	// Actor are the settings of the members. Its New must be nil. If Child.Backoff and
	// Child.Limit are zero, Backoff is {Min: 100 ms, Max: 30 s, Jitter: 0.2}: a member answers
	// for itself, and one sick key never pauses the others.
	Actor Spec[M]

	// Idle, if positive, is after how long without a turn a member is put to sleep; it may be
	// a quarter more. Its Stop is called, with a nil cause, and it leaves, unless a message has
	// come meanwhile: then New is called again at once. A member is not idle as long as it
	// has a question that is open, a timer, a subscription, a watch, or a goroutine of
	// [tend.Go], or somebody watches it.
	Idle time.Duration

	// Supervisor are the settings of the group. With MaxServices sending to one key more
	// returns [tend.ErrTooManyServices].
	Supervisor tend.Spec
}

// NewGroup makes a group. The name is its part of paths. It panics if New is nil, or a
// setting makes no sense.
func NewGroup[K comparable, M any](name string, spec GroupSpec[K, M]) *Group[K, M] {
	spec.check(name)
	g := &Group[K, M]{
		supervisor: tend.New(name, spec.Supervisor), begin: spec.New, idle: spec.Idle,
		most: int64(spec.Supervisor.MaxServices), seed: maphash.MakeSeed(), spec: &spec.Actor,
	}
	g.host = latent.HostOf(g.supervisor)
	g.spec.New, g.spec.members, g.spec.losses = g.newHandler, g, &losses[M]{host: g.host}
	g.spec.Child.Backoff = ownBackoff(g.spec.Child)
	return g
}

func (s *GroupSpec[K, M]) check(name string) {
	bad := func(what string, args ...any) {
		panic(fmt.Sprintf("tend/actor: NewGroup %q: "+what, append([]any{name}, args...)...))
	}
	switch {
	case s.New == nil:
		bad("GroupSpec.New is nil")
	case s.Actor.New != nil:
		bad("GroupSpec.Actor.New is set; GroupSpec.New makes the states")
	case s.Idle < 0:
		bad("GroupSpec.Idle is %v", s.Idle)
	}
	s.Actor.New = func(context.Context, *Actor[M]) (Handler[M], error) { return nil, errNoMember }
	s.Actor.check(name)
}

// Serve runs the group until ctx ends. Its supervisor calls it. What waits for members that
// could not come, as others had not left, is lost.
func (g *Group[K, M]) Serve(ctx context.Context) error {
	g.over.Store(false)
	err := g.supervisor.Serve(ctx) // it panics if it is being served
	g.over.Store(true)
	for i := range g.shards {
		g.shards[i].dropWaiting()
	}
	return err
}

// Supervisor is the supervisor of the members, for Suspend, Restart, Status and Events.
func (g *Group[K, M]) Supervisor() *tend.Supervisor { return g.supervisor }

// String is the name.
func (g *Group[K, M]) String() string { return g.supervisor.Name() }

// Len is how many members there are, with those that are leaving.
func (g *Group[K, M]) Len() int { return int(g.count.Load()) }

// Get returns the member with that key as it is now; false if there is none. After it has
// been put to sleep, or has left, it answers [ErrGone]: what to keep is [Group.To].
func (g *Group[K, M]) Get(key K) (*Actor[M], bool) {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.members[key]
	if m == nil {
		return nil, false
	}
	return m.actor(), true
}

// All yields the members, in no order. It may miss those that come or go meanwhile.
func (g *Group[K, M]) All() iter.Seq2[K, *Actor[M]] {
	return func(yield func(K, *Actor[M]) bool) {
		for i := range g.shards {
			for _, m := range g.shards[i].all() {
				if !yield(m.key, m.actor()) {
					return
				}
			}
		}
	}
}

// To is where messages for a key can be sent. It never fails: sending makes the member if
// it is not there, and returns [tend.ErrTooManyServices] if there are too many.
func (g *Group[K, M]) To(key K) Address[M] { return place[K, M]{g, key} }

// Put makes the member with that key if it is not there, and waits until its New has
// returned. It returns the first error of New, after which the member stays, in backoff,
// unless that was [tend.ErrDoNotRestart]; [ErrGone], [ErrDeadlock] and
// [tend.ErrTooManyServices] as sending does; or the cause of ctx if that ends first. It
// panics if ctx is nil.
func (g *Group[K, M]) Put(ctx context.Context, key K) error {
	if ctx == nil {
		panic(fmt.Sprintf("tend/actor: Put in %q with a nil context", g))
	}
	for {
		c := make(chan news, 1)
		m, err := g.member(key, true, c)
		if err != nil {
			return err
		}
		if n := m.actor().awaitNews(ctx, c); !n.gone || g.isMember(m) {
			return n.err
		}
	}
}

// Remove has the member with that key leave, and says whether there is one. It does not
// wait. What waits in its mailbox is lost, or drained.
func (g *Group[K, M]) Remove(key K) bool {
	s := g.shard(key)
	s.mu.Lock()
	m := s.members[key]
	if m == nil {
		s.mu.Unlock()
		return false
	}
	asks := s.depart(m)
	s.mu.Unlock()
	g.remove(m, asks)
	return true
}

// Reconcile makes the members that are missing, removes those whose keys are not among
// keys, and touches no other. It does not wait for them. Those over MaxServices are told
// by [tend.ServiceRefused]. It ends in a moment for a million keys: one message to the
// supervisor for all that are added, and one for all that are removed.
func (g *Group[K, M]) Reconcile(keys iter.Seq[K]) {
	want := map[K]struct{}{}
	for key := range keys { // under no lock: it is user code
		g.mustEqualItself(key)
		want[key] = struct{}{}
	}
	g.reconciling.Lock()
	defer g.reconciling.Unlock()
	var old []latent.Link
	var dropped []*member[K, M]
	for i := range g.shards {
		links, others := g.shards[i].departOthers(want)
		old, dropped = append(old, links...), append(dropped, others...)
	}
	if len(old) > 0 {
		g.host.Remove(old)
	}
	for _, m := range dropped {
		m.drop(tend.ErrRemoved)
	}
	var added []*member[K, M]
	for key := range want {
		if m, _ := g.makeMissing(key, nil, 0); m != nil {
			added = append(added, m)
		}
	}
	g.join(true, added...)
}

// withMember calls f with the member with that key, which is made if it is not there, and
// again with its successor if f finds that it is leaving.
func (g *Group[K, M]) withMember(key K, patient bool, f func(a *Actor[M]) error) error {
	for {
		m, err := g.member(key, patient, nil)
		if err != nil {
			return err
		}
		if err = f(m.actor()); err == nil || !errors.Is(err, ErrGone) || g.isMember(m) {
			return err
		}
	}
}

// place is where messages for a key can be sent.
type place[K comparable, M any] struct {
	g   *Group[K, M]
	key K
}

// Send is [Actor.Send] to the member with the key.
func (p place[K, M]) Send(ctx context.Context, m M) error {
	if ctx == nil {
		panic(fmt.Sprintf("tend/actor: Send to %s with a nil context", p))
	}
	return p.send(ctx, m, nil)
}

// TrySend is [Actor.TrySend] to the member with the key.
func (p place[K, M]) TrySend(m M) error {
	return p.g.withMember(p.key, false, func(a *Actor[M]) error { return a.TrySend(m) })
}

// String is the name of the group, and the key.
func (p place[K, M]) String() string { return p.g.String() + "/" + said.Key(p.key) }

func (p place[K, M]) send(ctx context.Context, m M, q *question) error {
	return p.g.withMember(p.key, true, func(a *Actor[M]) error { return a.send(ctx, m, q) })
}

// target is the member, which is made: it may be that it waits for the one who asks.
func (p place[K, M]) target() waiter {
	m, err := p.g.member(p.key, true, nil)
	if err != nil {
		return nil // as sending says
	}
	return m.actor()
}

// watch stays with the key.
func (p place[K, M]) watch(w watcher) (stop func()) {
	k := &keyWatcher[K, M]{w, p}
	if !p.g.shard(p.key).watch(p.key, k) && p.g.over.Load() {
		k.tell(Down{Name: said.Key(p.key)})
	}
	return k.stop
}
