package tend

import (
	"cmp"
	"time"
)

// ending: Serve has returned, or a helper has failed, and helpers still run. The
// service is over, but alive until they have ended.
func (p *plan) ending(now instant, r *run) {
	n := r.node
	if n.run != r || (n.state != StateStarting && n.state != StateRunning) {
		return
	}
	own, _ := p.stopLimits(now, n)
	p.put(now, n, StateStopping)
	p.due(stopTimer, n, own)
}

// exited: a run is over, helpers and all.
func (p *plan) exited(now instant, out outcome) {
	r := out.run
	n := r.node
	if n.run != r {
		return
	}
	if n.state == StateStuck {
		p.endedLate(now, n)
	}
	out.ran = now - r.began
	n.run = nil
	p.live--
	n.set(inspecting, false)
	if n.rare != nil {
		n.rare.serving = nil
	}
	why := n.why
	switch {
	case why.isFailure() && n.want == wantUp && p.phase == serving && !p.inGroup(n):
		err := p.cause(n)
		n.why = unasked
		p.fail(now, n, outcome{err: err, text: n.whyText(why), ran: out.ran})
	case why != unasked:
		p.endedAsked(now, n, out)
	default:
		p.endedItself(now, n, out)
	}
}

// endedLate settles the books after a service that was stuck.
func (p *plan) endedLate(now instant, n *node) {
	if n.is(inspecting) { // its report has not been made yet
		p.stuck(now, n, "ended before its goroutines were looked up")
	}
	p.do(settle{n.run})
	p.do(ServiceEndedLate{p.of(now, n), now - n.since})
}

// endedAsked: what a service does that ended because it was asked to.
func (p *plan) endedAsked(now instant, n *node, out outcome) {
	cause := p.cause(n)
	why := n.why
	n.why = unasked
	next := StatePending
	switch {
	case n.want == wantGone, n.conf().Restart == Temporary && why != restarting && n.want == wantUp:
		next = StateGone
	case n.want == wantSuspended:
		next = StateSuspended
	}
	p.ended(now, n, out, cause, next)
	switch next {
	case StateGone:
		p.leave(now, n, cause)
	case StatePending:
		p.again(now, n)
	default:
		p.put(now, n, next)
	}
}

// endedItself: what the end of a service means that nobody asked to stop. This
// is the table of outcomes.
func (p *plan) endedItself(now instant, n *node, out outcome) {
	switch {
	case p.phase != serving && out.verdict != doNotRestart && !n.ranItsCourse(out):
		// The supervisor stops and its turn to be asked has not come.
		n.why = stopping
		p.endedAsked(now, n, out)
	case out.verdict == terminate:
		p.ended(now, n, out, nil, StatePending)
		p.put(now, n, StatePending)
		p.shutdown(now, p.terminated(n, out))
	case out.verdict == doNotRestart || n.conf().Restart == Temporary:
		p.ended(now, n, out, nil, StateGone)
		p.leave(now, n, cmp.Or(out.err, ErrDoNotRestart))
		p.willed(now, n, out)
	case n.ranItsCourse(out):
		p.ended(now, n, out, nil, StateDone)
		p.put(now, n, StateDone)
		p.willed(now, n, out)
		p.started(n, ErrNotReady)
	case p.inGroup(n): // a second failure belongs to the same restart
		n.why = siblingFailed
		p.endedAsked(now, n, out)
	default:
		p.fail(now, n, out)
	}
}

// ranItsCourse: the service has ended as a Transient one may.
func (n *node) ranItsCourse(out outcome) bool {
	return n.conf().Restart == Transient && out.verdict == fine
}

// stopping is for how long n, whose run has just ended, has been stopping; zero if it
// has not.
func (n *node) stopping(now instant) time.Duration {
	switch n.state {
	case StateStopping:
		return now - n.since
	case StateStuck:
		return now - n.rare.asked
	default:
		return 0
	}
}
