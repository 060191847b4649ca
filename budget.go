package tend

import (
	"fmt"
	"time"
)

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

// failed emits ServiceFailed.
func (p *plan) failed(now instant, n *node, out outcome, e ServiceFailed) {
	if p.heard {
		e.Origin, e.Err, e.Ran, e.text = p.of(now, n), out.err, out.ran, out.text
		p.do(e)
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

// escalate stops the supervisor because of the failure of n.
func (p *plan) escalate(now instant, n *node, out outcome, count float64) {
	err := &TooManyFailures{
		Supervisor: p.path, Service: n.name, Count: count, Threshold: p.spec.FailureThreshold,
		Last: out.err, text: out.text,
	}
	p.do(Escalated{p.here(now), err})
	p.shutdown(now, shutdown{err, err.Error(), err, never})
}

// TooManyFailures is what Serve returns after a supervisor with
// [Spec].Escalate has failed too often. It unwraps to the last failure.
type TooManyFailures struct {
	Supervisor       string // its path
	Service          string // the name of the service that failed last
	Count, Threshold float64
	Last             error // what that service returned; nil if it returned nil

	text string // of Last
}

// Error names the supervisor, the numbers and the last failure.
func (e *TooManyFailures) Error() string {
	return fmt.Sprintf("tend: supervisor %q: too many failures (%.1f, threshold %g); the last was of %q: %s",
		e.Supervisor, e.Count, e.Threshold, e.Service, e.text)
}

// Unwrap returns the last failure.
func (e *TooManyFailures) Unwrap() error { return e.Last }
