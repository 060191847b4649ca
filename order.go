package tend

import (
	"fmt"
	"slices"
	"time"
)

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

// stopPlan is how the whole supervisor is being stopped.
type stopPlan struct {
	began  instant
	cause  error  // in the contexts of the services
	text   string // of cause; empty: not known yet
	result error  // of Serve
	// Within a budget, hard is when everything that has not returned is given up,
	// and soft a twentieth of the whole before it: until then services have their
	// turn and their timeout, nested supervisors get until then, and what is left
	// then is asked all at once. So the service that hangs is named by its own
	// supervisor before the supervisors above it give up, at any depth, and what
	// was to stop after it is asked at all.
	soft, hard instant
}

// shareBelow is the part of a stop's time that a supervisor keeps from those
// below it: one twentieth.
const shareBelow = 20

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

// shutdown begins to stop all services; later calls can only make it quicker.
func (p *plan) shutdown(now instant, m shutdown) {
	switch p.phase {
	case idle:
		return
	case ceasing:
		p.hurry(now, m.by)
		return
	case serving:
	}
	p.phase = ceasing
	p.heaps[stopTimer] = slices.Grow(p.heaps[stopTimer], p.live)
	p.stop = stopPlan{began: now, cause: m.cause, text: m.text, result: m.result}
	p.do(SupervisorStopping{p.here(now), m.cause, m.text})
	p.pass = pass{sweep: p.last}
	p.endPause(now)
	by := m.by
	if budget := p.spec.StopBudget; budget > 0 {
		by = min(by, later(now, budget))
	}
	p.setStopBudget(now, by)
	p.tighten(now)
}

// hurry makes a stop that is under way quicker.
func (p *plan) hurry(now, by instant) {
	if p.phase == ceasing && by < p.stop.hard {
		p.setStopBudget(now, by)
		p.tighten(now)
	}
}

// explained: the text of the cause of the stop is known. Should it be that of a
// second cause, the first one counts.
func (p *plan) explained(text string) {
	if p.stop.text == "" {
		p.stop.text = text
	}
}

// stopText is what the cause of the stop says; its type while that is not known.
func (p *plan) stopText() string {
	if p.stop.text == "" {
		return fmt.Sprintf("%T", p.stop.cause)
	}
	return p.stop.text
}

// stopped ends the time of being served. What still runs is on the books.
func (p *plan) stopped(now instant) {
	p.phase = idle
	p.do(SupervisorStopped{p.here(now), p.stop.result, p.live, now - p.stop.began, p.stopText()})
}

func (p *plan) setStopBudget(now, hard instant) {
	p.stop.hard, p.stop.soft = hard, hard
	if hard != never {
		p.stop.soft = hard - (hard-now)/shareBelow
	}
}

// tighten applies the time limits of the stop to services that wait for something
// or are being stopped already.
func (p *plan) tighten(now instant) {
	for n := p.first; n != nil; n = n.next {
		switch n.state {
		case StateBackoff:
			p.put(now, n, StatePending)
		case StateStopping:
			own, below := p.stopLimits(n.since, n)
			p.heaps[stopTimer].drop(n)
			p.due(stopTimer, n, own)
			if below != never {
				p.do(limit{n.run, below})
			}
		default:
		}
	}
}

// stopLimits says when n, asked at a moment to stop, is taken as stuck, and when
// a supervisor that it serves must be through.
func (p *plan) stopLimits(asked instant, n *node) (own, below instant) {
	soft, hard := never, never
	if p.phase == ceasing {
		soft, hard = p.stop.soft, p.stop.hard
	}
	timeout := n.conf().Timeout
	if n.nested() != nil {
		// It names what hangs below it itself, and so needs no limit, unless the
		// whole stop or this subtree has one.
		own, below = hard, soft
		if asked >= soft {
			below = hard - (hard-asked)/shareBelow
		}
		if timeout > 0 {
			own = min(own, later(asked, timeout))
			below = min(below, later(asked, timeout-timeout/shareBelow))
		}
		return own, below
	}
	if timeout == 0 {
		timeout = p.spec.Timeout
	}
	own = later(asked, timeout)
	if asked < soft {
		return min(own, soft), never
	}
	return min(own, hard), never
}

// later is at+d, saturating at never.
func later(at instant, d time.Duration) instant { return addSaturating(at, d) }

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

// mayStart: n need not wait for the turn of others.
func (p *plan) mayStart(n *node) bool {
	return p.phase == serving && !p.inGroup(n) && (p.cursor == nil || n.id < p.cursor.id)
}

// inGroup: n is being stopped, or kept down, for a group restart.
func (p *plan) inGroup(n *node) bool { return p.group != nil && n.id >= p.group.id }

// startGroup begins a group restart after the failure of n.
func (p *plan) startGroup(n *node) {
	switch p.spec.Strategy {
	case OneForOne:
		return
	case OneForAll:
		n = p.first
	case RestForOne:
	}
	if p.group == nil || n.id < p.group.id {
		p.group = n
	}
	p.sweep, p.cursor = p.last, nil
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

// skip makes n, which leaves, nobody's turn.
func (p *plan) skip(n *node) {
	if p.cursor == n {
		p.cursor = n.next
	}
	if p.sweep == n {
		p.sweep = n.prev
		if p.group == n {
			p.sweep = nil
		}
	}
	if p.group == n {
		p.group = n.next
	}
}

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

// willed: n has ended by its own will. If it was the last significant service,
// so does the supervisor.
func (p *plan) willed(now instant, n *node, out outcome) {
	if n.conf().Significant && p.significant == 0 && p.phase == serving {
		p.shutdown(now, p.lastSignificant(n, out))
	}
}
