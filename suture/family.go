package suture

import (
	"slices"
	"sync"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/treepath"
)

// family guards who is below whom in all trees: the writes of Supervisor.in,
// added and heeds, Supervisor.nests and entry.below. Nothing else is done under it.
var family sync.Mutex

// settle notes that s is served in the context of e; nil: as a root.
func (s *Supervisor) settle(e *entry) {
	family.Lock()
	defer family.Unlock()
	s.in.Store(nil)
	s.added.Store(nil)
	s.place(e)
}

// adopt notes that the service of e has s: it is to use the hook of e's supervisor,
// and is taken to be below that until it is served.
func (s *Supervisor) adopt(e *entry) {
	family.Lock()
	defer family.Unlock()
	if !s.serving.Load() {
		s.added.Store(e)
		if s.in.Load() == nil {
			s.place(e)
		}
	}
	for o := e.owner; o != nil; o = o.heeds.Load() {
		if o == s { // in a circle there would be no hook
			return
		}
	}
	s.heeds.Store(e.owner)
}

// place puts s below e, unless that is below s. The caller holds family.
func (s *Supervisor) place(e *entry) {
	if e == nil || e.owner.isBelow(s) {
		return
	}
	s.in.Store(e)
	e.below.add(s)
	e.owner.nests.add(e)
}

// above is the supervisor in whose service s is or was last served; nil if s is
// a root.
func (s *Supervisor) above() *Supervisor {
	if e := s.in.Load(); e != nil {
		return e.owner
	}
	return nil
}

// isOver: s has been told to stop, and nobody is going to serve it again of whom this
// package or the core knows.
func (s *Supervisor) isOver() bool {
	if s.state() != ErrSupervisorNotRunning { //nolint:errorlint // its own
		return false
	}
	if e := s.added.Load(); e != nil {
		return e.isOver()
	}
	_, ctx := s.latest()
	self, below := tend.Self(ctx)
	if !below || hasLeft(self) {
		return true
	}
	e := entryIn(ctx)
	return e != nil && e.isOver()
}

// isOver: the service has left, or is to, or its supervisor is over.
func (e *entry) isOver() bool {
	is := func(service Service) bool { return entryOf(service) == e }
	return !slices.ContainsFunc(e.owner.core.Services(), is) || e.owner.isOver()
}

// hasLeft: the service has left, or is to. One that is being suspended is taken for
// such a one until it has ended.
func hasLeft(s tend.ServiceStatus) bool {
	switch s.State {
	case tend.StateGone:
		return true
	case tend.StateStopping, tend.StateStuck:
		return !s.Wanted
	default:
		return false
	}
}

// isBelow: s is top or somewhere below it.
func (s *Supervisor) isBelow(top *Supervisor) bool {
	for ; s != nil; s = s.above() {
		if s == top {
			return true
		}
	}
	return false
}

// teller is the supervisor whose hook s uses.
func (s *Supervisor) teller() *Supervisor {
	for o := s.heeds.Load(); o != nil; o = s.heeds.Load() {
		s = o
	}
	return s
}

// tree is s and all supervisors of this package below it.
func (s *Supervisor) tree() []*Supervisor {
	family.Lock()
	defer family.Unlock()
	return s.appendTree(nil, func(*Supervisor) bool { return true })
}

// appendTree appends s, and below it whatever it finds by going down where it may.
func (s *Supervisor) appendTree(tree []*Supervisor, down func(*Supervisor) bool) []*Supervisor {
	tree = append(tree, s)
	for e := range s.nests.values() {
		for o := range e.below.values() {
			if o.in.Load() == e && down(o) {
				tree = o.appendTree(tree, down)
			}
		}
	}
	return tree
}

// find looks in the whole tree for the supervisor that a service with that token
// belongs to, and for its entry; nil if there is none of this package, or it has been
// forgotten.
func (s *Supervisor) find(token ServiceToken) (*Supervisor, *entry) {
	if e := s.book(token); e != nil {
		return s, e
	}
	for _, o := range s.tree()[1:] {
		if e := o.book(token); e != nil {
			return o, e
		}
	}
	return nil, nil
}

// line is the supervisors from s down to the one with the path, as far as they
// are of this package. Where several have the same path, all are in it.
func (s *Supervisor) line(path string) []*Supervisor {
	family.Lock()
	defer family.Unlock()
	return s.appendTree(nil, func(o *Supervisor) bool {
		p := o.address()
		return path == p || treepath.Below(path, p)
	})
}

// locate finds which supervisor a service with that token and the path of its
// supervisor belongs to, or the nearest one above, and its entry if it has one.
// The zero token is for the supervisor itself.
func (s *Supervisor) locate(path string, token ServiceToken) (*Supervisor, *entry) {
	line := s.line(path)
	nearest := line[len(line)-1]
	for _, o := range slices.Backward(line) {
		if e := o.book(token); e != nil {
			return o, e
		}
		if o.address() == path {
			nearest = o
		}
	}
	if owner, e := s.find(token); e != nil { // it has moved since
		return owner, e
	}
	return nearest, nil
}

// started notes where s is served. The first of a tree to start is at the top of it; of
// those below it, and of none else, s hears as well.
func (s *Supervisor) started(path string) {
	if before := s.served.Load(); before == nil || !treepath.Below(path, *before) {
		s.served.Store(&path)
	}
}

// address is the path that events of s have. When it has left it has another path already,
// but events of it may be under way.
func (s *Supervisor) address() string {
	if p := s.served.Load(); p != nil {
		return *p
	}
	return s.core.Path()
}

// descent is the supervisors from s down to o.
func (s *Supervisor) descent(o *Supervisor) []*Supervisor {
	var path []*Supervisor
	for o != nil && o != s {
		path = append(path, o)
		o = o.above()
	}
	path = append(path, s)
	slices.Reverse(path)
	return path
}
