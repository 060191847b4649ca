package tend

import (
	stdcmp "cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tend-go/tend/internal/latent"
)

// world is everything around a plan: it sends messages, carries out effects by
// taking notes, and checks after each message that nothing has happened that must
// never happen. What it does next it is told by choose, so that a fuzzer can.
type world struct {
	p      plan
	now    instant
	meant  instant         // of the message that is being handled
	choose func(n int) int // in [0, n)

	nodes    []*node         // ever added
	seats    map[*node]*node // whose place those have that took that of another one
	alive    map[*node]bool  // launched, not exited
	exiting  *node           // whose end is being told
	leaving  error           // why that was asked to end
	asked    map[*node]error // why, of those alive
	gone     map[*node]bool
	empty    map[*node]bool // places that all have left, by the token
	decided  map[*node]bool // in this message
	owed     map[*node]bool
	inspects []inspected // to be answered
	probes   []beaten
	calls    map[call]awaited     // without an answer
	asks     map[call]*node       // of calls, those that wait until a service has its place
	begun    map[incarnation]bool // ServiceStarted without an end, by the token
	told     map[*node]State      // what a listener takes the state for, as far as it lasts
	stopping bool                 // SupervisorStopping without SupervisorStopped
	group    []*node              // those of a group that is being restarted that ran before the message
	first    uint64               // of that group
	settled  bool                 // since the last start
	ready    bool                 // since the last start
	log      []string
}

// awaited is the state of a service that somebody waits for.
type awaited struct {
	n     *node
	state State
}

func newWorld(spec Spec, choose func(int) int) *world {
	w := &world{
		p: newPlan(spec.withDefaults("w"), "w", time.Unix(0, 0)), choose: choose,
		alive: map[*node]bool{}, asked: map[*node]error{}, gone: map[*node]bool{}, empty: map[*node]bool{}, decided: map[*node]bool{}, owed: map[*node]bool{},
		calls: map[call]awaited{}, asks: map[call]*node{}, begun: map[incarnation]bool{}, told: map[*node]State{}, seats: map[*node]*node{},
	}
	w.p.hears = everything
	w.p.random = func() float64 { return 0.5 }
	return w
}

func (w *world) fail(format string, args ...any) {
	panic(worldError(fmt.Sprintf(format, args...) + fmt.Sprintf("\nafter %d messages, the last: %v", len(w.log), w.log[max(0, len(w.log)-30):])))
}

type worldError string

// send gives the plan a message and carries out the effects.
func (w *world) send(m message) {
	w.log = append(w.log, fmt.Sprintf("%T", m))
	w.meant = w.now
	if f, is := m.(fired); is {
		w.meant = max(w.now, f.at) // a timer that a test fires by hand means its own time
	}
	w.lookAtGroup()
	effects := append([]effect(nil), w.p.handle(w.now, m)...)
	clear(w.decided)
	for _, e := range effects {
		w.carryOut(e)
	}
	if m, is := m.(exited); is && m.out.n.is(isLatent) && !w.decided[m.out.n] {
		w.fail("%s, which is latent, has ended and does not know what is to become of it", m.out.n.name)
	}
	w.check()
}

