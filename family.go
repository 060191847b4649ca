package tend

import (
	"cmp"
	"fmt"
	"sync"
)

// family guards who is below whom.
var family sync.Mutex

// adopt notes that child is being added to s. It panics if that would make a
// circle, or child is somewhere already.
func (s *Supervisor) adopt(child *Supervisor) {
	family.Lock()
	defer family.Unlock()
	for p := s; p != nil; p = p.above() {
		if p == child {
			panic(fmt.Sprintf("tend: supervisor %q is being added below itself", child.name))
		}
	}
	if !child.holder.CompareAndSwap(nil, s) {
		panic(fmt.Sprintf("tend: supervisor %q is being added to %q but is already below %q",
			child.name, s.name, child.holder.Load().name))
	}
}

// above is the supervisor above s, as far as is known.
func (s *Supervisor) above() *Supervisor {
	return cmp.Or(s.parent.Load(), s.holder.Load())
}

// root is the supervisor at the top of the tree that s is in.
func (s *Supervisor) root() *Supervisor {
	for s.above() != nil {
		s = s.above()
	}
	return s
}

// supervisor is how a Supervisor is recognised, also inside of a struct that
// embeds it.
func (s *Supervisor) supervisor() *Supervisor { return s }

type supervisorHolder interface{ supervisor() *Supervisor }

// leave lets go of a service that has left. A supervisor is free to go elsewhere
// before anybody hears of it.
func (n *node) leave() {
	if n.rare != nil && n.rare.holds != nil {
		n.rare.holds.holder.CompareAndSwap(n.sup, nil)
	}
	n.gone.happen()
}
