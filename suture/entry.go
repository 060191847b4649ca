package suture

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync/atomic"
	"weak"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
)

// entry stands for a service in the core. It knows what the core does not say of
// a service: whose it is, and what it was before it was wrapped. The core holds it
// until the service has left, and pinned until the last event of it has been told.
type entry struct {
	owner       *Supervisor
	given       Service // to Add
	service     Service // the same without a tend.Child around it
	name        string
	id          uint64              // of its token; the owner's mutex guards it
	runs        atomic.Uint64       // so far; the incarnation
	significant bool                // as a tend.Child may be
	below       weakSet[Supervisor] // what it serves, or has served; family guards it
}

// String is what the service is called.
func (e *entry) String() string { return e.name }

// Serve runs the service, which has the entry in its context.
func (e *entry) Serve(ctx context.Context) error {
	e.runs.Add(1)
	defer pinned.add(e)
	err := e.service.Serve(context.WithValue(ctx, entryKey{}, e))
	if e.significant || errorIs(err, ErrTerminateSupervisorTree) {
		t, _ := e.owner.latest()
		t.endAsked.Store(true)
	}
	return err
}

// errorIs asks an error of a service, whose methods may panic, what it is.
func errorIs(err, target error) (is bool) {
	guard.Do(func() { is = errors.Is(err, target) })
	return is
}

type entryKey struct{}

// entryIn is the entry of the nearest service that ctx comes from, nil if there is
// none of this package.
func entryIn(ctx context.Context) *entry {
	e, _ := ctx.Value(entryKey{}).(*entry)
	return e
}

// wrap puts e where the service is in what was given to Add.
func (e *entry) wrap(service Service) Service {
	switch v := service.(type) {
	case nil: // the core refuses it
		return nil
	case tend.Child:
		e.significant = e.significant || v.Significant
		v.Service = e.wrap(v.Service)
		return v
	case *tend.Child:
		if v == nil {
			return v
		}
		return e.wrap(*v)
	}
	e.service = service
	return e
}

// nest is an entry that the core takes for a supervisor from the start, because
// it embeds one. Otherwise the core learns that when the supervisor is served.
type nest struct {
	*tend.Supervisor
	*entry
}

func (n nest) String() string                  { return n.entry.String() }
func (n nest) Serve(ctx context.Context) error { return n.entry.Serve(ctx) }

// nested puts a nest where e.wrap put e.
func (e *entry) nested(below *tend.Supervisor, wrapped Service) Service {
	if c, is := wrapped.(tend.Child); is {
		c.Service = e.nested(below, c.Service)
		return c
	}
	return nest{below, e}
}

// entryOf is the entry in what the core was given, nil if there is none.
func entryOf(service Service) *entry {
	switch v := service.(type) {
	case *entry:
		return v
	case nest:
		return v.entry
	case tend.Child:
		return entryOf(v.Service)
	}
	return nil
}

// givenAs is what was given to Add, of this package or of the core: a program that has that
// may add to it and replace.
func givenAs(service Service) Service {
	if e := entryOf(service); e != nil {
		return e.given
	}
	return service
}

// enroll gives a service to the core and notes its token. Events of the service
// wait for that, at book.
func (s *Supervisor) enroll(e *entry) ServiceToken {
	service := e.wrap(e.given)
	e.name = name(e.service) // user code, as is the next
	below := e.supervisor()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.distinguish(e)
	token, done := ServiceToken{}, false
	if below != nil {
		token, done = s.tryAdd(e.nested(below, service))
	}
	if !done {
		token = s.core.Add(service)
	}
	e.id = token.ID()
	s.books[e.id] = weak.Make(e)
	if s.room.isFull(len(s.books)) {
		maps.DeleteFunc(s.books, func(_ uint64, e weak.Pointer[entry]) bool { return e.Value() == nil })
		s.room.fit(len(s.books))
	}
	return token
}

// distinguish gives a service that is called as its type is a number, from the second of
// the type on. The caller holds s.mu.
func (s *Supervisor) distinguish(e *entry) {
	if e.name != typeName(e.service) {
		return
	}
	if s.types == nil {
		s.types = map[string]int{}
	}
	n := s.types[e.name] + 1
	s.types[e.name] = n
	if n > 1 {
		e.name += "#" + strconv.Itoa(n)
	}
}

// supervisor is the core of the supervisor that the service is or has, if any.
func (e *entry) supervisor() *tend.Supervisor {
	switch v := e.service.(type) {
	case *tend.Supervisor:
		return v
	case HasSupervisor:
		if below := v.GetSupervisor(); below != nil && below.core != nil {
			below.adopt(e)
			return below.core
		}
	}
	return nil
}

// tryAdd adds a service that has a supervisor. The core refuses one that is above
// or in another place: then the service only refers to it, or has not let go of it
// yet, which v4 does not mind.
func (s *Supervisor) tryAdd(service Service) (token ServiceToken, done bool) {
	done = guard.Do(func() { token = s.core.Add(service) })
	return token, done
}

// book returns the entry of a service of s, nil if it has none such or nobody can
// hear of it any more.
func (s *Supervisor) book(token ServiceToken) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.books[token.ID()].Value()
}

// number is that of the token of a service of s.
func (s *Supervisor) number(e *entry) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.id
}