func (w *world) carryOut(e effect) {
	switch e := e.(type) {
	case launch:
		if w.alive[e.n] {
			w.fail("two incarnations of %s at once", e.n.name)
		}
		if w.gone[e.n] {
			w.fail("%s launched after it left", e.n.name)
		}
		if w.p.isDoomed() {
			w.fail("%s is launched although a supervisor above stops", e.n.name)
		}
		w.checkGroup(e.n)
		w.checkPlace(e.n)
		w.alive[e.n] = true
		if e.n.is(isMember) { // nobody is told
			w.begun[incarnation{e.n, e.n.number}] = true
		}
		w.checkTurn(e.n)
	case cancel:
		if w.asked[e.n] != nil || !w.alive[e.n] {
			w.fail("%s asked twice, or after its end", e.n.name)
		}
		cause := w.p.cause(e.n).Err
		if cause == nil {
			w.fail("%s asked without a cause", e.n.name)
		}
		w.asked[e.n] = cause
		w.checkStopTurn(e.n)
	case reply:
		if _, waits := w.calls[e.to]; !waits {
			w.fail("a call got a second reply")
		}
		delete(w.calls, e.to)
	case decided:
		if !e.n.is(isLatent) || w.gone[e.n] || e.why == nil && e.n.want != wantUp && w.p.fate(e.n) != latent.Over {
			w.fail("%s is told what is to become of it, because of %v", e.n.name, e.why)
		}
		w.decided[e.n] = true
	case recall:
		if w.p.phase != serving || w.p.term == 1 {
			w.fail("latent services are told that they are served again, and they are not")
		}
	case leave:
		if e.n.is(isLatent) && !w.decided[e.n] {
			w.fail("%s, which is latent, leaves and is not told", e.n.name)
		}
		if w.gone[e.n] || w.alive[e.n] {
			w.fail("%s leaves twice, or while it runs", e.n.name)
		}
		if told := w.told[w.token(e.n)]; e.last && told != StateGone && e.n.number > 0 && !e.n.is(isMember) {
			w.fail("%s leaves, and who listens takes it for %v", e.n.name, told)
		}
		if e.last && w.empty[w.token(e.n)] {
			w.fail("the place of %s is empty twice", e.n.name)
		}
		if e.last {
			w.empty[w.token(e.n)] = true
		}
		if e.n.prev != nil || e.n.next != nil {
			w.fail("who keeps the token of %s, which has left, keeps its neighbours", e.n.name)
		}
		w.gone[e.n] = true
	case inspect:
		w.inspects = append(w.inspects, inspected{e.n, e.n.number, e.why, "stacks"})
	case probe:
		w.probes = append(w.probes, beaten{n: e.n, run: e.n.number})
	case owe:
		if w.owed[e.n] || (!w.alive[e.n] && w.exiting != e.n) {
			w.fail("%s is put on the books twice, or after its end", e.n.name)
		}
		w.owed[e.n] = true
	case settle:
		if !w.owed[e.n] {
			w.fail("%s is taken off the books but is not on them", e.n.name)
		}
		delete(w.owed, e.n)
	case Event:
		w.heard(e)
	case settled:
		w.once(&w.settled, "settled")
	case ready:
		w.once(&w.ready, "ready")
	case finish:
		if !w.alive[e.n] || !e.n.is(isLatent) || !e.why.isFinal() {
			w.fail("%s is told that its run is the last, and does not run", e.n.name)
		}
	case wind:
		if !w.alive[e.n] || !e.n.is(isLatent) || e.n.state != StateStopping {
			w.fail("%s is to end", e.n.name)
		}
	case hasten:
		if e.n.state != StateStopping || !w.alive[e.n] {
			w.fail("%s is hastened and is not being stopped", e.n.name)
		}
	case limit, arm, disarm:
	}
}

// lookAtGroup notes who of a group that is being restarted runs.
func (w *world) lookAtGroup() {
	w.group = nil
	for n := w.p.turn.group; n != nil; n = n.next {
		if w.alive[n] {
			w.group, w.first = append(w.group, n), w.p.turn.group.id
		}
	}
}

// checkGroup: a group starts again when none of it runs any more.
func (w *world) checkGroup(n *node) {
	for _, m := range w.group {
		if n.id >= w.first && w.alive[m] {
			w.fail("%s is launched while %s of its group still runs", n.name, m.name)
		}
	}
}

// token is the record that the token of n holds.
func (w *world) token(n *node) *node { return stdcmp.Or(w.seats[n], n) }

// checkPlace: nobody is launched while the one runs whose place it has taken, or that it
// has to outlast; but for one that runs beside another on request.
func (w *world) checkPlace(n *node) {
	beside := 0
	for m := range w.alive {
		if m != n && w.token(m) == w.token(n) {
			beside++
			if !m.isTrial() && !n.isTrial() {
				w.fail("%s is launched while another one has its place", n.name)
			}
		}
		if m == n.comes().after {
			w.fail("%s is launched while %s has not left", n.name, m.name)
		}
	}
	if beside > 1 {
		w.fail("%s is launched as the third in its place", n.name)
	}
}

// once: what has happened has not yet since the supervisor was served.
func (w *world) once(happened *bool, what string) {
	if *happened || w.p.phase != serving {
		w.fail("it is %s twice, or while it is not served", what)
	}
	*happened = true
}

