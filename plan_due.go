package tend

// fired: the time for which a timer was armed has come. It counts as come even
// if the clock says otherwise, because a test may fire a timer by hand.
func (p *plan) fired(now instant, m fired) {
	if p.armed[m.timer] == m.at {
		p.armed[m.timer] = never // as the timer has gone off
	}
	if m.timer == pauseTimer {
		if p.ends <= m.at {
			p.endPause(now)
		}
		return
	}
	heap := &p.heaps[m.timer]
	for heap.next() <= m.at {
		n := (*heap)[0].n
		heap.drop(n)
		p.expired(now, m.timer, n)
	}
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
		p.do(probe{n.run})
	case pauseTimer, timers:
	}
}

// inspect has the goroutines of n looked up; what is to be done about it is done
// when they are known, so that they show where it hangs and not how it ends.
func (p *plan) inspect(n *node, why reason) {
	n.set(inspecting, true)
	p.inspections++
	p.do(inspect{n.run, why})
}

// inspected: the goroutines of a run are known.
func (p *plan) inspected(now instant, m inspected) {
	p.inspections--
	n := m.r.node
	if n.run != m.r || !n.is(inspecting) {
		return
	}
	n.set(inspecting, false)
	switch {
	case n.state == StateStuck:
		p.stuck(now, n, m.stacks)
	case n.why == unasked && n.state != StateStopping:
		p.do(ServiceUnresponsive{p.of(now, n), m.why.cause(), m.stacks})
		p.ask(now, n, m.why)
	}
}

// beaten: how often and when last a run has said that it is alive.
func (p *plan) beaten(now instant, m beaten) {
	n := m.r.node
	if n.run != m.r || n.state != StateRunning || n.slot != 0 || n.is(inspecting) {
		return // the answer to a question that is not open any more
	}
	if m.beats == n.rare.beats {
		p.inspect(n, unresponsive)
		return
	}
	n.rare.beats = m.beats
	p.due(watchdogTimer, n, later(m.last, n.conf().Watchdog))
}

// setTimers arms each timer for what is due next, and no timer if nothing is.
func (p *plan) setTimers() {
	for t := range timers {
		next := never
		switch {
		case t != pauseTimer:
			next = p.heaps[t].next()
		case p.paused:
			next = p.ends
		}
		switch {
		case next == p.armed[t]:
		case next == never:
			p.do(disarm{t})
		default:
			p.do(arm{t, next})
		}
		p.armed[t] = next
	}
}
