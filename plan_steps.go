package tend

import "time"

// What every rule of the plan uses: effects and origins, the states and the list of
// services, launching and asking, time limits, groups.

// tells: what happens to n as somebody wished, or by itself, is told: it is at level debug.
// Members of a group come and go by the hundred thousand; of them failures are.
func (p *plan) tells(n *node) bool { return p.hears.details() && !n.is(isMember) }

func (p *plan) do(e effect) { p.out = append(p.out, e) }

// wall is the time of day of an instant.
func (p *plan) wall(at instant) time.Time {
	if at == p.now { // mostly
		return p.at
	}
	return p.at.Add(at - p.now)
}

// here is the origin of an event of the supervisor.
func (p *plan) here(now instant) Origin {
	return Origin{Time: p.wall(now), Supervisor: p.path}
}

// of is the origin of an event of a service.
func (p *plan) of(now instant, n *node) Origin {
	return Origin{Time: p.wall(now), Supervisor: p.path, Service: n.name, Token: ServiceToken{n.seat()}, Incarnation: n.number}
}

// put brings n into a state: the only place where a state changes. What was due in
// the old one, or put off once, is so no more.
func (p *plan) put(now instant, n *node, s State) {
	if old := n.state; old < StateGone {
		p.tally[old]--
		switch old {
		case StatePending:
			p.queue.drop(n)
		case StateStopping:
			p.undue(stopTimer, n)
		case StateBackoff:
			p.undue(backoffTimer, n)
		case StateStarting:
			p.undue(readyTimer, n)
		case StateRunning:
			p.undue(watchdogTimer, n)
		case StateStuck, StateSuspended, StateDone, StateFailed, StateGone:
		}
		if n.conf().Significant {
			p.significant += finality(old) - finality(s)
		}
	}
	n.state, n.since = s, now
	n.set(spared, false)
	p.tally[s]++
	p.arrived(n)
}

// finality is 1 for the states of a service that has ended by its own will, or has
// given up.
func finality(s State) int {
	if s == StateDone || s == StateGone || s == StateFailed {
		return 1
	}
	return 0
}

// size is how many services count against MaxServices: all that have not left, and of
// those in one place one.
func (p *plan) size() (size int) {
	for s := range StateGone {
		size += p.tally[s]
	}
	return size - p.doubles
}

// count notes that n, which is pending and has been put into the list, is here.
func (p *plan) count(now instant, n *node) {
	n.since = now
	p.tally[StatePending]++
	if n.is(isMember) {
		p.members++
	}
	if n.conf().Significant {
		p.significant++
	}
	if p.phase == idle && p.stop != nil { // it is to do nothing until the next time
		p.decided(n, nil, false)
	}
}

// link puts n into the list, after another one; nil: first. unlink takes it out.
func (p *plan) link(n, after *node) {
	next := p.first
	if after != nil {
		next = after.next
		after.next = n
	} else {
		p.first = n
	}
	if next != nil {
		next.prev = n
	} else {
		p.last = n
	}
	n.prev, n.next = after, next
}

func (p *plan) unlink(n *node) {
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
}

// leave takes n, which does not run, out of the tree. Who waits for its start
// learns why it never will. Who was to come after it may come.
func (p *plan) leave(now instant, n *node, err error) {
	p.cede(n, err)
	p.skip(n)
	last := !n.shares()
	if !last {
		p.doubles--
	}
	p.unlink(n)
	if n.is(isMember) {
		p.members--
	}
	p.put(now, n, StateGone)
	p.tally[StateGone] = 0 // nobody counts them
	p.answer(n, err)
	p.do(leave{n, last})
	if next := n.pass(); next != nil {
		p.come(now, next)
	}
	if relief := n.seat().holder().comes().relief; relief != nil { // it was the third
		p.again(now, relief)
	}
}

// cede: n leaves by itself. Who runs beside it has the place from now on, and is not on trial
// any more; who is that, and has not stood it, learns why.
func (p *plan) cede(n *node, err error) {
	switch s := n.comes(); {
	case n.isTrial():
		p.reply(s.asker, err)
		if holder := n.seat().holder(); holder.comes().relief == n {
			holder.succeeds().relief = nil
		}
	case s.relief != nil:
		relief := s.relief
		relief.await(StateRunning, relief.comes().asker)
		relief.comes().asker, s.relief = nil, nil
		n.seat().succeeds().holder = relief
		relief.outlast(n)
		relief.inherit(n)
		p.arrived(relief)
	case n.seat().holder() == n && n.shares(): // one that is leaving, too, is the last
		last := n.neighbour()
		n.seat().succeeds().holder = last
		last.succeeds().bereft = n.want == wantGone
		last.inherit(n)
		p.arrived(last)
	}
}

