package actor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/said"
)

// member is one member of a group: an actor that knows its key.
type member[K comparable, M any] struct {
	service[M]
	key     K
	stage   stage // guarded as the shard, as the next
	claimed bool  // somebody adds it, or has
	ousted  bool  // by the supervisor: nobody has removed it
}

// stage is how far a member has come into the tree.
type stage uint8

const (
	waiting  stage = iota // for the one that had its key before, which is leaving
	joining               // somebody is adding it
	unwanted              // and will remove it then
	joined
)

// shard are the members of some keys. Its lock may be held while that of an actor is
// taken, not the other way round, and never while anything of others is called.
type shard[K comparable, M any] struct {
	mu      sync.Mutex
	members map[K]*member[K, M]
	// leaving are those that get no messages any more, and have not left. There is one of a
	// key at most: its successor waits for it.
	leaving  map[K]*member[K, M]
	watchers map[K][]watcher
}

// shards is how many a group has, so that few who send meet.
const shards = 64

func (g *Group[K, M]) shard(key K) *shard[K, M] {
	return &g.shards[maphash.Comparable(g.seed, key)%shards]
}

func (s *shard[K, M]) all() []*member[K, M] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.members))
}

func (m *member[K, M]) actor() *Actor[M] { return (*Actor[M])(&m.service) }

// up is what m has of its supervisor.
func (m *member[K, M]) up() latent.Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.link
}

func (m *member[K, M]) group() *Group[K, M] {
	g, _ := m.spec.members.(*Group[K, M])
	return g
}

// members is the group as its actors see it.
type members[M any] interface {
	// sleep ends the run of a, in whose turn it is called, if nothing has come.
	sleep(a *Actor[M]) bool
}

// member finds the member with that key, or makes it; c, if there is one, gets the news of it
// then.
func (g *Group[K, M]) member(key K, patient bool, c chan news) (*member[K, M], error) {
	s := g.shard(key)
	s.mu.Lock()
	m := s.members[key]
	s.mu.Unlock()
	if m != nil {
		return m, nil
	}
	if g.over.Load() {
		return nil, &goneError{said.Key(key), tend.ErrStopped}
	}
	switch m, err := g.makeMissing(key, c, g.most); {
	case err != nil:
		return nil, err
	case m == nil: // somebody was faster
		return g.member(key, patient, c)
	default:
		g.join(patient, m)
		return m, nil
	}
}

