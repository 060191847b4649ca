package tend

import (
	"slices"
	"time"

	"github.com/tend-go/tend/internal/treepath"
)

// stop is how the whole supervisor is being stopped.
type stop struct {
	id     uint64 // of the shutdown
	began  instant
	cause  Reason // in the contexts of the services
	result Reason // of Serve
	// Within a limit, hard is when everything that has not returned is given up,
	// and soft a twentieth of the whole before it: until then services have their
	// turn and their timeout, nested supervisors get until then, and what is left
	// then is asked all at once. So the service that hangs is named by its own
	// supervisor before the supervisors above it give up, at any depth, and what
	// was to stop after it is asked at all.
	soft, hard instant
}

// unlimited is the stop of a plan that has not been stopped.
var unlimited = &stop{soft: never, hard: never}

// shareBelow is the part of a stop's time that a supervisor keeps from those
// below it: one twentieth.
const shareBelow = 20

// shutdown begins to stop all services; later calls can only make it quicker.
func (p *plan) shutdown(now instant, m shutdown) {
	if m.term != 0 && m.term != p.term {
		return // it was long in coming, and that has ended by itself
	}
	switch p.phase {
	case idle:
		return
	case ceasing:
		p.hurry(now, m.by)
		return
	case serving:
	}
	p.phase = ceasing
	stops := &p.times().heaps[stopTimer]
	*stops = slices.Grow(*stops, p.live)
	p.stop = &stop{id: m.id, began: now, cause: m.cause, result: m.result}
	p.do(SupervisorStopping{p.here(now), m.cause})
	p.turn = turn{sweep: p.last}
	p.endPause(now)
	by := m.by
	if within := p.spec.StopWithin; within > 0 {
		by = min(by, later(now, within))
	}
	p.stopBy(now, by)
	p.dropTrials(now)
	p.tighten(now)
}

// dropTrials lets go of those that were to run beside others and have not begun.
func (p *plan) dropTrials(now instant) {
	for n := p.first; n != nil; {
		next := n.next
		if n.isTrial() && !n.is(alive) {
			p.decided(n, p.stop.cause.Err, false)
			p.leave(now, n, p.stop.cause.Err)
		}
		n = next
	}
}

// hurry makes a stop that is under way quicker.
func (p *plan) hurry(now, by instant) {
	if p.phase == ceasing && by < p.stop.hard {
		p.stopBy(now, by)
		p.tighten(now)
	}
}

func (p *plan) stopBy(now, hard instant) {
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
		case StatePending:
			p.queue.drop(n)
		case StateBackoff:
			p.put(now, n, StatePending)
		case StateStopping:
			p.bringNearer(now, n)
		default:
		}
	}
}

// bringNearer applies the time limits of the stop to a service that is being stopped already. None
// gets more time by that, and one that served a supervisor until a moment ago keeps the time that it
// has had from then on.
func (p *plan) bringNearer(now instant, n *node) {
	asked := n.since
	if n.nested() == nil {
		asked = now
	}
	own, below := p.stopLimits(asked, n)
	p.bound(n, min(own, p.stopLimit(n)), below)
}

// explained: what the cause of a stop says is known. Each has a number of its own: what one
// says that came second, or when the supervisor was served before, does not matter.
func (p *plan) explained(m explained) {
	if p.stop.id == m.id {
		p.stop.cause = Reason{m.cause.Err, m.cause.Error()} // an answer that is empty is one
	}
}

// over ends the time of being served. What still runs is on the books.
func (p *plan) over(now instant) {
	p.phase, p.doom = idle, Reason{}
	p.keepCauses()
	told := SupervisorStopped{
		Origin: p.here(now), Cause: p.stop.cause, Unstopped: p.live, Took: now - p.stop.began,
	}
	if told.Err = p.stop.result; told.Err.Err != nil && told.Err.Text == "" {
		told.Err.Text = p.stop.cause.Error() // its context has ended: that says it
	}
	p.do(told)
}

// keepCauses notes for what still runs why it was asked, or would have been, had it not got stuck
// before: when it ends, the supervisor may be stopping for another reason, or be served again.
func (p *plan) keepCauses() {
	if p.live == 0 {
		return
	}
	for n := p.first; n != nil; n = n.next {
		if n.why == stopping || n.is(alive) && n.why == unasked {
			n.why, n.more().blame = before, p.stop.cause
		}
	}
}

// terminated is how the supervisor stops when a service asks for it.
func (p *plan) terminated(out outcome) shutdown {
	err := &treeEnded{path: treepath.Join(p.path, out.n.name), last: out.why, is: out.why.Err}
	if p.spec.KeepTermination {
		err.is = ErrDoNotRestart
	}
	r := Reason{err, err.Error()}
	return shutdown{cause: r, result: r, by: never}
}

// willed: a service has ended by its own will, or has given up. If it was the last
// significant one, so does the supervisor, with the first failure that there was.
func (p *plan) willed(now instant, out outcome) {
	if !out.n.conf().Significant {
		return
	}
	if p.firstFailure.IsZero() && out.verdict == failing {
		p.firstFailure = out.why
	}
	if p.significant > 0 {
		return
	}
	err := &treeEnded{path: treepath.Join(p.path, out.n.name), significant: true, is: ErrDoNotRestart}
	r := Reason{err, err.Error()}
	m := shutdown{cause: r, result: r, by: never}
	switch {
	case !p.firstFailure.IsZero():
		m.result = p.firstFailure
	case out.why.Err != nil:
		m.result = out.why
	}
	p.shutdown(now, m)
}

// pause: while it is on, services that fail wait.
type pause struct {
	on          bool
	began, ends instant
	// The last pause, by which the next may grow.
	lastLength time.Duration
	lastEnd    instant
}

// beginPause begins a pause.
func (p *plan) beginPause(now instant) {
	length := p.spec.FailureBackoff
	if last := p.pause.lastLength; now-p.pause.lastEnd <= later(last, 2*p.spec.FailureDecay) {
		length = max(length, min(later(last, last), p.spec.MaxFailureBackoff))
	}
	p.pause.on, p.pause.began, p.pause.lastLength = true, now, length
	p.pause.ends = later(now, spread(length, p.spec.Jitter, p.random()))
}

// resume: the pause has so long to go.
func (p *plan) resume(now instant, after time.Duration) {
	switch {
	case !p.pause.on:
	case after <= 0:
		p.endPause(now)
	default:
		p.pause.ends = later(now, after)
	}
}

// endPause ends the pause, if there is one: the count is zero and all that wait
// are started, unless the supervisor stops. They are looked for rather than kept in a
// list, which would hold those that leave, and grow with every failure.
func (p *plan) endPause(now instant) {
	if !p.pause.on {
		return
	}
	p.pause.on, p.pause.lastEnd = false, now
	p.failures = decaying{}
	p.do(PauseEnded{p.here(now), now - p.pause.began})
	for n := p.first; n != nil && p.tally[StateBackoff] > 0; n = n.next {
		if n.state == StateBackoff && !n.ownBudget() {
			p.again(now, n)
		}
	}
}
