package tend

import (
	"errors"
	"time"

	"github.com/tend-go/tend/internal/tally"
)

// plan decides everything that a supervisor does: state in, message in, effects
// out. There is no goroutine, clock, channel or lock in it, and it calls no user
// code. Whoever serves the supervisor owns it; see Supervisor.post.
//
// Its files call each other in one direction: this one, what is asked of one
// service, calls plan_end (what an end means), that plan_budget (what a failure
// costs), that plan_stop (how the whole supervisor stops, or pauses), and all of
// them plan_steps. Beside them plan_replace puts services into the places of
// others, plan_order starts and stops services one after another, and plan_due
// knows what happens when time is up. TestPlanIsPure holds them to it.
type plan struct {
	// Immutable, but for a nested supervisor's path when it is served, and what time it is:
	// see Supervisor.tick.
	spec   Spec // with defaults
	path   string
	at     time.Time // the time of day of now
	now    instant
	random func() float64 // in [0, 1); of New, or a test

	// hears is what somebody gets of events, here or above, or may get elsewhere. What nobody
	// does is not built, of the four that are frequent.
	hears hearing

	first, last *node
	tally       [StateGone + 1]int // services by state
	members     int                // services that are members of a group
	doubles     int                // records in places that have another one
	live        int                // runs that have not ended
	significant int                // significant services that have not ended
	inspections int                // under way

	term     uint64 // how often it was served
	phase    phase
	settled  bool // since start nothing is on its way up: all run, or have failed for good
	started  bool // all services have been running at once since start
	turn     turn
	failures decaying
	pause    pause
	stop     *stop  // shared by all plans until it stops; nil: it has never been served
	doom     Reason // why a supervisor above has begun to stop

	firstFailure Reason // of the significant services that have ended

	schedule *schedule // nil: nothing has been due yet
	queue    deadlines // who waits for their turn to start, first come first served
	queued   instant   // how many ever have

	out     []effect
	replies []reply // the last of them
}

// phase is what the supervisor is doing as a whole.
type phase uint8

const (
	idle phase = iota // not served
	serving
	ceasing // all services are being stopped
)

// newPlan makes a plan whose instants count from a time of day.
func newPlan(spec Spec, path string, epoch time.Time) plan {
	return plan{spec: spec, path: path, at: epoch}
}

// handle is the one way into a plan: what m means at now. The effects are valid
// until the next call.
func (p *plan) handle(now instant, m message) []effect {
	p.out = reuse(p.out)
	f, _ := m.(fired) // of others it is the zero instant
	now = max(now, f.at)
	p.heed(now, m)
	p.learn(now, m)
	p.proceed(now)
	p.setTimers()
	p.answers()
	return p.out
}

// carriedOut lets go of the effects, as the next message may be long in coming; also of the
// room for many, which few messages need: an idle supervisor is not to keep it.
func (p *plan) carriedOut() {
	if cap(p.out) > fewEffects {
		p.out = nil
	}
	clear(p.out)
}

const fewEffects = 16

// heed does what m asks for, if it is a wish.
func (p *plan) heed(now instant, m message) {
	switch m := m.(type) { //nolint:gochecksumtype // facts are learned
	case start:
		p.start(now, m)
	case shutdown:
		p.shutdown(now, m)
	case hurry:
		p.hurry(now, m.by)
	case enter:
		p.add(now, add{n: m.n})
	case add:
		p.add(now, m)
	case discard:
		p.turnAway(m.n, ErrRemoved)
	case addAll:
		for _, n := range m.nodes {
			p.add(now, add{n: n})
		}
	case remove:
		p.remove(now, m.n.holder())
	case removeAll:
		for _, n := range m.nodes {
			p.remove(now, n)
		}
	case suspend:
		p.suspend(now, m.n.holder())
	case restart:
		p.restart(now, m)
	case replace:
		p.replace(now, m)
	case overlap:
		p.overlap(now, m)
	case resume:
		p.resume(now, m.after)
	case wait:
		p.wait(m)
	case unwait:
		p.unwait(m)
	case query:
		m.read(p, now)
		p.do(reply{m.to, nil})
	}
}