// reserve counts one member more, if there are fewer than most, or that is 0.
func (g *Group[K, M]) reserve(most int64) bool {
	for {
		n := g.count.Load()
		if most > 0 && n >= most {
			return false
		}
		if g.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// makeMissing makes the member with that key, if there are fewer than most, or that is 0;
// nil if it is there.
func (g *Group[K, M]) makeMissing(key K, c chan news, most int64) (*member[K, M], error) {
	g.mustEqualItself(key)
	m := &member[K, M]{key: key}
	m.spec, m.name = g.spec, said.Key(key)
	m.actor().set(placed, true)
	if c != nil {
		m.actor().open().whole().news = []chan news{c}
	}
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[key] != nil {
		return nil, nil //nolint:nilnil // it needs no making, and that is no error
	}
	if s.leaving[key] != nil {
		most = 0 // it gets the place of that one
	}
	if !g.reserve(most) {
		return nil, tend.ErrTooManyServices
	}
	if s.members == nil {
		s.members = map[K]*member[K, M]{}
	}
	s.members[key] = m
	if s.leaving[key] == nil {
		m.stage = joining
	}
	for _, w := range s.watchers[key] {
		m.actor().addWatcher(w)
	}
	return m, nil
}

// mustEqualItself panics if key does not: nobody would find a NaN.
func (g *Group[K, M]) mustEqualItself(key K) {
	if isUnequal(key, key) {
		panic(fmt.Sprintf("tend/actor: %s: a key that does not equal itself", g))
	}
}

func isUnequal[K comparable](a, b K) bool { return a != b }

// join adds members to the supervisor; some wait for their predecessors. If Serve has returned
// meanwhile nobody would come for those: the supervisor settles the others.
func (g *Group[K, M]) join(patient bool, added ...*member[K, M]) {
	var ready []any
	for _, m := range added {
		if m.claim() {
			ready = append(ready, m)
		}
	}
	if len(ready) > 0 {
		g.host.Add(ready, patient)
		for _, m := range ready { // others may have begun to join by now, elsewhere
			m.(*member[K, M]).hasJoined()
		}
	}
	if g.over.Load() {
		for _, m := range added {
			g.shard(m.key).dropWaiting()
		}
	}
}

// claim: m may join, and the caller is to add it. Who made it and who was told that its
// predecessor has left may both be about to.
func (m *member[K, M]) claim() bool {
	s := m.group().shard(m.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.stage == waiting || m.claimed {
		return false
	}
	m.claimed = true
	return true
}

// hasJoined removes a member that nobody wants any more since it was to be added.
func (m *member[K, M]) hasJoined() {
	g := m.group()
	s := g.shard(m.key)
	s.mu.Lock()
	asks := m.stage == unwanted
	if m.stage != waiting {
		m.stage = joined
	}
	s.mu.Unlock()
	if asks {
		g.host.Remove([]latent.Link{m.up()})
	}
}

// isMember: messages for its key go to m.
func (g *Group[K, M]) isMember(m *member[K, M]) bool {
	s := g.shard(m.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members[m.key] == m
}

// departure is what is to be done about a member that gets no messages any more.
type departure uint8

const (
	nothingToDo departure = iota // whoever adds it does
	dropIt                       // it was never added
	removeIt
)

// depart has no more messages go to m. The caller holds mu.
func (s *shard[K, M]) depart(m *member[K, M]) departure {
	delete(s.members, m.key)
	if m.stage == waiting {
		return dropIt
	}
	if s.leaving == nil {
		s.leaving = map[K]*member[K, M]{}
	}
	s.leaving[m.key] = m
	if m.stage == joined {
		return removeIt
	}
	m.stage = unwanted
	return nothingToDo
}

// remove does what depart has said.
func (g *Group[K, M]) remove(m *member[K, M], d departure) {
	switch d {
	case removeIt:
		g.host.Remove([]latent.Link{m.up()})
	case dropIt:
		m.drop(tend.ErrRemoved)
	case nothingToDo:
	}
}

// departOthers is depart for all whose keys are not wanted. It returns who is to be
// removed, and who was never added.
func (s *shard[K, M]) departOthers(want map[K]struct{}) (old []latent.Link, dropped []*member[K, M]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, m := range s.members {
		if _, is := want[key]; is {
			continue
		}
		switch s.depart(m) {
		case removeIt:
			old = append(old, m.up())
		case dropIt:
			dropped = append(dropped, m)
		case nothingToDo:
		}
	}
	return old, dropped
}

// departWaiting is depart for all that wait for others to leave.
func (s *shard[K, M]) departWaiting() (all []*member[K, M]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if m.stage == waiting {
			s.depart(m)
			all = append(all, m)
		}
	}
	return all
}

// dropWaiting ends all that wait for others to leave: the group is over.
func (s *shard[K, M]) dropWaiting() {
	for _, m := range s.departWaiting() {
		m.drop(tend.ErrStopped)
	}
}

// drop ends a member that was never added.
func (m *member[K, M]) drop(why error) {
	m.group().count.Add(-1)
	m.service.Settle(latent.Settled{Fate: latent.Gone, Err: why})
}

// newHandler is Spec.New of all members.
func (g *Group[K, M]) newHandler(ctx context.Context, self *Actor[M]) (Handler[M], error) {
	m, is := self.link.Service().(*member[K, M])
	switch {
	case !is:
		return nil, errNoMember
	case !g.isMember(m): // it is to leave
		return nil, errDeparted
	default:
		return g.begin(ctx, self, m.key)
	}
}

// errDeparted is ErrDoNotRestart for the supervisor, and that it was removed for all others.
var errDeparted error = departed{}

type departed struct{}

func (departed) Error() string { return tend.ErrRemoved.Error() }

func (departed) Is(target error) bool {
	return target == tend.ErrDoNotRestart || target == tend.ErrRemoved
}

var errNoMember = errors.New("tend/actor: it was a member of a group, and cannot run elsewhere")

// The member as a service: see service.

func (m *member[K, M]) Serve(ctx context.Context) error { return m.actor().Serve(ctx) }
func (m *member[K, M]) String() string                  { return m.name }
func (m *member[K, M]) Latent() latent.Service          { return m }
func (m *member[K, M]) Itself() any                     { return m }
func (m *member[K, M]) IsMember() bool                  { return true }

func (m *member[K, M]) Enter(l latent.Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.link = l
}

func (m *member[K, M]) Launch(l latent.Link, number uint64) {
	m.service.Launch(l, number)
	m.group().turnHand()
}

// Cancel of one that somebody else removes: its successor may be made.
func (m *member[K, M]) Cancel(number uint64, why latent.Stop) {
	m.departs(why)
	m.service.Cancel(number, why)
}

// Finish is what Cancel would have been.
func (m *member[K, M]) Finish(number uint64, why latent.Stop) {
	m.departs(why)
	m.service.Finish(number, why)
}

// departs: m is asked to stop, and if it leaves it gets no messages any more.
func (m *member[K, M]) departs(why latent.Stop) {
	if !why.Leaves {
		return
	}
	s := m.group().shard(m.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[m.key] == m {
		s.depart(m)
		m.ousted = true
	}
}

func (m *member[K, M]) Settle(now latent.Settled) {
	if now.Fate == latent.Gone {
		m.group().left(m)
	}
	isAsleep := m.actor().isAsleep()
	m.service.Settle(now)
	if now.Fate == latent.Again || now.Fate == latent.Kept { // it takes messages again
		m.group().stays(m, isAsleep)
	}
}

// left: m is out of the tree. Its successor, if there is one, may come.
func (g *Group[K, M]) left(m *member[K, M]) {
	s := g.shard(m.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g.count.Add(-1)
	if s.members[m.key] == m {
		delete(s.members, m.key)
		return
	}
	if s.leaving[m.key] == m {
		delete(s.leaving, m.key)
		if len(s.leaving) == 0 {
			s.leaving = nil
		}
	}
	if next := s.members[m.key]; next != nil && next.stage == waiting {
		next.stage = joining
		m.up().Schedule((*arrival[K, M])(next))
	}
}

// arrival is a member as the scheduler sees it that may come now: the supervisor's loop,
// which says so, cannot be asked to add it.
type arrival[K comparable, M any] member[K, M]

// Turn adds it.
func (t *arrival[K, M]) Turn(uint64) (more bool) {
	m := (*member[K, M])(t)
	m.group().join(false, m)
	return false
}

// stays: m was put to sleep, or was to leave, when somebody asked something else of it, so that it
// has not left. It is a member again, or leaves, if it has a successor. One that somebody has
// removed is on its way out.
func (g *Group[K, M]) stays(m *member[K, M], isAsleep bool) {
	s := g.shard(m.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving[m.key] != m || !isAsleep && !m.ousted {
		return
	}
	m.ousted = false
	if s.members[m.key] != nil {
		m.up().Schedule((*removal[K, M])(m))
		return
	}
	delete(s.leaving, m.key)
	s.members[m.key] = m
}

// removal is a member as the scheduler sees it that is to leave.
type removal[K comparable, M any] member[K, M]

// Turn removes it.
func (t *removal[K, M]) Turn(uint64) (more bool) {
	m := (*member[K, M])(t)
	m.group().host.Remove([]latent.Link{m.up()})
	return false
}

// keyWatcher is somebody who watches a key, whatever member has it.
type keyWatcher[K comparable, M any] struct {
	watcher
	at place[K, M]
}

func (k *keyWatcher[K, M]) tell(d Down) bool {
	told := k.watcher.tell(d)
	if !told {
		k.stop()
	}
	return told
}

func (k *keyWatcher[K, M]) stop() { k.at.g.shard(k.at.key).unwatch(k.at.key, k) }

// watch has w told of the members with the key from now on, also of one that is leaving, and at
// once that the one that is there does not run and will not by itself. It returns whether there
// is one.
func (s *shard[K, M]) watch(key K, w watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = map[K][]watcher{}
	}
	s.watchers[key] = append(s.watchers[key], w)
	if leaves := s.leaving[key]; leaves != nil {
		leaves.mu.Lock()
		if leaves.actor().is(launched) {
			leaves.actor().addWatcher(w)
		}
		leaves.mu.Unlock()
	}
	m := s.members[key]
	if m == nil {
		return s.leaving[key] != nil
	}
	a := m.actor()
	a.mu.Lock()
	a.addWatcher(w)
	if a.isGone() {
		a.tellDown(Down{Name: a.name, Run: a.number()}, w)
		return true
	}
	a.mu.Unlock()
	return true
}

func (s *shard[K, M]) unwatch(key K, w watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[key] = without(s.watchers[key], w); s.watchers[key] == nil {
		delete(s.watchers, key)
	}
	for _, m := range []*member[K, M]{s.members[key], s.leaving[key]} {
		if m != nil {
			m.actor().unwatch(w)
		}
	}
}
