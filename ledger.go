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

type entry struct {
	n    *node
	told ServiceStuck
}

// owe puts the run of a service of s on the books, here and further up.
func (s *Supervisor) owe(e owe) {
	for p := s; p != nil; p = p.parent.Load() {
		p.ledger.mu.Lock()
		p.ledger.entries = append(p.ledger.entries, entry(e))
		p.ledger.mu.Unlock()
	}
}

// settle takes it off the books again.
func (s *Supervisor) settle(n *node) {
	for p := s; p != nil; p = p.parent.Load() {
		p.ledger.mu.Lock()
		p.ledger.entries = slices.DeleteFunc(p.ledger.entries, func(e entry) bool { return e.n == n })
		p.ledger.mu.Unlock()
	}
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