// checkTurn: with Ordered nobody is launched while an earlier one has not had its
// turn, or is still coming up in it.
func (w *world) checkTurn(n *node) {
	if !w.p.spec.Ordered {
		return
	}
	for m := n.prev; m != nil; m = m.prev {
		if m.shown().state == StatePending && !m.isTrial() && (m.slot == 0 || m == w.p.turn.cursor) { // else it has had it
			w.fail("%s is launched before %s has had its turn", n.name, m.name)
		}
	}
}

// checkStopTurn: with Ordered nobody is asked to stop with the supervisor, or with its
// group, while a later one still runs that has not been given up on.
func (w *world) checkStopTurn(n *node) {
	inTurn := n.why == siblingFailed || n.why == stopping && w.p.spec.Ordered && w.meant < w.p.stop.soft
	if !inTurn {
		return
	}
	for m := n.next; m != nil; m = m.next {
		if w.alive[m] && m.state != StateStuck {
			w.fail("%s is asked to stop while %s, which comes after it, is %v", n.name, m.name, m.state)
		}
	}
}

// heard checks that each run, and each stop, begins and ends once for those who listen.
func (w *world) heard(e Event) {
	n := e.From().Token.n
	if n != nil && n.is(isMember) {
		w.heardOfMember(e)
	}
	switch e := e.(type) {
	case ServiceStarted:
		w.begun[incarnation{n, e.Incarnation}] = true
		w.told[n] = StateRunning
	case SupervisorStarted:
		for n, state := range w.told {
			if state == StateDone {
				w.told[n] = StatePending
			}
		}
	case ServiceChanged:
		w.told[n] = e.Next
	case ServiceGaveUp:
		w.told[n] = StateFailed
	case ServiceStuck:
		if e.Cause.IsZero() {
			w.fail("%s is stuck for no reason", n.name)
		}
	case SupervisorStopping, SupervisorStopped:
		_, begins := e.(SupervisorStopping)
		if begins == w.stopping {
			w.fail("the supervisor begins to stop twice, or stops without having begun")
		}
		w.stopping = begins
	case ServiceFailed, ServiceEnded:
		if e.Kind() == kindServiceFailed && w.p.isDoomed() {
			w.fail("%s has failed although a supervisor above stops", n.name)
		}
		run := incarnation{n, e.From().Incarnation}
		if !w.begun[run] {
			w.fail("%s ended but never began, or twice", n.name)
		}
		delete(w.begun, run)
		switch e := e.(type) {
		case ServiceEnded:
			w.told[n] = e.Next
		case ServiceFailed:
			if w.told[n] = StatePending; !e.Restarting {
				w.told[n] = StateGone // or it has given up, as the next event says
			}
		}
		if ended, is := e.(ServiceEnded); is && w.leaving != nil && ended.Cause.Err != w.leaving {
			w.fail("%s was asked to stop by %v and is said to have been by %v", n.name, w.leaving, ended.Cause.Err)
		}
	}
}

// heardOfMember: of a member of a group only what goes wrong is told.
func (w *world) heardOfMember(e Event) {
	ended, is := e.(ServiceEnded)
	quiet := []Kind{kindServiceStarted, kindServiceReady, kindServiceChanged}
	if slices.Contains(quiet, e.Kind()) || is && !ended.Unclean {
		w.fail("of %s, a member, it is told: %v", e.From().Service, e)
	}
}