// inherit takes over what was and is asked of a service, and its history. Its budget is
// new.
func (n *node) inherit(old *node) {
	from, to := old.more(), n.more()
	to.failures, to.kept, to.failed = from.failures, from.kept, from.failed
	from.failures, from.kept, from.failed = nil, 0, 0
	for w := from.waiting; w != nil; w = w.next {
		n.await(w.state, w.to)
	}
	from.waiting = nil
}

// turnAway lets go of a service that was to be added, and so has no place yet but its own.
func (p *plan) turnAway(n *node, why error) {
	n.state = StateGone
	p.decided(n, why, false)
	p.do(leave{n, true})
}

// come lets n do what was asked of it while it waited for another one to leave.
func (p *plan) come(now instant, n *node) {
	switch {
	case n.is(alive):
	case n.want == wantGone: // also if it had taken the place, and was suspended since
		p.changed(now, n, removal, StateGone)
		p.decided(n, ErrRemoved, false)
		p.leave(now, n, ErrRemoved)
	case n.state != StatePending: // it has run, and was asked for something else since
	case n.want == wantSuspended:
		p.changed(now, n, suspension, StateSuspended)
		p.put(now, n, StateSuspended)
		p.decided(n, ErrSuspended, false)
	default:
		p.again(now, n)
	}
}

// decided tells a latent service what is to become of it: see plan.fate.
func (p *plan) decided(n *node, why error, failed bool) {
	if n.is(isLatent) {
		p.do(decided{n, n.number, why, failed})
	}
}

// again starts a service that does not run, now or when its turn comes.
func (p *plan) again(now instant, n *node) {
	if n.state != StatePending {
		p.put(now, n, StatePending)
	}
	if p.mayStart(n) {
		p.begin(now, n)
	}
}

// begin launches n, unless it has to wait for somebody.
func (p *plan) begin(now instant, n *node) {
	switch {
	case n.waits():
	case !p.isCrowded(n):
		p.launch(now, n)
	case n.slot == 0:
		p.queued++
		p.queue.push(p.queued, n)
	}
}

// isCrowded: n would be starting, and others do, or wait for that, as many as may be.
func (p *plan) isCrowded(n *node) bool {
	most := p.spec.MaxStarting
	return most > 0 && n.comesUp() && (p.tally[StateStarting] >= most || len(p.queue) > 0)
}

// startsNow: n, which does not run, would be launched.
func (p *plan) startsNow(n *node) bool { return p.mayStart(n) && !n.waits() && !p.isCrowded(n) }

// isDoomed: a supervisor above has begun to stop, and this one's turn will come.
// Services that watch a context or a connection that ends with the program end now:
// that is their end as asked, not a failure, and nobody is started again.
func (p *plan) isDoomed() bool { return !p.doom.IsZero() }

// isUndisturbed: neither the supervisor of n, nor one above, stops, and its group is not restarted.
func (p *plan) isUndisturbed(n *node) bool {
	return p.phase == serving && !p.isDoomed() && !p.inGroup(n)
}

// mayStart: n need not wait for the turn of others.
func (p *plan) mayStart(n *node) bool {
	return p.isUndisturbed(n) && (p.turn.cursor == nil || n.id < p.turn.cursor.id)
}

// launch begins a run.
func (p *plan) launch(now instant, n *node) {
	n.number = n.nextRun()
	n.set(alive, true)
	if n.rare != nil {
		n.rare.began = now
	}
	p.live++
	switch limit := n.conf().ReadyTimeout; {
	case limit > 0:
		p.put(now, n, StateStarting)
		p.due(readyTimer, n, later(now, limit))
	case n.is(isSupervisor):
		p.put(now, n, StateStarting)
	default:
		p.up(now, n)
	}
	if p.tells(n) {
		p.do(ServiceStarted{p.of(now, n), n.number - 1})
	}
	p.do(launch{n})
}

// up brings n into state running.
func (p *plan) up(now instant, n *node) {
	p.put(now, n, StateRunning)
	if w := n.conf().Watchdog; w > 0 && !n.is(isLatent) {
		n.more().beats = 0
		p.due(watchdogTimer, n, later(now, w))
	}
}

// ask tells a run to stop, once; see finish.
func (p *plan) ask(now instant, n *node, w why) {
	switch {
	case n.why != unasked:
		p.finish(n, w)
		return
	case n.state == StateStuck:
		p.finish(n, w)
		n.why = w
		return
	}
	n.why = w
	_, below := p.stopLimits(now, n)
	if n.state != StateStopping { // else Serve has returned already
		p.stopFrom(now, n)
	}
	if below != never {
		p.do(limit{n, below})
	}
	p.do(cancel{n})
}

