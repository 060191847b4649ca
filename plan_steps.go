package tend

import (
	"fmt"
	"time"
)

func (p *plan) do(e effect) { p.out = append(p.out, e) }

// wall is the time of day of an instant.
func (p *plan) wall(at instant) time.Time { return p.epoch.Add(at) }

// here is the origin of an event of the supervisor, of one of a service.
func (p *plan) here(now instant) Origin {
	return Origin{Time: p.wall(now), Supervisor: p.path}
}

func (p *plan) of(now instant, n *node) Origin {
	return Origin{p.wall(now), p.path, n.name, ServiceToken{n}, uint64(n.runs)}
}

// put brings n into a state: the only place where a state changes. What was due
// in the old one is not due any more.
func (p *plan) put(now instant, n *node, s State) {
	if old := n.state; old < StateGone {
		p.tally[old]--
		switch old {
		case StateStopping:
			p.heaps[stopTimer].drop(n)
		case StateBackoff:
			p.heaps[backoffTimer].drop(n)
		case StateStarting:
			p.heaps[readyTimer].drop(n)
		case StateRunning:
			p.heaps[watchdogTimer].drop(n)
		case StatePending, StateStuck, StateSuspended, StateDone, StateFailed, StateGone:
		}
		if n.conf().Significant {
			p.significant += finality(old) - finality(s)
		}
	}
	n.state, n.since = s, now
	p.tally[s]++
}

// finality is 1 for the states of a service that has ended by its own will.
func finality(s State) int {
	if s == StateDone || s == StateGone {
		return 1
	}
	return 0
}

// due puts n, whose state has just been set, into the heap of t.
func (p *plan) due(t timer, n *node, at instant) {
	if at != never {
		p.heaps[t].push(at, n)
	}
}

// size is how many services count against MaxServices: all that have not left.
func (p *plan) size() (size int) {
	for s := range StateGone {
		size += p.tally[s]
	}
	return size
}

// again starts a service that does not run, now or when its turn comes.
func (p *plan) again(now instant, n *node) {
	if n.state != StatePending {
		p.put(now, n, StatePending)
	}
	if p.mayStart(n) {
		p.launch(now, n)
	}
}

// mayStart: n need not wait for the turn of others.
func (p *plan) mayStart(n *node) bool {
	return p.phase == serving && !p.inGroup(n) && (p.cursor == nil || n.id < p.cursor.id)
}

// inGroup: n is being stopped, or kept down, for a group restart.
func (p *plan) inGroup(n *node) bool { return p.group != nil && n.id >= p.group.id }

// launch starts a run.
func (p *plan) launch(now instant, n *node) {
	n.runs++
	n.run = &run{node: n, began: now}
	n.why = unasked
	p.live++
	switch limit := n.conf().ReadyTimeout; {
	case limit > 0:
		p.put(now, n, StateStarting)
		p.due(readyTimer, n, now+limit)
	case n.is(isSupervisor):
		p.put(now, n, StateStarting)
	default:
		p.up(now, n)
	}
	if p.heard {
		p.do(ServiceStarted{p.of(now, n), uint64(n.runs - 1)})
	}
	p.do(launch{n.run})
	if n.state == StateRunning {
		p.started(n, nil)
	}
}

// up brings n into state running.
func (p *plan) up(now instant, n *node) {
	p.put(now, n, StateRunning)
	if w := n.conf().Watchdog; w > 0 {
		n.more().beats = 0
		p.due(watchdogTimer, n, now+w)
	}
}

// started answers who waits in Start for n.
func (p *plan) started(n *node, err error) {
	if n.rare != nil && n.rare.starter != nil {
		p.do(reply{n.rare.starter, err})
		n.rare.starter = nil
	}
}

// ask tells a run to stop, once.
func (p *plan) ask(now instant, n *node, why reason) {
	if n.why != unasked {
		return
	}
	n.why = why
	if n.state == StateStuck {
		return
	}
	own, below := p.stopLimits(now, n)
	if n.state != StateStopping { // else Serve has returned already
		p.put(now, n, StateStopping)
		p.due(stopTimer, n, own)
	}
	if below != never {
		p.do(limit{n.run, below})
	}
	p.do(cancel{n.run, p.cause(n)})
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

// cause is why n was asked to stop, as its context says it.
func (p *plan) cause(n *node) error {
	switch n.why {
	case stopping:
		return p.stop.cause
	case blamed:
		return n.rare.blame
	default:
		return n.why.cause()
	}
}

// causeText is the cause as text.
func (p *plan) causeText(n *node) string {
	switch n.why {
	case unasked:
		if n.state == StateStopping || n.state == StateStuck {
			return ErrServeReturned.Error()
		}
		return ""
	case stopping:
		return p.stopText()
	case blamed:
		return n.rare.blamed
	default:
		return n.why.cause().Error()
	}
}

// whyText is the text of a cause that counts as a failure.
func (n *node) whyText(why reason) string {
	switch why {
	case notReady:
		return ErrNotReady.Error()
	case unresponsive:
		return ErrUnresponsive.Error()
	default:
		return n.rare.blamed
	}
}

// stopText is what the cause of the stop says; its type while that is not known.
func (p *plan) stopText() string {
	if p.stop.text == "" {
		return fmt.Sprintf("%T", p.stop.cause)
	}
	return p.stop.text
}

// leave takes n, which does not run, out of the tree. Who waits for its start
// learns why it never will.
func (p *plan) leave(now instant, n *node, err error) {
	p.skip(n)
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		p.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		p.last = n.prev
	}
	n.prev, n.next = nil, nil
	p.put(now, n, StateGone)
	p.tally[StateGone] = 0 // nobody counts them
	p.started(n, err)
	p.do(leave{n})
}

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

// ended emits ServiceEnded.
func (p *plan) ended(now instant, n *node, out outcome, cause error, next State) {
	if p.heard {
		p.do(ServiceEnded{p.of(now, n), out.err, cause, n.stopping(now), next, out.text})
	}
}

// stuck reports a service that did not return in time, and puts it on the books.
func (p *plan) stuck(now instant, n *node, stacks string) {
	n.set(inspecting, false)
	p.do(ServiceStuck{p.of(now, n), n.since - n.rare.asked, stacks})
	p.do(owe{n.run, n.rare.asked, p.causeText(n), stacks})
}
