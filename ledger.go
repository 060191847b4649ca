package tend

import (
	"slices"
	"sync"
	"time"
)

// Unstopped is a service that was asked to stop and did not return in time.
type Unstopped struct {
	Path    string // from the root
	Token   ServiceToken
	Service Service   // as it was added
	Since   time.Time // when it was asked to stop
	Cause   string    // why, as text
	Stacks  string    // of its goroutines when it was reported; a word why if there are none
}

// ledger holds the services that are on the books of a supervisor and of all
// below it.
type ledger struct {
	mu      sync.Mutex
	entries []debt
}

type debt struct {
	r *run
	Unstopped
}

// owe puts a run on the books, here and further up.
func (s *Supervisor) owe(e owe) {
	n := e.r.node
	entry := debt{e.r, Unstopped{s.plan.path + "/" + n.name, ServiceToken{n}, n.svc, s.plan.wall(e.since), e.cause, e.stacks}}
	for p := s; p != nil; p = p.parent.Load() {
		p.ledger.mu.Lock()
		p.ledger.entries = append(p.ledger.entries, entry)
		p.ledger.mu.Unlock()
	}
}

// settle takes a run off the books again.
func (s *Supervisor) settle(r *run) {
	for p := s; p != nil; p = p.parent.Load() {
		p.ledger.mu.Lock()
		p.ledger.entries = slices.DeleteFunc(p.ledger.entries, func(d debt) bool { return d.r == r })
		p.ledger.mu.Unlock()
	}
}

func (l *ledger) list() []Unstopped {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Unstopped, len(l.entries))
	for i, d := range l.entries {
		list[i] = d.Unstopped
	}
	return list
}