// check holds after every message.
func (w *world) check() {
	p := &w.p
	var tally [StateGone + 1]int
	live, significant, doubles, holders, members := 0, 0, 0, 0, 0
	var prev *node
	for n := p.first; n != nil; prev, n = n, n.next {
		w.checkNode(n, prev)
		tally[n.state]++
		if prev != nil && prev.id == n.id {
			doubles++
		}
		if n.seat().holder() == n {
			holders++
		}
		if n.is(alive) {
			live++
		}
		if n.conf().Significant && finality(n.state) == 0 {
			significant++
		}
		if n.is(isMember) {
			members++
		}
	}
	if prev != p.last {
		w.fail("the list does not end where it ends")
	}
	if tally != p.tally || live != p.live || significant != p.significant || doubles != p.doubles {
		w.fail("tally %v, live %d, significant %d, doubles %d; counted %v, %d, %d, %d",
			p.tally, p.live, p.significant, p.doubles, tally, live, significant, doubles)
	}
	if holders != p.size() {
		w.fail("%d have a place, and there are %d places", holders, p.size())
	}
	if members != p.members {
		w.fail("%d members, %d are counted", members, p.members)
	}
	if live != len(w.alive) {
		w.fail("%d runs are alive, the plan knows of %d", len(w.alive), live)
	}
	for _, r := range p.replies[:cap(p.replies)] {
		if r.to != nil {
			w.fail("a reply that was given is held")
		}
	}
	if p.failures.value < 0 {
		w.fail("the failure count is %v", p.failures.value)
	}
	for t := range p.times().heaps {
		if p.times().heaps[t].next() != p.times().armed[t] {
			w.fail("timer %d is armed for %v instead of %v", t, p.times().armed[t], p.times().heaps[t].next())
		}
		for i, d := range p.times().heaps[t] {
			if int(d.n.slot) != i+1 || (i > 0 && p.times().heaps[t][(i-1)/2].at > d.at) {
				w.fail("heap %d is out of order", t)
			}
			if d.at == never {
				w.fail("%s is in heap %d for nothing", d.n.name, t)
			}
		}
	}
	w.checkQueue()
	for to, a := range w.calls {
		if n := w.asks[to]; n != nil && n.isTrial() {
			w.checkAsk(n)
			continue
		}
		if n := a.n.holder(); n.state == a.state || n.state == StateGone {
			w.fail("somebody waits until %s is %v, and it is %v", n.name, a.state, n.state)
		}
	}
	if p.finished() && live != tally[StateStuck] {
		w.fail("finished while services run")
	}
}

// checkAsk: n is on trial, and somebody waits for what comes of that.
func (w *world) checkAsk(n *node) {
	switch {
	case n.state == StateRunning && w.p.phase == serving && !w.p.isDoomed() && !w.p.inGroup(n):
		w.fail("who asked for %s, which runs, has no answer", n.name)
	case n.isTrial() && n.seat().holder().comes().relief != n && n.want != wantGone:
		w.fail("nobody knows that %s is on trial", n.name)
	}
}

// checkQueue: no more are starting than may be, and nobody waits for that without need.
func (w *world) checkQueue() {
	p, most := &w.p, w.p.spec.MaxStarting
	if most == 0 && len(p.queue) > 0 || most > 0 && p.tally[StateStarting] > most {
		w.fail("%d are starting, and %d wait; there may be %d", p.tally[StateStarting], len(p.queue), most)
	}
	if p.phase != serving && len(p.queue) > 0 || p.phase == serving && !p.isDoomed() && len(p.queue) > 0 && p.tally[StateStarting] < most {
		w.fail("%d wait for their turn to start, and could", len(p.queue))
	}
	for i, d := range p.queue {
		if int(d.n.slot) != i+1 || d.n.state != StatePending || p.queue[max(0, i-1)/2].at > d.at {
			w.fail("the queue is out of order at %s", d.n.name)
		}
	}
}

// lasts: nothing but a wish changes the state, or a new time of being served.
func (s State) lasts() bool { return s == StateSuspended || s == StateDone || s == StateFailed }

func (w *world) checkNode(n, prev *node) {
	if n.prev != prev || w.gone[n] || n.state == StateGone || w.empty[w.token(n)] {
		w.fail("the list is broken at %s", n.name)
	}
	if n.is(alive) != w.alive[n] {
		w.fail("%s: the plan is wrong about its run", n.name)
	}
	up := n.state == StateStarting || n.state == StateRunning || n.state == StateStopping || n.state == StateStuck
	if told := w.told[w.token(n)]; !n.is(isMember) && !n.shares() && (n.state.lasts() || told.lasts()) && told != n.state {
		w.fail("%s is %v, and who listens takes it for %v", n.name, n.state, told)
	}
	if up != n.is(alive) {
		w.fail("%s is %v, alive %v", n.name, n.state, n.is(alive))
	}
	if (n.state == StateStarting || n.state == StateRunning) && (w.asked[n] != nil || n.why != unasked) {
		w.fail("%s: asked %v but reason %d", n.name, w.asked[n], n.why)
	}
	if !n.is(alive) && n.why != unasked {
		w.fail("%s does not run but is asked to stop (%d)", n.name, n.why)
	}
	if w.p.phase != serving && (n.state == StateBackoff || n.state == StateStarting && w.asked[n] == nil && !w.p.spec.Ordered) {
		w.fail("%s is %v while the supervisor stops", n.name, n.state)
	}
}

