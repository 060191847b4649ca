package tend

import "cmp"

// outcome is how a run, or a helper, ended. Whoever ends a run has asked user code
// what the error is and says; the plan only looks at what came of that.
type outcome struct {
	n       *node
	why     Reason // what Serve returned; *PanicError; ErrGoexit; "returned nil" without an error
	verdict verdict
	news    bool // there is an error, and it is not just that its context has ended
}

// verdict is what an outcome asks for.
type verdict uint8

const (
	failing verdict = iota
	fine            // nil
	doNotRestart
	terminate
)

// ending: Serve has returned, or a helper has failed, and helpers still run. The
// service is over, but alive until they have ended.
func (p *plan) ending(now instant, m ending) {
	n := m.n
	if !n.runs(m.run) || (n.state != StateStarting && n.state != StateRunning) {
		return
	}
	n.more()
	p.stopFrom(now, n)
	if n.is(isLatent) { // it may be a helper that has failed, and nobody else tells the run
		p.do(wind{n})
	}
}

// exited: a run is over, helpers and all.
func (p *plan) exited(now instant, out outcome) {
	n := out.n
	if n.state == StateStuck {
		p.settle(now, n)
	}
	ran := now - n.began()
	p.decided(n, p.endedFor(out), p.isFailure(n)) // first: it is carried out when the rest is known, and before the next launch
	n.set(alive, false)
	n.set(inspecting, false)
	p.live--
	if n.rare != nil {
		n.rare.serving = nil
	}
	switch {
	case n.isTrial():
		p.endedTrial(now, out)
	case n.why.isFailure() && n.want == wantUp && p.isUndisturbed(n):
		p.beside(now, out)
		out = outcome{n: n, why: p.cause(n)}
		n.why = unasked
		p.fail(now, out, ran)
	case n.why != unasked:
		p.endedAsked(now, out)
	default:
		p.endedItself(now, out, ran)
	}
}

// isFailure: the end of n was not asked for, or is what it was asked because of.
func (p *plan) isFailure(n *node) bool {
	return n.why.isFailure() || n.why == unasked && p.phase == serving && !p.isDoomed()
}

// endedFor is why a run has ended, as a latent service is told; nil: the supervisor stops.
func (p *plan) endedFor(out outcome) error {
	switch {
	case out.n.want == wantGone:
		return ErrRemoved
	case out.n.why == stopping:
		return nil
	case p.isOvertaken(out):
		return cmp.Or(out.why.Err, p.reason(out.n, stopping).Err)
	}
	return cmp.Or(p.cause(out.n).Err, out.why.Err, ErrDoNotRestart)
}

// settle takes a service that was stuck off the books.
func (p *plan) settle(now instant, n *node) {
	if n.is(inspecting) { // its report has not been made yet
		p.stuck(now, n, "ended before its goroutines were looked up")
	}
	p.do(settle{n})
}

// beside tells how a run ended that has failed before, for another reason.
func (p *plan) beside(now instant, out outcome) {
	if out.news {
		p.erred(now, erred{out.n, out.n.number, out.why})
	}
}

// erred: something of a run has failed, and that is not how the run ends.
func (p *plan) erred(now instant, m erred) {
	from := p.of(now, m.n)
	from.Incarnation = m.run
	p.do(ServiceAlsoFailed{from, m.why})
}

// endedAsked: what a service does that ended because it was asked to.
func (p *plan) endedAsked(now instant, out outcome) {
	n := out.n
	cause := p.cause(n)
	why := n.why
	n.why = unasked
	next := StatePending
	switch {
	case n.want == wantGone, n.conf().Restart == Temporary && n.want == wantUp && !why.comesBack():
		next = StateGone
	case n.want == wantSuspended:
		next = StateSuspended
	}
	p.ended(now, out, cause, next)
	if isUnclean(out, true) {
		n.seat().holder().remember(Failure{p.wall(now), n.number, out.why})
	}
	switch next {
	case StateGone:
		if n.want == wantGone {
			cause.Err = ErrRemoved // also if it was stopped for something else first
		}
		p.leave(now, n, cause.Err)
	case StatePending:
		p.again(now, n)
	default:
		p.put(now, n, next)
	}
}

// isLast: the run of n, which is asked to stop, is the last, as things are: see endedAsked and
// endedTrial. Who asks for another one, or merely suspends it, says so by why.
func (p *plan) isLast(n *node) bool {
	return n.why.isFinal() || n.isTrial() || n.conf().Restart == Temporary && !n.why.comesBack()
}

// endedTrial: one that ran beside another has ended, and not taken its place. That one keeps
// it, and has the failure in its history. If it has ended meanwhile, as the last significant
// service but for the one on trial, that counts from now on.
func (p *plan) endedTrial(now instant, out outcome) {
	n, holder := out.n, out.n.seat().holder()
	if n.why == unasked { // in a stop, if there is one, its turn to be asked has not come
		n.why = stopping
	}
	cause := p.cause(n)
	failed, err := out.why, cmp.Or(out.why.Err, ErrNotReady)
	if !cause.IsZero() {
		err = cause.Err
	}
	if n.why.isFailure() {
		failed = cause
	}
	p.ended(now, out, cause, StateGone)
	if isUnclean(out, !cause.IsZero()) || n.why.isFailure() {
		holder.remember(Failure{p.wall(now), n.number, failed})
	}
	n.why = unasked
	p.leave(now, n, err)
	if !n.comes().bereft {
		p.willed(now, outcome{n: holder}) // what that has failed with is noted
	}
}

// endedItself: what the end of a service means that nobody asked to stop. This
// is the table of outcomes.
func (p *plan) endedItself(now instant, out outcome, ran instant) {
	n := out.n
	switch {
	case p.isOvertaken(out):
		n.why = stopping
		p.endedAsked(now, out)
	case out.verdict == terminate && n.conf().Restart == Temporary:
		p.ended(now, out, Reason{}, StateGone)
		p.leave(now, n, out.why.Err)
		p.shutdown(now, p.terminated(out))
	case out.verdict == terminate:
		p.ended(now, out, Reason{}, StatePending)
		p.put(now, n, StatePending)
		p.shutdown(now, p.terminated(out))
	case out.verdict == doNotRestart || n.conf().Restart == Temporary:
		p.ended(now, out, Reason{}, StateGone)
		p.leave(now, n, cmp.Or(out.why.Err, ErrDoNotRestart))
		p.willed(now, out)
	case ranItsCourse(out):
		p.ended(now, out, Reason{}, StateDone)
		p.put(now, n, StateDone)
		p.willed(now, out)
		p.answer(n, ErrNotReady)
	case p.inGroup(n): // a second failure belongs to the same restart
		n.why = siblingFailed
		p.endedAsked(now, out)
	default:
		p.fail(now, out, ran)
	}
}

// isOvertaken: what has ended by itself is taken as asked to, as the supervisor stops, or one above
// it, and its turn has not come.
func (p *plan) isOvertaken(out outcome) bool {
	return out.n.why == unasked && (p.phase != serving || p.isDoomed()) && out.verdict != doNotRestart && !ranItsCourse(out)
}

// ranItsCourse: the service has ended as a Transient one may.
func ranItsCourse(out outcome) bool {
	return out.n.conf().Restart == Transient && out.verdict == fine
}
