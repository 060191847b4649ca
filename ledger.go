package tend

import (
	"slices"
	"sync"
)

// ledger holds the services that are on the books of a supervisor and of all
// below it: those that were asked to stop, did not in time, and still have not.
type ledger struct {
	mu      sync.Mutex
	entries []entry
}

// entry is a service that is on the books.
type entry struct {
	n    *node
	told ServiceStuck
	// on are all on whose books it is: its supervisor may have moved when it ends.
	on []*Supervisor
}

// owe puts the run of a service of s on the books, here and further up.
func (s *Supervisor) owe(e owe) {
	if l := e.n.latent(); l != nil {
		l.Stuck(e.told.Incarnation)
	}
	on := s.chain()
	for _, p := range on {
		p.ledger.mu.Lock()
		p.ledger.entries = append(p.ledger.entries, entry{e.n, e.told, on})
		p.ledger.mu.Unlock()
	}
}

// settle takes it off the books again, and returns on whose books it was.
func (s *Supervisor) settle(n *node) (on []*Supervisor) {
	s.ledger.mu.Lock()
	for _, e := range s.ledger.entries {
		if e.n == n {
			on = e.on
		}
	}
	s.ledger.mu.Unlock()
	for _, p := range on {
		p.ledger.mu.Lock()
		p.ledger.entries = slices.DeleteFunc(p.ledger.entries, func(e entry) bool { return e.n == n })
		p.ledger.mu.Unlock()
	}
	return on
}

func (l *ledger) list() []ServiceStuck {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]ServiceStuck, len(l.entries))
	for i, e := range l.entries {
		list[i] = e.told
	}
	return list
}