// moves are what may happen next, each as often as its weight says: mostly services
// come, are ready and end, and now and then somebody meddles.
var moves = []struct {
	name   string
	weight int
	make   func(w *world)
}{
	{"a service is added", 5, (*world).add},
	{"a service ends", 5, func(w *world) { w.onNode(w.exit) }},
	{"a service is ready", 3, func(w *world) { w.onRun(func(r incarnation) { w.send(readied(r)) }) }},
	{"a service ends, but for helpers", 1, func(w *world) { w.onRun(func(r incarnation) { w.send(ending(r)) }) }},
	{"a service serves a supervisor, or no more", 1, func(w *world) { w.onRun(w.serveBelow) }},
	{"a latent service is silent", 1, func(w *world) { w.onRun(func(r incarnation) { w.send(silent(r)) }) }},
	{"members come, or go, together", 1, (*world).members},
	{"a member falls asleep", 1, func(w *world) { w.onRun(w.sleep) }},
	{"a timer goes off", 3, (*world).fire},
	{"a question is answered", 2, (*world).answer},
	{"remove", 1, func(w *world) { w.onToken(func(n *node) { w.send(remove{n}) }) }},
	{"suspend", 1, func(w *world) { w.onToken(func(n *node) { w.send(suspend{n}) }) }},
	{"restart", 1, func(w *world) { w.onToken(func(n *node) { w.send(restart{n: n}) }) }},
	{"restart with a cause", 1, func(w *world) {
		w.onToken(func(n *node) { w.send(restart{n, Reason{errors.New("why"), "why"}}) })
	}},
	{"replace", 1, func(w *world) { w.onToken(w.replace) }},
	{"replace when ready", 1, func(w *world) { w.onToken(w.overlap) }},
	{"somebody waits for a state", 1, (*world).wait},
	{"resume", 1, func(w *world) { w.send(resume{time.Duration(w.choose(20)-3) * time.Second}) }},
	{"serve", 1, (*world).start},
	{"a supervisor above stops", 1, func(w *world) {
		if w.p.phase == serving && w.choose(4) == 0 {
			w.send(doomed{known(ErrStopped)})
		}
	}},
	{"stop, or hurry", 1, func(w *world) {
		if w.choose(3) == 0 {
			w.shutdown()
		} else {
			w.send(hurry{w.now + time.Duration(w.choose(20))*time.Second})
		}
	}},
}

var allWeights = func() (sum int) {
	for _, m := range moves {
		sum += m.weight
	}
	return sum
}()

// step makes one random move.
func (w *world) step() {
	w.now += time.Duration(w.choose(3000)) * time.Millisecond
	k := w.choose(allWeights)
	for _, m := range moves {
		if k -= m.weight; k < 0 {
			m.make(w)
			break
		}
	}
	w.stopIfFinished()
}

// wait has somebody wait for a state of a service, who may give up at once.
func (w *world) wait() {
	w.onToken(func(n *node) {
		m := wait{n, State(w.choose(int(StateGone) + 1)), newCall()}
		w.calls[m.to] = awaited{n, m.state}
		w.send(m)
		if _, waits := w.calls[m.to]; waits && w.choose(4) == 0 {
			w.send(unwait{n, m.to})
			delete(w.calls, m.to)
		}
	})
}

// replace puts another service into a place.
func (w *world) replace(seat *node) {
	if seat.is(isMember) { // its place is its group's affair
		return
	}
	n := w.make()
	if seat.holder().stays() {
		w.seats[n] = seat
	}
	m := replace{seat, n, newCall()}
	w.calls[m.to] = awaited{n, StateGone}
	w.send(m)
	if _, waits := w.calls[m.to]; waits {
		w.fail("Replace got no answer")
	}
}

