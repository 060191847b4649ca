package tend

import "slices"

// pass is the supervisor's place in its list of services while it starts or
// stops them one after another.
type pass struct {
	// cursor is the service whose turn to start it is; all before it have had
	// theirs. nil: nobody waits for a turn.
	cursor *node
	// sweep is the service whose turn to stop it is, going backwards; nil: all
	// that are to be stopped have been asked.
	sweep *node
	// group is the first of the services that are being stopped in order to be
	// started again together: it and all after it. nil: no group restart.
	group *node
}

// start begins to serve: everything comes up that is not meant to be down.
func (p *plan) start(now instant) {
	p.phase = serving
	p.wasReady = false
	p.budgets = budgets{number: p.number}
	p.stop = stopPlan{soft: never, hard: never}
	for n := p.first; n != nil; n = n.next {
		if n.state == StateDone {
			p.put(now, n, StatePending)
		}
	}
	p.out = slices.Grow(p.out, 2*p.size()+2) // launches and their events, mostly
	p.do(SupervisorStarted{p.here(now), p.size()})
	p.cursor = p.first
}

// proceed does what can be done now about the services whose turn it is. It runs
// after every message; most of the time there are none.
func (p *plan) proceed(now instant) {
	switch {
	case p.phase == ceasing:
		p.stopNext(now, nil, stopping)
	case p.phase == serving:
		if p.group != nil {
			p.restartGroup(now)
		}
		p.startNext(now)
		p.checkReady()
	}
}

// startNext starts the services from the cursor on: one after another if
// ordered, else all.
func (p *plan) startNext(now instant) {
	for p.cursor != nil {
		n := p.cursor
		if n.state == StatePending {
			p.launch(now, n)
		}
		if p.spec.Ordered && n.blocksNext() {
			return
		}
		p.cursor = n.next
	}
}

// blocksNext: services after n do not start yet.
func (n *node) blocksNext() bool {
	switch n.state {
	case StateRunning, StateSuspended, StateDone, StateFailed:
		return false
	default:
		return true
	}
}

// restartGroup stops the members of the group, last first, and once none is left
// that runs or waits, lets all start again in order.
func (p *plan) restartGroup(now instant) {
	if !p.stopNext(now, p.group, siblingFailed) {
		return
	}
	for n := p.group; n != nil; n = n.next {
		if n.run != nil || n.state == StateBackoff {
			return
		}
	}
	first := p.group
	p.group, p.cursor = nil, first
	for n := first; n != nil; n = n.next {
		if n.state == StateDone {
			p.put(now, n, StatePending)
		}
	}
}

// stopNext asks the services back to first (nil: all) to stop, whose turn it is,
// and reports whether all have been asked and have ended or been given up on.
func (p *plan) stopNext(now instant, first *node, why reason) bool {
	for p.sweep != nil {
		n := p.sweep
		if n.run != nil && n.state != StateStuck {
			p.ask(now, n, why)
			if p.oneByOne() && now < p.stop.soft {
				return false
			}
		}
		p.sweep = n.prev
		if n == first {
			p.sweep = nil
		}
	}
	return true
}

// oneByOne: services are stopped one after another.
func (p *plan) oneByOne() bool { return p.phase == serving || p.spec.Ordered }

// checkReady notices when all services run, once after each start.
func (p *plan) checkReady() {
	if p.wasReady || p.cursor != nil || p.group != nil {
		return
	}
	for _, s := range []State{StatePending, StateStarting, StateBackoff, StateStopping, StateStuck, StateFailed} {
		if p.tally[s] > 0 {
			return
		}
	}
	p.wasReady = true
	p.do(ready{})
}
