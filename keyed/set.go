package keyed

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/place"
	"github.com/tend-go/tend/internal/said"
)

// Set is a supervisor whose services have keys. It is a [tend.Service], to be added to a
// supervisor or served. Make one with [New].
type Set[K comparable] struct {
	supervisor *tend.Supervisor
	host       place.Host
	child      tend.Child

	changing sync.Mutex // held by who changes what there is, and waits for the supervisor
	mu       sync.Mutex // owns entries and live; held for a moment, and after changing
	entries  map[K]*entry[K]
	live     int // entries that nobody has removed
	left     leavers[K]
}

// Spec is how a [Set] is. The zero value of each field is the default.
type Spec struct {
	// Child are the settings of services that leave them zero. Its Service and Name must be
	// zero. If Backoff and Limit are zero, here and of the service, Backoff is
	// {Min: 100 ms, Max: 30 s, Jitter: 0.2}.
	Child tend.Child

	// Supervisor are the settings of the set. With MaxServices, services that are leaving
	// count, but those that replace others do not.
	Supervisor tend.Spec
}

// New makes a set. The name is its part of paths. It panics if a setting makes no sense.
func New[K comparable](name string, spec Spec) *Set[K] {
	if spec.Child.Service != nil || spec.Child.Name != "" {
		panic(fmt.Sprintf("tend/keyed: New %q: Spec.Child has a Service or a Name; these are the keys'", name))
	}
	s := &Set[K]{supervisor: tend.New(name, spec.Supervisor), child: spec.Child, entries: map[K]*entry[K]{}}
	s.check(name)
	s.host = place.HostOf(s.supervisor)
	return s
}

// check has a supervisor that is nobody's look at the settings, which panics.
func (s *Set[K]) check(name string) {
	never := tend.Func(name, func(context.Context) error { return nil })
	tend.New(name, tend.Spec{}).Add(s.settled(name, never))
}

// Serve runs the set until ctx ends: see [tend.Supervisor.Serve].
func (s *Set[K]) Serve(ctx context.Context) error { return s.supervisor.Serve(ctx) }

// Supervisor is the supervisor of the services, for Status, Events, Resume and Services, and
// for all that takes a token.
func (s *Set[K]) Supervisor() *tend.Supervisor { return s.supervisor }

// String is the name.
func (s *Set[K]) String() string { return s.supervisor.Name() }

// Len is how many keys there are. A service that was removed is none any more; one that
// leaves by itself is until it has left.
func (s *Set[K]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	return s.live
}

// Get returns the service that was put for the key last, as it was put; false if there is
// none. It may not have come yet.
func (s *Set[K]) Get(key K) (tend.Service, bool) {
	if e := s.find(key); e != nil {
		return e.svc, true
	}
	return nil, false
}

// Token returns the token of the key, for [Set.Supervisor]; false if there is none. It stays
// the same until the key is removed, or its service leaves.
func (s *Set[K]) Token(key K) (tend.ServiceToken, bool) {
	if e := s.find(key); e != nil {
		return e.token, true
	}
	return tend.ServiceToken{}, false
}

// All yields the keys with what Get returns of each, in no order, as they were when it began.
func (s *Set[K]) All() iter.Seq2[K, tend.Service] {
	return func(yield func(K, tend.Service) bool) {
		for _, e := range s.all() {
			if !yield(e.key, e.svc) {
				return
			}
		}
	}
}

// Put gives the key a service: see the package's documentation. It does not wait until that
// runs. It returns [tend.ErrTooManyServices] if there are as many as there may be, and panics
// where [tend.Supervisor.Add] does, and if the key does not equal itself, as NaN does not.
func (s *Set[K]) Put(key K, svc tend.Service) error {
	n := s.prepare(key, svc, nil)
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.commit(n)
}

// Remove has the service of the key leave, and says whether there is one. It does not wait.
func (s *Set[K]) Remove(key K) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.depart(key) != nil
}

// RemoveAndWait is Remove, and then waits until the service of the key, and all that were
// before it, have ended: also if it was removed before. Of one that is put meanwhile it takes
// no notice. It returns the cause of ctx if that ends before.
func (s *Set[K]) RemoveAndWait(ctx context.Context, key K) error {
	s.changing.Lock()
	e := s.depart(key)
	if e == nil {
		e = s.leaving(key)
	}
	s.changing.Unlock()
	if e == nil {
		return nil
	}
	return s.supervisor.RemoveAndWait(ctx, e.token)
}

// Suspend stops the service of the key and keeps it, until Restart: see
// [tend.Supervisor.Suspend]. A service that replaces it is suspended, too. For a key that is
// not there it returns an error that is [tend.ErrRemoved].
func (s *Set[K]) Suspend(key K) error {
	return s.with(key, s.supervisor.Suspend)
}

// Restart restarts the service of the key: see [tend.Supervisor.Restart]. For a key that is
// not there it returns an error that is [tend.ErrRemoved].
func (s *Set[K]) Restart(key K, cause error) error {
	return s.with(key, func(t tend.ServiceToken) error { return s.supervisor.Restart(t, cause) })
}

func (s *Set[K]) with(key K, do func(tend.ServiceToken) error) error {
	err := tend.ErrRemoved
	if e := s.find(key); e != nil {
		err = do(e.token)
	}
	if err != nil {
		return fmt.Errorf("tend/keyed: %s has no service of the key %s: %w", s, said.Key(key), err)
	}
	return nil
}

// ownBackoff is the budget of a service for which nobody has said another one.
var ownBackoff = tend.Backoff{Min: 100 * time.Millisecond, Max: 30 * time.Second, Jitter: 0.2}

// settled is svc with the name of its key and all its settings.
func (s *Set[K]) settled(name string, svc tend.Service) tend.Child {
	own := tend.Child{Service: svc}.With(func(inner tend.Service) tend.Service {
		c := s.child
		c.Service = inner
		return c
	})
	own.Name = name
	if s.child.Backoff == (tend.Backoff{}) && s.child.Limit == (tend.Limit{}) &&
		own.Backoff == (tend.Backoff{}) && own.Limit == (tend.Limit{}) {
		own.Backoff = ownBackoff
	}
	return own
}
