package tend

import "time"

// fired: the time for which a timer was armed has come. It counts as come even
// if the clock says otherwise, because a test may fire a timer by hand.
func (p *plan) fired(now instant, m fired) {
	if armed := &p.times().armed[m.timer]; *armed == m.at {
		*armed = never // as the timer has gone off
	}
	if m.timer == pauseTimer {
		if p.pause.ends <= m.at {
			p.endPause(now)
		}
		return
	}
	heap := &p.times().heaps[m.timer]
	for heap.next() <= m.at {
		d := (*heap)[0]
		heap.drop(d.n)
		if !p.spare(now, m.timer, d) {
			p.expired(now, m.timer, d.n)
		}
	}
}

// spare gives n its time once more if the timer that would judge it comes late by half
// of that time: whatever held the timer up, a program that was frozen or a machine that
// was suspended, held the service up too. Once in a row, or a loop that is always late
// would never find one that hangs.
func (p *plan) spare(now instant, t timer, d deadline) bool {
	var limit time.Duration
	switch t {
	case readyTimer:
		limit = d.n.conf().ReadyTimeout
	case watchdogTimer:
		limit = d.n.conf().Watchdog
	case stopTimer, backoffTimer, pauseTimer, timers: // nobody is judged
	}
	if limit == 0 || d.n.is(spared) || now-d.at < limit/2 {
		return false
	}
	d.n.set(spared, true)
	p.due(t, d.n, later(now, limit))
	return true
}

// expired: time is up for n.
func (p *plan) expired(now instant, t timer, n *node) {
	switch t {
	case stopTimer:
		n.more().asked = n.since
		p.put(now, n, StateStuck)
		p.inspect(n, n.why)
	case backoffTimer:
		p.again(now, n)
	case readyTimer:
		p.inspect(n, notReady)
	case watchdogTimer:
		p.do(probe{n})
	case pauseTimer, timers:
	}
}

// inspect has the goroutines of n looked up. The plan acts only when the stacks
// are in: taken after the cancel they would show how the service ends, not where
// it hangs.
func (p *plan) inspect(n *node, w why) {
	n.set(inspecting, true)
	p.inspections++
	p.do(inspect{n, w})
}

// inspected: the goroutines of a run are known.
func (p *plan) inspected(now instant, m inspected) {
	p.inspections--
	n := m.n
	if !n.runs(m.run) || !n.is(inspecting) {
		return
	}
	n.set(inspecting, false)
	switch {
	case n.state == StateStuck:
		p.stuck(now, n, m.stacks)
	case n.state != StateStopping:
		p.do(ServiceUnresponsive{p.of(now, n), reasons[m.why], m.stacks})
		p.ask(now, n, m.why)
	}
}

// beaten: how often and when last a run has said that it is alive.
func (p *plan) beaten(now instant, m beaten) {
	n := m.n
	if !n.runs(m.run) || n.state != StateRunning {
		return // the answer to a question that is not open any more
	}
	if m.beats == n.rare.beats {
		p.inspect(n, unresponsive)
		return
	}
	n.rare.beats = m.beats
	n.set(spared, false)
	p.due(watchdogTimer, n, later(m.last, n.conf().Watchdog))
}

// silent: a latent run has been silent, as whoever gives it turns has found. Once it is
// asked to stop its Timeout is what counts.
func (p *plan) silent(m silent) {
	if n := m.n; n.runs(m.run) && !n.is(inspecting) && (n.state == StateStarting || n.state == StateRunning) {
		p.inspect(n, unresponsive)
	}
}

// setTimers arms each timer for what is due next, and no timer if nothing is.
func (p *plan) setTimers() {
	if p.schedule == nil && !p.pause.on {
		return
	}
	armed := &p.times().armed
	for t := range timers {
		next := p.next(t)
		switch {
		case next == armed[t]:
		case next == never:
			p.do(disarm{t})
		default:
			p.do(arm{t, next})
		}
		armed[t] = next
	}
}