// finish tells a latent run that is being stopped, or hangs, that it is the last, if it was not to
// be that.
func (p *plan) finish(n *node, w why) {
	if n.is(isLatent) && w.isFinal() && !n.why.isFinal() {
		p.do(finish{n, w})
	}
}

// stopFrom brings n into state stopping.
func (p *plan) stopFrom(now instant, n *node) {
	own, _ := p.stopLimits(now, n)
	p.put(now, n, StateStopping)
	p.due(stopTimer, n, own)
}

// bound sets the limits of n anew, which is being stopped.
func (p *plan) bound(n *node, own, below instant) {
	before := p.stopLimit(n)
	p.undue(stopTimer, n)
	p.due(stopTimer, n, own)
	switch {
	case below != never:
		p.do(limit{n, below})
	case own < before:
		p.do(hasten{n})
	}
}

// stopLimits says when n, asked at a moment to stop, is taken as stuck, and when
// a supervisor that it serves must be through. A nested supervisor names what
// hangs below it itself, and so needs no limit of its own, unless the whole stop or
// its subtree has one: with an equal timer each level would report the same hung
// service, the root first.
func (p *plan) stopLimits(asked instant, n *node) (own, below instant) {
	soft, hard := p.stop.soft, p.stop.hard // never, unless all are being stopped
	timeout := n.conf().Timeout
	if n.nested() != nil {
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

// stopLimit is when n, which is being stopped, is taken as stuck; never, if it is not,
// or nothing bounds that.
func (p *plan) stopLimit(n *node) instant {
	switch {
	case n.state == StateStopping && n.slot > 0:
		return p.schedule.heaps[stopTimer][n.slot-1].at
	case n.state == StateStuck:
		return n.since
	default:
		return never
	}
}

// stuck reports a service that did not return in time, and puts it on the books.
func (p *plan) stuck(now instant, n *node, stacks string) {
	told := ServiceStuck{p.of(now, n), p.stoppingFor(n), n.since - n.rare.asked, stacks}
	p.do(told)
	p.do(owe{n, told})
}

// ended emits ServiceEnded.
func (p *plan) ended(now instant, out outcome, cause Reason, next State) {
	unclean := isUnclean(out, !cause.IsZero())
	if out.n.is(isMember) && !unclean {
		return
	}
	told := ServiceEnded{
		Origin: p.of(now, out.n), Cause: cause, Unclean: unclean, Took: out.n.stopped(now), Late: out.n.late(now),
		Next: out.n.placeAfter(next),
	}
	if out.why.Err != nil {
		told.Err = out.why
	}
	if p.hears.of(told) {
		p.do(told)
	}
}

// changed tells that n, which does not run, comes into another state.
func (p *plan) changed(now instant, n *node, w why, next State) {
	if p.tells(n) {
		p.do(ServiceChanged{p.of(now, n), reasons[w], next})
	}
}

// isUnclean: a run that is no failure has ended with news: see [ServiceEnded].
func isUnclean(out outcome, asked bool) bool {
	switch {
	case !asked:
		return out.verdict == failing
	case out.verdict == doNotRestart, out.why.Err == ErrTerminateTree: //nolint:errorlint // what wraps it says more
		return false
	default:
		return out.news
	}
}

// inGroup: n is being stopped, or kept down, for a group restart.
func (p *plan) inGroup(n *node) bool { return p.turn.group != nil && n.id >= p.turn.group.id }

// startGroup begins a group restart after the failure of n, if there is a group. If there
// is one under way, n is not of it: this one is larger.
func (p *plan) startGroup(n *node) {
	first := n
	switch p.spec.Strategy {
	case OneForOne:
		return
	case OneForAll:
		first = p.first
	case RestForOne:
	}
	t := &p.turn
	t.group, t.origin, t.sweep, t.holds = first, n, p.last, first
	if t.cursor != nil && p.inGroup(t.cursor) {
		t.cursor = nil // all from there on start with the group
	}
}

// skip makes n, which leaves, nobody's turn.
func (p *plan) skip(n *node) {
	t := &p.turn
	if t.cursor == n {
		t.cursor = n.next
	}
	if t.sweep == n {
		t.sweep = n.prev
		if t.group == n {
			t.sweep = nil
		}
	}
	if t.holds == n {
		t.holds = n.next
	}
	if t.group == n {
		t.group = n.next
	}
}