// overlap puts another service beside one.
func (w *world) overlap(seat *node) {
	if seat.is(isMember) {
		return
	}
	n := w.make()
	n.more().conf = &Child{ReadyTimeout: 4 * time.Second, Restart: Restart(w.choose(3)), Significant: w.choose(8) == 0}
	if seat.holder().stays() {
		w.seats[n] = seat
	}
	m := overlap{seat, n, newCall()}
	w.calls[m.to] = awaited{w.token(n), StateRunning}
	w.asks[m.to] = n
	w.send(m)
}

func (w *world) add() {
	m := add{n: w.make()}
	if w.choose(2) == 0 {
		m.to, m.start = newCall(), w.choose(2) == 0
		w.calls[m.to] = awaited{m.n, StateRunning}
	}
	if w.choose(8) == 0 {
		w.onToken(func(n *node) {
			if n.holder() == m.n || n.holder().comes().heir != nil {
				return // itself, or somebody comes after it
			}
			if m.after = n; n.holder().stays() {
				w.seats[m.n], m.start = n, false
				m.to = stdcmp.Or(m.to, newCall())
				w.calls[m.to] = awaited{m.n, StateGone}
			}
		})
	}
	w.send(m)
	if _, waits := w.calls[m.to]; waits && !m.start && m.to != nil {
		w.fail("Add got no answer")
	}
}

// make makes any service.
func (w *world) make() *node {
	conf := &Child{
		Restart: Restart(w.choose(3)), ReadyTimeout: time.Duration(w.choose(2)) * 4 * time.Second,
		Watchdog: time.Duration(w.choose(2)) * 5 * time.Second, Significant: w.choose(8) == 0,
	}
	if w.choose(4) == 0 {
		conf.Timeout = time.Duration(w.choose(8)) * time.Second
	}
	if w.choose(3) == 0 {
		conf.Backoff = Backoff{Min: time.Duration(w.choose(3)) * time.Second, Max: 9 * time.Second, Jitter: 0.5}
		conf.Limit.N = w.choose(4)
		if w.choose(2) == 0 {
			conf.Limit.Within = 20 * time.Second
		}
	}
	kind := w.choose(8)
	if w.choose(2) == 0 && kind != 1 {
		conf = nil
	}
	n := &node{name: fmt.Sprint("n", len(w.nodes)), id: uint64(len(w.nodes))}
	if conf != nil {
		n.more().conf = conf
	}
	switch kind {
	case 1:
		n.set(isLatent, true)
	case 0:
		n.set(isSupervisor, true)
		if w.choose(2) == 0 {
			n.set(isDirect, true)
			n.more().holds = &Supervisor{}
		}
	}
	w.nodes = append(w.nodes, n)
	return n
}

// members adds some members of a group, or removes some services, with one message.
func (w *world) members() {
	var list []*node
	if w.choose(2) == 0 {
		for range 2 {
			w.onToken(func(n *node) { list = append(list, n) })
		}
		w.send(removeAll{list})
		return
	}
	for range 1 + w.choose(3) {
		n := &node{name: fmt.Sprint("n", len(w.nodes)), id: uint64(len(w.nodes))}
		n.set(isLatent, true)
		n.set(isMember, true)
		w.nodes, list = append(w.nodes, n), append(list, n)
	}
	w.send(addAll{list})
}

// sleep ends the run of a member that has nothing to do; others do not sleep.
func (w *world) sleep(r incarnation) {
	if !r.n.is(isMember) {
		return
	}
	if w.alive[r.n] && r.run == r.n.number {
		delete(w.alive, r.n)
		delete(w.asked, r.n)
		w.exiting = r.n
	}
	w.send(slept(r))
	w.exiting = nil
}

// onToken picks one of those that tokens hold.
func (w *world) onToken(f func(*node)) { w.onNode(func(n *node) { f(w.token(n)) }) }

func (w *world) onNode(f func(*node)) {
	if len(w.nodes) > 0 {
		f(w.nodes[w.choose(len(w.nodes))])
	}
}

