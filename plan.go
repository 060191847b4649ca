package tend

import (
	"cmp"
	"math/rand/v2"
	"time"
)

// plan decides everything that a supervisor does: state in, message in, effects
// out. There is no goroutine, clock, channel or lock in it, and it calls no user
// code. Whoever serves the supervisor owns it; see Supervisor.post.
//
// This file holds what is asked of one service and what becomes of it; order.go
// how services start and stop after one another, budget.go what a failure costs,
// due.go what happens when time is up.
type plan struct {
	// Immutable, but for a nested supervisor's path and epoch when it is served.
	spec   Spec // with defaults
	path   string
	epoch  time.Time      // of instant 0
	random func() float64 // in [0, 1)

	// heard: somebody gets the events. If not, they need not be made.
	heard bool

	first, last *node
	tally       [StateGone + 1]int // services by state
	live        int                // runs that have not ended
	significant int                // significant services that have not ended
	inspections int                // under way

	phase    phase
	wasReady bool // all services have been running at once since start
	stop     stopPlan
	pass     // ordered starts and stops
	budgets  // of the supervisor

	heaps [pauseTimer]deadlines // by timer
	armed [timers]instant

	out []effect
}

// phase is what the supervisor is doing as a whole.
type phase uint8

const (
	idle phase = iota // not served
	serving
	ceasing // all services are being stopped
)

// handle is the one way into a plan: what m means at now. The effects are valid
// until the next call.
func (p *plan) handle(now instant, m message) []effect {
	p.out = reuse(p.out)
	switch m := m.(type) {
	case start:
		p.start(now)
	case shutdown:
		p.shutdown(now, m)
	case add:
		p.add(now, m)
	case remove:
		p.remove(now, m.n)
	case suspend:
		p.suspend(now, m.n)
	case restart:
		p.restart(now, m)
	case query:
		m.read(p, now)
		p.do(reply{m.to, nil})
	case readied:
		p.readied(now, m.r)
	case ending:
		p.ending(now, m.r)
	case exited:
		p.exited(now, *m.out)
	case nested:
		p.nested(now, m.r, m.sup)
	case beaten:
		p.beaten(now, m)
	case inspected:
		p.inspected(now, m)
	case hurry:
		p.hurry(now, m.by)
	case explained:
		p.explained(m.text)
	case stopped:
		p.stopped(now)
	case jittered:
		p.jittered(now, m)
	case fired:
		now = max(now, m.at)
		p.fired(now, m)
	}
	p.proceed(now)
	p.setTimers()
	return p.out
}

func (p *plan) do(e effect) { p.out = append(p.out, e) }

// finished: every service has ended or was given up on, and nothing is left to
// be told.
func (p *plan) finished() bool {
	return p.phase == ceasing && p.sweep == nil && p.live == p.tally[StateStuck] && p.inspections == 0
}

// wall is the time of day of an instant.
func (p *plan) wall(at instant) time.Time { return p.epoch.Add(at) }

// here is the origin of an event of the supervisor, of one of a service.
func (p *plan) here(now instant) Origin {
	return Origin{Time: p.wall(now), Supervisor: p.path}
}

func (p *plan) of(now instant, n *node) Origin {
	return Origin{p.wall(now), p.path, n.name, ServiceToken{n}, uint64(n.runs)}
}

// put brings n into a state: the only place where a state changes. What was due
// in the old one is not due any more.
func (p *plan) put(now instant, n *node, s State) {
	if old := n.state; old < StateGone {
		p.tally[old]--
		switch old {
		case StateStopping:
			p.heaps[stopTimer].drop(n)
		case StateBackoff:
			p.heaps[backoffTimer].drop(n)
		case StateStarting:
			p.heaps[readyTimer].drop(n)
		case StateRunning:
			p.heaps[watchdogTimer].drop(n)
		case StatePending, StateStuck, StateSuspended, StateDone, StateFailed, StateGone:
		}
		if n.conf().Significant {
			p.significant += finality(old) - finality(s)
		}
	}
	n.state, n.since = s, now
	p.tally[s]++
}

