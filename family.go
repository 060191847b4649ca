package tend

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/treepath"
)

// link is where a supervisor is: the one answer for its path, for whom its events go
// to, on whose books its services are, and who may use their tokens. It is set when
// the supervisor is added, and cleared when that leaves; or by Serve, for as long as
// that lasts, if a service serves it that has not said so.
type link struct {
	up    *Supervisor // nil: it is served by itself, wherever it was added
	node  *node       // of the service that is the supervisor, or serves it
	added bool        // the service is the supervisor or has declared it
	under *link       // what holds again when Serve returns
}

// family guards who is below whom. Reading a link takes no lock.
var family sync.Mutex

// familyMoves counts how often a link has changed, of any supervisor: as long as it is what it
// was, everybody is where they were.
var familyMoves atomic.Uint64

// moveTo changes the link. The caller holds family.
func (s *Supervisor) moveTo(l *link) {
	s.link.Store(l)
	familyMoves.Add(1)
}

// adopt notes that child is being added to s with n. It panics if that would make a
// circle, or child is somewhere already.
func (s *Supervisor) adopt(child *Supervisor, n *node) {
	family.Lock()
	defer family.Unlock()
	if s.isBelow(child) {
		panic(fmt.Sprintf("tend: supervisor %q is being added below itself", child.name))
	}
	if l := child.link.Load(); l != nil {
		for l.up == nil {
			l = l.under
		}
		panic(fmt.Sprintf("tend: supervisor %q is being added to %q but is already below %q; if it was removed, RemoveAndWait says when it has left", child.name, s.name, l.up.name))
	}
	child.moveTo(&link{up: s, node: n, added: true})
}

// enter notes that the run r serves s. If that is in another place than the one to
// which s was added, or in one to which it was not, it is there as long as Serve
// lasts. It panics if that would make a circle.
func (s *Supervisor) enter(r *run) {
	family.Lock()
	defer family.Unlock()
	l := s.link.Load()
	if r == nil {
		if l != nil {
			s.moveTo(&link{under: l})
		}
		return
	}
	up := r.node.sup
	if up.isBelow(s) {
		panic(fmt.Sprintf("tend: supervisor %q is being served below itself", s.name))
	}
	if l == nil || l.up != up {
		s.moveTo(&link{up: up, node: r.node, under: l})
	}
}

// exit undoes enter.
func (s *Supervisor) exit() {
	family.Lock()
	defer family.Unlock()
	l := s.link.Load()
	if l == nil || l.added {
		return
	}
	s.moveTo(l.under)
}

// leave lets go of a service that has left: tokens and events, which may be kept for
// ever, hold no more than the record; a token whose place is not empty holds who has it
// now. A supervisor is free to go elsewhere before anybody hears of it.
func (n *node) leave(last bool) {
	if n.rare != nil && n.rare.holds != nil {
		family.Lock()
		n.rare.holds.unhook(n)
		family.Unlock()
	}
	seat := n.seat()
	place := seat.comes()
	n.svc, n.rare = nil, nil
	switch {
	case last:
		seat.rare = nil
		if place.left != nil {
			place.left.Left()
		}
		seat.gone.happen()
	case seat == n:
		n.rare = &rare{succession: &succession{holder: place.holder, runs: place.runs, left: place.left}}
	}
	if seat != n {
		n.gone.happen()
	}
}

// unhook: the service n, which was s or had declared it, has left. That may be while s is served
// somewhere else. The caller holds family.
func (s *Supervisor) unhook(n *node) {
	switch l := s.link.Load(); {
	case l == nil:
	case l.added && l.node == n:
		s.moveTo(nil)
	case l.under == nil || l.under.node != n:
	case l.up == nil: // it is served by itself, and added to nobody now
		s.moveTo(nil)
	default:
		s.moveTo(&link{up: l.up, node: l.node})
	}
}

// isBelow: s is p, or below it.
func (s *Supervisor) isBelow(p *Supervisor) bool {
	for ; s != nil; s = s.above() {
		if s == p {
			return true
		}
	}
	return false
}

// above is the supervisor above s; nil if there is none.
func (s *Supervisor) above() *Supervisor {
	if l := s.link.Load(); l != nil {
		return l.up
	}
	return nil
}

// root is the supervisor at the top of the tree that s is in.
func (s *Supervisor) root() *Supervisor {
	for s.above() != nil {
		s = s.above()
	}
	return s
}

// chain are s and all above it.
func (s *Supervisor) chain() (list []*Supervisor) {
	for ; s != nil; s = s.above() {
		list = append(list, s)
	}
	return list
}

// place is the path of s.
func (s *Supervisor) place() string {
	l := s.link.Load()
	if l == nil || l.up == nil {
		return treepath.Join("", s.name)
	}
	return l.below(l.up.place(), s.name)
}

// below is the path of a supervisor with that name and link, of which that of the one
// above is known.
func (l *link) below(up, name string) string {
	path := treepath.Join(up, l.node.name)
	if l.added || l.node.name == name { // a name twice says no more
		return path
	}
	return treepath.Join(path, name) // something that has not declared it serves it
}

// placeServed is the path of s that r serves: as long as what is above it is served, that
// stays where it is.
func (s *Supervisor) placeServed(r *run) string {
	if r != nil {
		if up := r.node.sup.term.Load().path; up != "" {
			return s.link.Load().below(up, s.name)
		}
	}
	return s.place()
}

// lookAround finds out, if anybody has moved since it last did, where a supervisor is that
// is not served, and so which clock it goes by. A path costs more than what is asked of it.
func (s *Supervisor) lookAround() {
	now := familyMoves.Load()
	if s.looked == now {
		return
	}
	s.looked = now
	s.plan.path = s.place()
	if c := s.givenClock(); c != nil {
		s.setClock(c)
	}
}

// isServiceOf: s is a service of p itself, or is declared by one.
func (s *Supervisor) isServiceOf(p *Supervisor) bool {
	l := s.link.Load()
	return l != nil && l.added && l.up == p
}

// declaredBy: the service whose run r is, is s or has declared it.
func (s *Supervisor) declaredBy(r *run) bool {
	l := s.link.Load()
	return r != nil && l != nil && l.added && l.node == r.node
}

// supervisor is how a Supervisor is recognised, also inside of a struct that
// embeds it.
func (s *Supervisor) supervisor() *Supervisor { return s }

// supervisorIn finds the supervisor that svc is, embeds or declares; nil if none.
// Direct: it is one.
func supervisorIn(svc Service) (found *Supervisor, direct bool) {
	switch svc := svc.(type) {
	case *Supervisor:
		return svc, true
	case interface{ supervisor() *Supervisor }:
		return svc.supervisor(), false
	case interface{ Supervisor() *Supervisor }:
		guard.Do(func() { found = svc.Supervisor() })
		return found, false
	default:
		return nil, false
	}
}

// without is list less those of others.
func without(list, others []*Supervisor) []*Supervisor {
	return slices.DeleteFunc(slices.Clone(list), func(s *Supervisor) bool { return slices.Contains(others, s) })
}