// onRun picks a run that is alive, or now and then one that is not any more.
func (w *world) onRun(f func(incarnation)) {
	w.onNode(func(n *node) {
		if w.choose(10) == 0 {
			f(incarnation{n, n.number - 1})
		} else if w.alive[n] {
			f(incarnation{n, n.number})
		}
	})
}

// exit ends the run of n, if it is alive: a run ends once.
func (w *world) exit(n *node) {
	out := []outcome{
		{verdict: fine, why: Reason{nil, "returned nil"}},
		{why: Reason{errors.New("bad"), "bad"}},
		{why: known(ErrDoNotRestart), verdict: doNotRestart},
		{why: known(ErrTerminateTree), verdict: terminate},
		{why: known(ErrGoexit)},
		{why: Reason{errors.New("bad"), "bad"}},
	}[w.choose(6)]
	if w.alive[n] {
		w.exitWith(n, out)
	}
}

func (w *world) exitWith(n *node, out outcome) {
	w.leaving = w.asked[n]
	delete(w.alive, n)
	delete(w.asked, n)
	w.exiting = n
	out.n = n
	w.send(exited{&out})
	w.exiting, w.leaving = nil, nil
}

func (w *world) serveBelow(r incarnation) {
	if r.n.is(isDirect) {
		return // who is a supervisor need not tell
	}
	var sup *Supervisor
	if w.choose(2) == 0 {
		sup = &Supervisor{}
	}
	w.send(nested{r.n, r.run, sup})
}

// fire lets a timer go off, mostly in time, now and then a stale one.
func (w *world) fire() {
	t := timer(w.choose(int(timers)))
	at := w.p.times().armed[t]
	if at == never {
		return
	}
	if w.choose(10) == 0 {
		w.send(fired{t, at - time.Second})
		return
	}
	if w.choose(4) > 0 { // else as a test would with a clock that stands still
		w.now = max(w.now, at)
	}
	w.send(fired{t, at})
}

// answer answers one of the plan's questions.
func (w *world) answer() {
	switch {
	case len(w.inspects) > 0:
		e := w.inspects[0]
		w.inspects = w.inspects[1:]
		w.send(e)
	case len(w.probes) > 0:
		e := w.probes[0]
		w.probes = w.probes[1:]
		e.beats, e.last = uint64(w.choose(3)), w.now-time.Second
		w.send(e)
	}
}

func (w *world) start() {
	if w.p.phase == idle {
		w.settled, w.ready = false, false
		m := start{term: w.p.term + 1}
		if w.choose(20) == 0 {
			m.doom = known(ErrStopped)
		}
		w.send(m)
	}
}

func (w *world) shutdown() {
	by := never
	if w.choose(2) == 0 {
		by = w.now + time.Duration(w.choose(20))*time.Second
	}
	w.send(shutdown{cause: known(ErrStopped), by: by})
}

func (w *world) stopIfFinished() {
	if w.p.finished() {
		w.send(over{})
	}
}

// rest lets everything that is under way come to its end, with services that
// behave: no failures, ready at once, gone when asked.
func (w *world) rest() {
	for range 100_000 {
		switch {
		case len(w.inspects)+len(w.probes) > 0:
			w.answer()
		case w.behave():
		case w.fireNext():
		default:
			return
		}
		w.stopIfFinished()
	}
	w.fail("the plan never comes to rest")
}

// behave lets one service do what it has to.
func (w *world) behave() bool {
	for _, n := range w.nodes {
		switch {
		case !w.alive[n]:
		case n.state == StateStopping || n.state == StateStuck:
			w.exitWith(n, outcome{verdict: fine})
			return true
		case n.state == StateStarting:
			w.send(readied{n, n.number})
			return true
		}
	}
	return false
}

// fireNext lets the timer go off that is due first, but for watchdogs: services
// that behave are alive.
func (w *world) fireNext() bool {
	next := timer(timers)
	for t := range timers {
		if t != watchdogTimer && w.p.times().armed[t] != never && (next == timers || w.p.times().armed[t] < w.p.times().armed[next]) {
			next = t
		}
	}
	if next == timers {
		return false
	}
	w.now = max(w.now, w.p.times().armed[next])
	w.send(fired{next, w.p.times().armed[next]})
	return true
}

