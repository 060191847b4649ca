package tend

import "slices"

// turn is the supervisor's place in its list of services while it starts or stops
// them one after another. With RestForOne, after the failure of the third of six:
//
//	1    2    3    4    5    6
//	          |         |
//	        group     sweep     6 has been asked, 5 is being stopped, 4 is next
//
// and once all from the group on have ended or been given up on:
//
//	1    2    3    4    5    6
//	          |
//	        cursor              3 is started, then 4, each when the one before runs
type turn struct {
	// cursor is the service whose turn to start it is; all before it have had
	// theirs. nil: nobody waits for a turn.
	cursor *node
	// sweep is the service whose turn to stop it is, going backwards; nil: all
	// that are to be stopped have been asked.
	sweep *node
	// group is the first of the services that are being stopped in order to be
	// started again together: it and all after it. nil: no group restart.
	group *node
	// holds is the first member that may hold the group up once all have been asked:
	// those before it do not run and wait for nothing, and will not as long as there is a
	// group. So the members are looked through once, and not with each message.
	holds *node
	// origin is the member whose failure that is: the group starts when its delay is
	// over, or it has left.
	origin *node
}

// start begins to serve: everything comes up that is not meant to be down.
func (p *plan) start(now instant, m start) {
	p.term, p.phase, p.doom = m.term, serving, m.doom
	p.settled, p.started, p.firstFailure = false, false, Reason{}
	p.failures, p.pause = decaying{}, pause{}
	isAgain := p.stop != nil
	p.stop = unlimited
	for n := p.first; n != nil; n = n.next {
		if n.state == StateDone {
			p.put(now, n, StatePending)
		}
	}
	p.out = slices.Grow(p.out, 2*p.size()+4) // launches and their events, mostly, and four of its own
	p.do(SupervisorStarted{p.here(now), p.size()})
	if isAgain {
		p.do(recall{}) // one for all: mostly all are launched
	}
	p.turn.cursor = p.first
}

// proceed does what can be done now about the services whose turn it is. It runs
// after every message; most of the time there are none.
func (p *plan) proceed(now instant) {
	switch {
	case p.phase == ceasing:
		p.stopNext(now, nil, stopping)
	case p.phase == serving && !p.isDoomed():
		if p.turn.group != nil {
			p.restartGroup(now)
		}
		p.startQueued(now)
		p.startNext(now)
		p.checkReady()
	}
}

// startQueued starts those who waited for others to have started, as many as may be. Those
// of a group that is being restarted have their turn with that, who has to outlast somebody
// since comes then, and who is behind the cursor after that. The one at the cursor keeps its
// place: else one before it that fails while it starts could keep it out for ever.
func (p *plan) startQueued(now instant) {
	for len(p.queue) > 0 && p.tally[StateStarting] < p.spec.MaxStarting {
		n := p.queue[0].n
		p.queue.drop(n)
		if !n.waits() && (p.mayStart(n) || n == p.turn.cursor) {
			p.launch(now, n)
		}
	}
}

// startNext starts the services from the cursor on: one after another if
// ordered, else all.
func (p *plan) startNext(now instant) {
	for p.turn.cursor != nil {
		n := p.turn.cursor
		if p.inGroup(n) {
			return
		}
		if n.state == StatePending {
			p.begin(now, n)
		}
		if p.spec.Ordered && n.blocksNext() {
			return
		}
		p.turn.cursor = n.next
	}
}

// blocksNext: services after n do not start yet.
func (n *node) blocksNext() bool {
	if n.isTrial() {
		return false
	}
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
	p.stopNext(now, p.turn.group, siblingFailed)
	for ; p.turn.holds != nil; p.turn.holds = p.turn.holds.next {
		if n := p.turn.holds; n.is(alive) || p.delaysGroup(n) {
			return
		}
	}
	first := p.turn.group
	p.turn.group, p.turn.origin = nil, nil
	if p.turn.cursor == nil { // else one before the group has not had its turn yet
		p.turn.cursor = first
	}
	for n := first; n != nil; n = n.next {
		if n.state == StateDone {
			p.changed(now, n, siblingFailed, StatePending)
		}
		if n.state == StateDone || n.state == StateBackoff {
			p.put(now, n, StatePending)
		}
	}
}

// delaysGroup: the group waits for the delay of the service whose failure it is, and
// for the end of a pause. The delay of another member is void, as that is started
// again anyway: an hour's delay of a dependent must not keep down what it depends on.
func (p *plan) delaysGroup(n *node) bool {
	return n.state == StateBackoff && (n == p.turn.origin || !n.ownBudget())
}

// stopNext asks the services back to first (nil: all) to stop, whose turn it is.
func (p *plan) stopNext(now instant, first *node, w why) {
	for p.turn.sweep != nil {
		n := p.turn.sweep
		switch {
		case !n.is(alive):
		case n.state == StateStuck:
			p.finish(n, w)
		default:
			p.ask(now, n, w)
			if p.oneByOne() && now < p.stop.soft {
				return
			}
		}
		p.turn.sweep = n.prev
		if n == first {
			p.turn.sweep = nil
		}
	}
}

// oneByOne: services are stopped one after another.
func (p *plan) oneByOne() bool { return p.phase == serving || p.spec.Ordered }

// checkReady notices, once after each start, when all services run, and before that
// when all do that will: what has failed for good holds up nobody's turn, here or in
// the order of a supervisor above.
func (p *plan) checkReady() {
	if p.started || p.turn.cursor != nil || p.turn.group != nil {
		return
	}
	for _, s := range []State{StatePending, StateStarting, StateBackoff, StateStopping, StateStuck} {
		if p.tally[s] > 0 {
			return
		}
	}
	if !p.settled {
		p.settled = true
		p.do(settled{})
	}
	if p.tally[StateFailed] == 0 {
		p.started = true
		p.do(ready{})
	}
}