// finality is 1 for the states of a service that has ended by its own will.
func finality(s State) int {
	if s == StateDone || s == StateGone {
		return 1
	}
	return 0
}

// due puts n, whose state has just been set, into the heap of t.
func (p *plan) due(t timer, n *node, at instant) {
	if at != never {
		p.heaps[t].push(at, n)
	}
}

// add appends a service. It starts at once if it may.
func (p *plan) add(now instant, m add) {
	n := m.n
	if limit := p.spec.MaxServices; limit > 0 && p.size() >= limit {
		if m.to != nil {
			p.do(reply{m.to, ErrTooManyServices})
		}
		n.state = StateGone
		p.do(leave{n})
		p.do(ServiceRefused{p.of(now, n), limit})
		return
	}
	n.prev = p.last
	if p.last != nil {
		p.last.next = n
	} else {
		p.first = n
	}
	p.last = n
	n.since = now
	p.tally[StatePending]++
	if n.conf().Significant {
		p.significant++
	}
	switch {
	case m.to == nil:
	case m.start:
		n.more().starter = m.to
	default:
		p.do(reply{m.to, nil})
	}
	if p.phase == serving && p.cursor == nil && p.group == nil {
		p.cursor = n
	}
}

// size is how many services count against MaxServices: all that have not left.
func (p *plan) size() (size int) {
	for s := range StateGone {
		size += p.tally[s]
	}
	return size
}

// remove makes a service leave, once it has stopped.
func (p *plan) remove(now instant, n *node) {
	if n.state == StateGone {
		return
	}
	n.want = wantGone
	if n.run != nil {
		p.ask(now, n, removal)
		return
	}
	p.leave(now, n, ErrRemoved)
}

// leave takes n, which does not run, out of the tree. Who waits for its start
// learns why it never will.
func (p *plan) leave(now instant, n *node, err error) {
	p.skip(n)
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
	p.put(now, n, StateGone)
	p.tally[StateGone] = 0 // nobody counts them
	p.started(n, err)
	p.do(leave{n})
}

// started answers who waits in Start for n.
func (p *plan) started(n *node, err error) {
	if n.rare != nil && n.rare.starter != nil {
		p.do(reply{n.rare.starter, err})
		n.rare.starter = nil
	}
}

// suspend stops a service and keeps it.
func (p *plan) suspend(now instant, n *node) {
	switch {
	case n.want == wantGone || n.state == StateGone || n.state == StateFailed || n.state == StateSuspended:
		return // leaves, or is down already
	case n.run != nil:
		n.want = wantSuspended
		p.ask(now, n, suspension)
	default:
		n.want = wantSuspended
		p.put(now, n, StateSuspended)
	}
}

// restart stops a service, if it runs, and starts it again; also one that is
// suspended, done, failed or waiting. With a cause the end of a run counts as a
// failure.
func (p *plan) restart(now instant, m restart) {
	n := m.n
	if n.want == wantGone || n.state == StateGone {
		return
	}
	n.want = wantUp
	switch {
	case n.run == nil:
		if n.state == StateFailed {
			n.rare.budget = budget{}
		}
		p.again(now, n)
	case m.cause == nil:
		p.ask(now, n, restarting)
	default:
		if n.why == unasked {
			n.more().blame, n.more().blamed = m.cause, m.text
		}
		p.ask(now, n, blamed)
	}
}

// again starts a service that does not run, now or when its turn comes.
func (p *plan) again(now instant, n *node) {
	if n.state != StatePending {
		p.put(now, n, StatePending)
	}
	if p.mayStart(n) {
		p.launch(now, n)
	}
}

// launch starts a run.
func (p *plan) launch(now instant, n *node) {
	n.runs++
	n.run = &run{node: n, began: now}
	n.why = unasked
	p.live++
	switch limit := n.conf().ReadyTimeout; {
	case limit > 0:
		p.put(now, n, StateStarting)
		p.due(readyTimer, n, now+limit)
	case n.is(isSupervisor):
		p.put(now, n, StateStarting)
	default:
		p.up(now, n)
	}
	if p.heard {
		p.do(ServiceStarted{p.of(now, n), uint64(n.runs - 1)})
	}
	p.do(launch{n.run})
	if n.state == StateRunning {
		p.started(n, nil)
	}
}

