package tend

// fail is what a failure of n costs: a delay, a pause, the supervisor, or the
// service its place. n does not run.
func (p *plan) fail(now instant, n *node, out outcome) {
	n.remember(Failure{p.wall(now), uint64(n.runs), out.text, out.panicked})
	switch {
	case n.conf().Restart == Temporary:
		p.failed(now, n, out, ServiceFailed{Count: 1})
		p.leave(now, n, out.err)
		p.willed(now, n, out)
	case n.ownBudget():
		p.failOwn(now, n, out)
	default:
		p.failShared(now, n, out)
	}
}

// failOwn charges the service's own budget.
func (p *plan) failOwn(now instant, n *node, out outcome) {
	b := n.conf().Backoff
	count, delay, over := n.rare.budget.fail(b, now, out.ran)
	if delay > 0 {
		delay = b.Spread(delay, p.random())
	}
	e := ServiceFailed{Count: float64(count), Threshold: float64(b.Limit), Restarting: !over, Delay: delay}
	if over {
		e.Delay = 0
		p.failed(now, n, out, e)
		p.put(now, n, StateFailed)
		p.do(ServiceGaveUp{p.of(now, n), out.err, count, b.Within, out.text})
		p.started(n, out.err)
		return
	}
	p.failed(now, n, out, e)
	p.startGroup(n)
	if delay > 0 {
		p.put(now, n, StateBackoff)
		n.rare.until = later(now, delay)
		p.due(backoffTimer, n, n.rare.until)
		return
	}
	p.again(now, n)
}

// failShared charges the supervisor's budget.
func (p *plan) failShared(now instant, n *node, out outcome) {
	count := p.failures.add(now, p.spec.FailureDecay)
	e := ServiceFailed{Count: count, Threshold: p.spec.FailureThreshold, Restarting: true}
	if count > e.Threshold && p.spec.Escalate {
		p.failed(now, n, out, e)
		p.put(now, n, StatePending)
		p.escalate(now, n, out, count)
		return
	}
	begins := count > e.Threshold && !p.paused
	if begins {
		p.startPause(now)
	}
	if p.paused {
		e.Delay = max(0, p.ends-now)
	}
	p.failed(now, n, out, e)
	p.startGroup(n)
	if p.paused {
		p.put(now, n, StateBackoff)
		p.waiting = append(p.waiting, n)
		return
	}
	p.again(now, n)
}

// failed emits ServiceFailed.
func (p *plan) failed(now instant, n *node, out outcome, e ServiceFailed) {
	if p.heard {
		e.Origin, e.Err, e.Ran, e.text = p.of(now, n), out.err, out.ran, out.text
		p.do(e)
	}
}

// escalate stops the supervisor because of the failure of n.
func (p *plan) escalate(now instant, n *node, out outcome, count float64) {
	err := &TooManyFailures{
		Supervisor: p.path, Service: n.name, Count: count, Threshold: p.spec.FailureThreshold,
		Last: out.err, text: out.text,
	}
	p.do(Escalated{p.here(now), err})
	p.shutdown(now, shutdown{err, err.Error(), err, never})
}