// life runs one random sequence and then checks that all that was begun comes to
// an end.
func life(spec Spec, choose func(int) int, steps int) {
	w := newWorld(spec, choose)
	for range steps {
		w.step()
	}
	w.rest()
	if w.p.phase == serving && w.p.isDoomed() {
		w.shutdown()
	}
	if w.p.phase == serving {
		for n := w.p.first; n != nil; n = n.next {
			switch n.state {
			case StateRunning, StateDone, StateFailed, StateSuspended:
			default:
				w.fail("at rest %s is %v", n.name, n.state)
			}
		}
		for to, a := range w.calls {
			if w.asks[to] != nil && w.asks[to].isTrial() {
				w.fail("%s is on trial for ever", a.n.name)
			}
			if n := a.n.holder(); a.state == StateRunning && n.state != StateSuspended {
				w.fail("who started %s (%v) waits for ever", n.name, n.state)
			}
		}
		w.shutdown()
	}
	w.hang()
	if w.p.phase != idle {
		w.fail("a stop does not end")
	}
	w.rest()
	if len(w.alive) > 0 || len(w.owed) > 0 {
		w.fail("at the end %d run, %d are on the books", len(w.alive), len(w.owed))
	}
	for n := w.p.first; n != nil; n = w.p.first {
		w.send(remove{w.token(n)})
	}
	for _, n := range w.nodes {
		if !w.empty[w.token(n)] {
			w.fail("the place of %s is not empty at the end", n.name)
		}
	}
	if len(w.calls) > 0 {
		w.fail("%d calls have no answer at the end", len(w.calls))
	}
}

// hang lets a stop run its course with services that never return.
func (w *world) hang() {
	for range 100_000 {
		w.stopIfFinished()
		switch {
		case w.p.phase == idle:
			return
		case len(w.inspects) > 0:
			w.answer()
		case !w.fireNext() && len(w.inspects) == 0:
			if !w.endOneBelow() {
				return
			}
		}
	}
}

// endOneBelow lets a service end that serves a supervisor: those have no limit.
func (w *world) endOneBelow() bool {
	for _, n := range w.nodes {
		if w.alive[n] && n.nested() != nil && n.state == StateStopping {
			w.exitWith(n, outcome{verdict: fine})
			return true
		}
	}
	return false
}

// specOf makes a random supervisor.
func specOf(choose func(int) int) Spec {
	s := Spec{
		Strategy: Strategy(choose(3)), Ordered: choose(2) == 0, Escalate: choose(3) == 0,
		FailureThreshold: float64(1 + choose(4)), KeepTermination: choose(2) == 0,
	}
	if choose(3) == 0 {
		s.StopWithin = time.Duration(1+choose(30)) * time.Second
	}
	if choose(4) == 0 {
		s.MaxServices = 1 + choose(4)
	}
	if choose(3) == 0 {
		s.MaxFailureBackoff = time.Minute
	}
	if choose(3) == 0 {
		s.MaxStarting = 1 + choose(2)
	}
	return s
}

// FuzzPlan gives a plan any sequence of messages.
func FuzzPlan(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		i := 0
		choose := func(n int) int { // from the data; when that is used up, always the first
			if i+1 >= len(data) {
				return 0
			}
			i += 2
			return (int(data[i-2])<<8 | int(data[i-1])) % n
		}
		defer report(t, "the input of the fuzzer")
		life(specOf(choose), choose, len(data)/6)
	})
}

// TestPlanInvariants does what FuzzPlan does, on many random sequences.
func TestPlanInvariants(t *testing.T) {
	sequences := 30_000
	if testing.Short() || raceDetector { // with one goroutine there are no races, and all takes ten times as long
		sequences = 3_000
	}
	for seed := range uint64(sequences) {
		func() {
			defer report(t, fmt.Sprintf("seed %d", seed))
			choose := rand.New(rand.NewPCG(seed, 1)).IntN
			life(specOf(choose), choose, 20+choose(380))
		}()
		if t.Failed() {
			return
		}
	}
}

// report makes a broken invariant a failure of the test.
func report(t *testing.T, what string) {
	switch v := recover().(type) {
	case nil:
	case worldError:
		t.Errorf("%s: %s", what, v)
	default:
		panic(v)
	}
}