// up brings n into state running.
func (p *plan) up(now instant, n *node) {
	p.put(now, n, StateRunning)
	if w := n.conf().Watchdog; w > 0 {
		n.more().beats = 0
		p.due(watchdogTimer, n, now+w)
	}
}

// readied: a run said that it is ready.
func (p *plan) readied(now instant, r *run) {
	n := r.node
	if n.run != r || n.state != StateStarting || n.is(inspecting) {
		return // of an earlier run, again, or too late
	}
	took := now - n.since
	p.up(now, n)
	if p.heard {
		p.do(ServiceReady{p.of(now, n), took})
	}
	p.started(n, nil)
}

// nested: a run serves a supervisor now, which gets as long as its own services
// may take to stop; or does so no more.
func (p *plan) nested(now instant, r *run, sup *Supervisor) {
	n := r.node
	if n.run != r {
		return
	}
	n.more().serving = sup
	switch n.state {
	case StateRunning:
		if sup != nil && !n.is(isSupervisor) { // it was not known before
			p.put(now, n, StateStarting)
		}
	case StateStopping:
		p.heaps[stopTimer].drop(n)
		own, below := p.stopLimits(now, n)
		p.due(stopTimer, n, own)
		if below != never {
			p.do(limit{r, below})
		}
	default:
	}
}

// ask tells a run to stop, once.
func (p *plan) ask(now instant, n *node, why reason) {
	if n.why != unasked {
		return
	}
	n.why = why
	if n.state == StateStuck {
		return
	}
	own, below := p.stopLimits(now, n)
	if n.state != StateStopping { // else Serve has returned already
		p.put(now, n, StateStopping)
		p.due(stopTimer, n, own)
	}
	if below != never {
		p.do(limit{n.run, below})
	}
	p.do(cancel{n.run, p.cause(n)})
}

// cause is why n was asked to stop, as its context says it.
func (p *plan) cause(n *node) error {
	switch n.why {
	case stopping:
		return p.stop.cause
	case blamed:
		return n.rare.blame
	default:
		return n.why.cause()
	}
}

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

// ended emits ServiceEnded.
func (p *plan) ended(now instant, n *node, out outcome, cause error, next State) {
	if p.heard {
		p.do(ServiceEnded{p.of(now, n), out.err, cause, n.stopping(now), next, out.text})
	}
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

// whyText is the text of a cause that counts as a failure.
func (n *node) whyText(why reason) string {
	switch why {
	case notReady:
		return ErrNotReady.Error()
	case unresponsive:
		return ErrUnresponsive.Error()
	default:
		return n.rare.blamed
	}
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

// stopError is why a supervisor stopped: a text, and what it is in the sense of
// errors.Is.
type stopError struct {
	text string
	err  error
}

func (e *stopError) Error() string { return e.text }
func (e *stopError) Unwrap() error { return e.err }

// causeText is the cause as text.
func (p *plan) causeText(n *node) string {
	switch n.why {
	case unasked:
		if n.state == StateStopping || n.state == StateStuck {
			return ErrServeReturned.Error()
		}
		return ""
	case stopping:
		return p.stopText()
	case blamed:
		return n.rare.blamed
	default:
		return n.why.cause().Error()
	}
}

// services copies the services that are to stay.
func (p *plan) services() []Service {
	list := make([]Service, 0, p.size())
	for n := p.first; n != nil; n = n.next {
		if n.want != wantGone {
			list = append(list, n.svc)
		}
	}
	return list
}

func newPlan(spec Spec, path string, epoch time.Time) plan {
	p := plan{spec: spec, path: path, epoch: epoch, random: rand.Float64}
	for t := range p.armed {
		p.armed[t] = never
	}
	return p
}
