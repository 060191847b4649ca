package tend

// fail is what a failure costs: a delay, a pause, the supervisor, or the service
// its place. The service does not run any more; it did for ran.
func (p *plan) fail(now instant, out outcome, ran instant) {
	n := out.n
	n.remember(Failure{p.wall(now), n.number, out.why})
	n.rare.failed++
	told := &ServiceFailed{Err: out.why, Ran: ran} // by pointer: it is larger than all else that a failure takes
	switch {
	case n.conf().Restart == Temporary:
		told.Count = 1
		p.failed(now, n, told)
		p.leave(now, n, failureOf(out.why))
		p.willed(now, out)
	case n.ownBudget():
		p.failOwn(now, out, told)
	default:
		p.failShared(now, out, told)
	}
}

// failed emits ServiceFailed.
func (p *plan) failed(now instant, n *node, told *ServiceFailed) {
	if p.hears.anything() {
		told.Origin, told.Late = p.of(now, n), n.late(now)
		p.do(*told)
	}
}

// failOwn charges the service's own budget.
func (p *plan) failOwn(now instant, out outcome, told *ServiceFailed) {
	n := out.n
	b, limit := n.conf().Backoff, n.conf().Limit
	count := n.rare.tally.Fail(now, limit.window(), told.Ran >= b.ResetAfter())
	told.Count, told.Threshold = float64(count), float64(limit.N)
	if limit.N > 0 && count >= limit.N {
		p.failed(now, n, told)
		p.put(now, n, StateFailed)
		p.do(ServiceGaveUp{p.of(now, n), out.why, count, limit.Within})
		p.answer(n, failureOf(out.why))
		p.willed(now, out)
		return
	}
	told.Restarting = true
	told.Delay = b.Spread(b.Delay(n.rare.tally.Streak), p.random())
	p.failed(now, n, told)
	p.startGroup(n)
	if told.Delay > 0 {
		p.put(now, n, StateBackoff)
		n.rare.until = later(now, told.Delay)
		p.due(backoffTimer, n, n.rare.until)
		return
	}
	p.again(now, n)
}

// failShared charges the supervisor's budget.
func (p *plan) failShared(now instant, out outcome, told *ServiceFailed) {
	n := out.n
	told.Count, told.Threshold, told.Restarting = p.failures.add(now, p.spec.FailureDecay), p.spec.FailureThreshold, true
	over := told.Count > told.Threshold
	if over && p.spec.Escalate {
		p.failed(now, n, told)
		p.put(now, n, StatePending)
		p.escalate(now, out, told.Count)
		return
	}
	begins := over && !p.pause.on
	if begins {
		p.beginPause(now)
	}
	if p.pause.on {
		told.Delay = max(0, p.pause.ends-now)
	}
	p.failed(now, n, told)
	if begins {
		p.do(PauseBegan{p.here(now), p.wall(p.pause.ends), told.Count, told.Threshold})
	}
	p.startGroup(n)
	if p.pause.on {
		p.put(now, n, StateBackoff)
		return
	}
	p.again(now, n)
}

// escalate stops the supervisor because of a failure.
func (p *plan) escalate(now instant, out outcome, count float64) {
	err := &TooManyFailures{
		Supervisor: p.path, Service: out.n.name, Count: count, Threshold: p.spec.FailureThreshold, Last: out.why,
	}
	p.do(Escalated{p.here(now), err})
	r := Reason{err, err.Error()}
	p.shutdown(now, shutdown{cause: r, result: r, by: never})
}