// learn takes m for true, if it is a fact.
func (p *plan) learn(now instant, m message) {
	switch m := m.(type) { //nolint:gochecksumtype // wishes are heeded
	case readied:
		p.readied(now, m)
	case ending:
		p.ending(now, m)
	case erred:
		p.erred(now, m)
	case exited:
		p.exited(now, *m.out)
	case slept:
		p.slept(now, m)
	case nested:
		p.nested(now, m)
	case lost:
		p.lost(now, m)
	case silent:
		p.silent(m)
	case opened:
		if m.n.runs(m.run) {
			p.do(keep{m.n, m.obj})
		}
	case beaten:
		p.beaten(now, m)
	case inspected:
		p.inspected(now, m)
	case explained:
		p.explained(m)
	case doomed:
		p.doom = m.cause
	case over:
		p.over(now)
	case fired:
		p.fired(now, m)
	}
}

// answers come after all else that a message does, so that who gets one finds it done.
func (p *plan) answers() {
	for _, r := range p.replies {
		p.do(r)
	}
	clear(p.replies)
	p.replies = p.replies[:0]
}

// finished: every service has ended or was given up on, and nothing is left to
// be told or asked: an explanation comes soon, whatever user code does.
func (p *plan) finished() bool {
	return p.phase == ceasing && p.live == p.tally[StateStuck] && p.inspections == 0 && p.stop.cause.Text != ""
}

// add appends a service, or puts it into the place of another one. It starts at once if it
// may.
func (p *plan) add(now instant, m add) {
	n := m.n
	if m.after != nil && m.after.holder().stays() {
		p.follow(now, m.after, n)
		p.do(reply{m.to, errTookPlace})
		return
	}
	if limit := p.spec.MaxServices; limit > 0 && p.size() >= limit {
		p.refuse(m, ErrTooManyServices)
		p.do(ServiceRefused{p.of(now, n), limit})
		return
	}
	if m.from != nil && m.from.state == StateStarting && (p.spec.Ordered || p.spec.MaxStarting == 1 && n.comesUp()) {
		p.refuse(m, errWaitsForItself)
		return
	}
	p.link(n, p.last)
	p.count(now, n)
	if m.after != nil {
		n.outlast(m.after.holder())
	}
	switch {
	case m.to == nil:
	case m.start:
		n.await(StateRunning, m.to)
	default:
		p.do(reply{m.to, nil})
	}
	if p.phase == serving && p.turn.cursor == nil && p.turn.group == nil {
		p.turn.cursor = n
	}
}

// errWaitsForItself: the services after one start when that runs, or the only one that may be
// starting.
var errWaitsForItself = errors.New("tend: a service that is starting cannot wait for one that starts after it")

// refuse adds nothing.
func (p *plan) refuse(m add, why error) {
	if m.to != nil {
		p.do(reply{m.to, refusal{why}})
	}
	p.turnAway(m.n, why)
}

// remove makes a service leave, once it has stopped.
func (p *plan) remove(now instant, n *node) {
	if n.state == StateGone {
		return
	}
	n = p.decide(now, n, removal)
	n.want = wantGone
	switch {
	case n.is(alive):
		p.ask(now, n, removal)
	case n.waits(): // it leaves when it would have come
		p.decided(n, ErrRemoved, false)
	default:
		p.depart(now, n, removal)
	}
}

// depart makes a service leave that does not run.
func (p *plan) depart(now instant, n *node, w why) {
	p.changed(now, n, w, StateGone)
	p.decided(n, ErrRemoved, false)
	p.leave(now, n, ErrRemoved)
}

// suspend stops a service and keeps it.
func (p *plan) suspend(now instant, n *node) {
	if relief := n.comes().relief; relief != nil {
		n.succeeds().relief = nil
		p.dismiss(now, relief, suspension)
	}
	switch {
	case n.want == wantGone || n.state == StateGone || n.state == StateFailed || n.state == StateSuspended:
		return // leaves, or is down already
	case n.is(alive):
		n.want = wantSuspended
		p.ask(now, n, suspension)
	case n.waits(): // it comes to that when it would have run
		n.want = wantSuspended
	default:
		n.want = wantSuspended
		p.changed(now, n, suspension, StateSuspended)
		p.put(now, n, StateSuspended)
		p.decided(n, ErrSuspended, false)
	}
}

