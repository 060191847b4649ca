package keyed

import (
	"fmt"
	"sync"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/place"
	"github.com/tend-go/tend/internal/said"
)

// entry is what a set knows of one key, from when it was put until it has left.
type entry[K comparable] struct {
	key     K
	set     *Set[K]
	token   tend.ServiceToken
	svc     tend.Service // as it was put
	config  any          // a madeFor, of Reconcile; nil: it was put by hand
	leaving bool         // somebody has removed it
	gone    bool         // its place is empty
	before  *entry[K]    // of one that is being put: who had the key then; nil: nobody
}

// Left is called by the supervisor's loop when nobody has the place any more.
func (e *entry[K]) Left() {
	e.set.left.push(e)
	if e.set.mu.TryLock() { // else whoever looks next
		defer e.set.mu.Unlock()
		e.set.clear()
	}
}

// leavers are entries whose places are empty. Whoever looks at the set next takes them out:
// the loop, which tells of them, waits for nobody.
type leavers[K comparable] struct {
	mu   sync.Mutex
	list []*entry[K]
}

func (l *leavers[K]) push(e *entry[K]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

func (l *leavers[K]) take() []*entry[K] {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// clear takes out those that have left. The caller holds mu.
func (s *Set[K]) clear() {
	for _, e := range s.left.take() {
		e.gone = true
		if s.entries[e.key] != e { // it has a successor, or was never put
			continue
		}
		delete(s.entries, e.key)
		if !e.leaving {
			s.live--
		}
	}
}

// find returns a copy of the entry of a key; nil if there is none.
func (s *Set[K]) find(key K) *entry[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if e := s.entries[key]; e != nil && !e.leaving {
		seen := *e
		return &seen
	}
	return nil
}

// leaving is the entry of a key that was removed and has not left; nil if there is none. The
// caller holds changing.
func (s *Set[K]) leaving(key K) *entry[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	return s.entries[key]
}

// all copies the entries.
func (s *Set[K]) all() []entry[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	list := make([]entry[K], 0, s.live)
	for _, e := range s.entries {
		if !e.leaving {
			list = append(list, *e)
		}
	}
	return list
}

// newcomer is a service that is about to be put.
type newcomer[K comparable] struct {
	entry  *entry[K]
	record any // of the supervisor
}

// prepare runs all code of users that there is to run. It panics where Put does.
func (s *Set[K]) prepare(key K, svc tend.Service, config any) newcomer[K] {
	name := said.Key(key)
	switch {
	case isUnequal(key, key):
		panic(fmt.Sprintf("tend/keyed: %s: the key %s does not equal itself", s, name))
	case svc == nil:
		panic(fmt.Sprintf("tend/keyed: %s: the Service of the key %s is nil", s, name))
	}
	e := &entry[K]{key: key, set: s, svc: svc, config: config}
	return newcomer[K]{e, s.host.Prepare(s.settled(name, svc), e)}
}

func isUnequal[K comparable](a, b K) bool { return a != b }

// commit puts a newcomer. The caller holds changing.
func (s *Set[K]) commit(n newcomer[K]) error { return s.enter(n, s.ask(n)) }

// ask asks the supervisor to put a newcomer.
func (s *Set[K]) ask(n newcomer[K]) place.Answer {
	s.mu.Lock()
	s.clear()
	old := s.entries[n.entry.key]
	s.mu.Unlock()
	if old == nil {
		return s.host.Put(n.record, nil)
	}
	n.entry.before = old
	return s.host.Put(n.record, old.token)
}

// enter waits for the answer and notes it.
func (s *Set[K]) enter(n newcomer[K], answer place.Answer) error {
	token, err := answer()
	if err != nil {
		return err
	}
	e, before := n.entry, n.entry.before
	e.token, _ = token.(tend.ServiceToken)
	e.before = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	switch old := s.entries[e.key]; {
	case before != nil && before.token == e.token: // it has that place, or had: the entry may be out already
		before.svc, before.config = e.svc, e.config
		return nil
	case e.gone: // already
		return nil
	case old == nil || old.leaving:
		s.live++
	}
	s.entries[e.key] = e
	return nil
}

// depart has the service of a key leave; nil if there is none. The caller holds changing.
func (s *Set[K]) depart(key K) *entry[K] {
	s.mu.Lock()
	s.clear()
	e := s.entries[key]
	if e == nil || e.leaving {
		s.mu.Unlock()
		return nil
	}
	s.forsake(e)
	s.mu.Unlock()
	_ = s.supervisor.Remove(e.token) // that it has left already is none
	return e
}

// forsake notes that e is to leave. The caller holds mu.
func (s *Set[K]) forsake(e *entry[K]) {
	e.leaving, e.svc, e.config = true, nil, nil
	s.live--
}
