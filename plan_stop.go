package tend

import (
	"slices"
	"time"
)

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

// explained: the text of the cause of the stop is known. Should it be that of a
// second cause, the first one counts.
func (p *plan) explained(text string) {
	if p.stop.text == "" {
		p.stop.text = text
	}
}

// stopped ends the time of being served. What still runs is on the books.
func (p *plan) stopped(now instant) {
	p.phase = idle
	p.do(SupervisorStopped{p.here(now), p.stop.result, p.live, now - p.stop.began, p.stopText()})
}

// terminated is how the supervisor stops when n asks for it.
func (p *plan) terminated(n *node, out outcome) shutdown {
	err := &stopError{"tend: " + p.path + "/" + n.name + " ended the tree: " + out.text, out.err}
	if p.spec.KeepTermination {
		err.err = ErrDoNotRestart
	}
	return shutdown{err, err.text, err, never}
}

// lastSignificant is how it stops when n, the last significant service, has
// ended.
func (p *plan) lastSignificant(n *node, out outcome) shutdown {
	err := &stopError{"tend: " + p.path + "/" + n.name + ", the last significant service of its supervisor, has ended", ErrDoNotRestart}
	if out.err != nil {
		return shutdown{err, err.text, out.err, never}
	}
	return shutdown{err, err.text, err, never}
}

// willed: n has ended by its own will. If it was the last significant service,
// so does the supervisor.
func (p *plan) willed(now instant, n *node, out outcome) {
	if n.conf().Significant && p.significant == 0 && p.phase == serving {
		p.shutdown(now, p.lastSignificant(n, out))
	}
}

// budgets is what failures have cost the supervisor since it is served.
type budgets struct {
	failures decaying
	// The pause: while it lasts, services that fail wait. Its number tells it
	// from earlier ones.
	paused      bool
	announced   bool
	number      uint64
	began, ends instant
	waiting     []*node
	// The last pause, by which the next may grow.
	lastLength time.Duration
	lastEnd    instant
}

// startPause begins a pause. How long it is to be exactly, Jitter says later.
func (p *plan) startPause(now instant) {
	length := p.spec.FailureBackoff
	if p.lastLength > 0 && now-p.lastEnd <= later(p.lastLength, 2*p.spec.FailureDecay) {
		length = max(length, min(addSaturating(p.lastLength, p.lastLength), p.spec.MaxFailureBackoff))
	}
	p.paused, p.announced = true, false
	p.number++
	p.began, p.ends = now, later(now, length)
	p.lastLength = length
	p.do(jitter{p.number, length})
}

// jittered: the length of a pause is known.
func (p *plan) jittered(now instant, m jittered) {
	if p.paused && m.pause == p.number && !p.announced {
		p.ends = later(p.began, m.d)
		p.announce(now)
	}
}

// announce tells of the pause, once.
func (p *plan) announce(now instant) {
	if !p.announced {
		p.announced = true
		p.do(PauseBegan{p.here(now), p.wall(p.ends), p.failures.level(now, p.spec.FailureDecay), p.spec.FailureThreshold})
	}
}

// endPause ends the pause, if there is one: the count is zero and all that wait
// are started, unless the supervisor stops.
func (p *plan) endPause(now instant) {
	if !p.paused {
		return
	}
	p.announce(now)
	p.paused = false
	p.lastEnd = now
	p.failures = decaying{at: now}
	p.do(PauseEnded{p.here(now), now - p.began})
	waiting := p.waiting
	p.waiting = nil
	for _, n := range waiting {
		if n.state == StateBackoff {
			p.again(now, n)
		}
	}
}
