package suture

import "sync"

// pins hold the entries of services whose Serve has returned until that has been
// told: the core lets go of a service when it leaves, and events of it that wait for
// the hook are to name it still.
type pins struct {
	mu      sync.Mutex
	entries map[*entry]uint64 // the run that has ended last
}

// maxPins bounds how many are held, as the end of a run is not told if the hook does
// not keep up, or never returns.
const maxPins = 4096

func (p *pins) add(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil {
		p.entries = map[*entry]uint64{}
	}
	if len(p.entries) >= maxPins {
		clear(p.entries)
	}
	p.entries[e] = e.runs.Load()
}

// told lets go of e, the end of whose run has been told, unless a later run has ended.
func (p *pins) told(e *entry, run uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, held := p.entries[e]; held && last <= run {
		delete(p.entries, e)
	}
}