// restart stops a service, if it runs, and starts it again; also one that is
// suspended, done, failed or waiting. With a cause the end of a run counts as a
// failure.
func (p *plan) restart(now instant, m restart) {
	n := m.n.holder()
	if n.want == wantGone || n.state == StateGone {
		return
	}
	n.want = wantUp
	switch {
	case !n.is(alive):
		if n.state == StateFailed {
			n.rare.tally = tally.Tally{}
		}
		if n.state != StatePending && !p.startsNow(n) { // else it starts, and that is told
			p.changed(now, n, restarting, StatePending)
		}
		p.decided(n, nil, false)
		p.again(now, n)
	case m.cause.IsZero():
		p.ask(now, n, restarting)
	default:
		if n.why == unasked {
			n.more().blame = m.cause
		}
		p.ask(now, n, blamed)
	}
}

// readied: a run said that it is ready.
func (p *plan) readied(now instant, m readied) {
	n := m.n
	if p.isInVain(now, m) {
		p.erred(now, erred{n, m.run, readyInVain})
	}
	if !n.runs(m.run) || n.state != StateStarting || n.is(inspecting) {
		return // of an earlier run, again, or too late
	}
	took := now - n.since
	p.up(now, n)
	if p.tells(n) {
		p.do(ServiceReady{p.of(now, n), took})
	}
	if n.isTrial() && p.isUndisturbed(n) { // else both stop, and the old one stays
		p.relieve(now, n.seat().holder(), nil)
	}
}

// readyInVain is what is told of a service that others should have waited for.
var readyInVain = known(errors.New("tend: Ready was called, but there is no Child.ReadyTimeout, so the services after it have not waited"))

// vainTime is how long a service without ReadyTimeout may take to say that it is ready
// before that is told. Some always say it, and at once: nobody has missed them.
const vainTime = 100 * time.Millisecond

// isInVain: a run says that it is ready that should have been waited for.
func (p *plan) isInVain(now instant, m readied) bool {
	n := m.n
	return p.spec.Ordered && n.runs(m.run) && n.state == StateRunning && n.conf().ReadyTimeout == 0 && !n.is(isSupervisor) &&
		now-n.since >= vainTime
}

// nested: a run serves a supervisor now, which gets as long as its own services
// may take to stop; or does so no more.
func (p *plan) nested(now instant, m nested) {
	n := m.n
	if !n.runs(m.run) {
		return
	}
	n.more().serving = m.sup
	switch {
	case !n.is(isSupervisor): // it has not declared it: it is a service like any other
	case n.state == StateStopping:
		own, below := p.stopLimits(now, n)
		p.bound(n, own, below)
	case m.sup == nil && n.conf().ReadyTimeout == 0:
		p.readied(now, readied{n, m.run}) // it goes on without the supervisor
	}
}

// slept: a member of a group had nothing to do, and so leaves; unless somebody has asked
// something else of it meanwhile.
func (p *plan) slept(now instant, m slept) {
	n := m.n
	if !n.runs(m.run) {
		return
	}
	if n.why == unasked {
		n.want, n.why = wantGone, removal
	}
	p.exited(now, outcome{n: n})
}

// lost tells of messages that are lost: of one service, or of several here.
func (p *plan) lost(now instant, m lost) {
	from := p.here(now)
	if m.n != nil {
		from = p.of(now, m.n)
	}
	p.do(MessagesLost{from, m.count, m.kind, m.why})
}

// services copies the services that are to stay.
func (p *plan) services() []Service {
	list := make([]Service, 0, p.size())
	for n := p.first; n != nil; n = n.next {
		if n.want != wantGone && !n.isTrial() {
			list = append(list, n.svc)
		}
	}
	return list
}
