package suture

import (
	"maps"
	"sync"
)

// pinned are the entries of services whose Serve has returned, by the numbers of their
// tokens, until that has been told: the core lets go of a service when it leaves, and
// events of it that wait for the hook are to name it, and its supervisor, still.
var pinned pins

type pins struct {
	mu   sync.Mutex
	pins map[uint64]pin
}

type pin struct {
	entry *entry
	run   uint64 // that has ended last
}

// maxPins bounds how many are held, should a hook never return.
const maxPins = 4096

func (p *pins) add(e *entry) {
	id := e.owner.number(e)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pins == nil || len(p.pins) >= maxPins {
		p.pins = map[uint64]pin{}
	}
	p.pins[id] = pin{e, e.runs.Load()}
}

// told lets go of a service, the end of whose run has been told, unless a later run has
// ended.
func (p *pins) told(token ServiceToken, run uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, held := p.pins[token.ID()]; held && last.run <= run {
		delete(p.pins, token.ID())
	}
}

// lost lets go of all below s: the ends of some will not be told.
func (p *pins) lost(s *Supervisor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.pins, func(_ uint64, e pin) bool { return e.entry.owner.isBelow(s) })
}
