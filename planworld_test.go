package tend

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// world is everything around a plan: it sends messages, carries out effects by
// taking notes, and checks after each message that nothing has happened that must
// never happen. What it does next it is told by choose, so that a fuzzer can.
type world struct {
	p      plan
	now    instant
	choose func(n int) int // in [0, n)

	nodes    []*node        // ever added
	alive    map[*node]*run // launched, not exited
	exiting  *run           // whose end is being told
	asked    map[*run]bool
	gone     map[*node]bool
	owed     map[*run]bool
	inspects []inspect
	jitters  []jitter
	probes   []probe
	calls    map[*call]*node // without an answer
	begun    map[*run]bool   // ServiceStarted without an end
	stopping bool            // SupervisorStopping without SupervisorStopped
	log      []string
}

func newWorld(spec Spec, choose func(int) int) *world {
	w := &world{
		p: newPlan(spec.withDefaults("w"), "w", time.Unix(0, 0)), choose: choose,
		alive: map[*node]*run{}, asked: map[*run]bool{}, gone: map[*node]bool{}, owed: map[*run]bool{},
		calls: map[*call]*node{}, begun: map[*run]bool{},
	}
	w.p.heard = true
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
	effects := append([]effect(nil), w.p.handle(w.now, m)...)
	for _, e := range effects {
		w.carryOut(e)
	}
	w.check()
}

func (w *world) carryOut(e effect) {
	switch e := e.(type) {
	case launch:
		n := e.r.node
		if w.alive[n] != nil {
			w.fail("two incarnations of %s at once", n.name)
		}
		if w.gone[n] {
			w.fail("%s launched after it left", n.name)
		}
		w.alive[n] = e.r
	case cancel:
		if w.asked[e.r] {
			w.fail("%s asked twice", e.r.node.name)
		}
		if e.cause == nil {
			w.fail("%s asked without a cause", e.r.node.name)
		}
		w.asked[e.r] = true
	case reply:
		if _, waits := w.calls[e.to]; !waits {
			w.fail("a call got a second reply")
		}
		delete(w.calls, e.to)
	case leave:
		if w.gone[e.n] || w.alive[e.n] != nil {
			w.fail("%s leaves twice, or while it runs", e.n.name)
		}
		w.gone[e.n] = true
	case inspect:
		w.inspects = append(w.inspects, e)
	case jitter:
		w.jitters = append(w.jitters, e)
	case probe:
		w.probes = append(w.probes, e)
	case owe:
		if w.owed[e.r] || (w.alive[e.r.node] != e.r && w.exiting != e.r) {
			w.fail("%s is put on the books twice, or after its end", e.r.node.name)
		}
		w.owed[e.r] = true
	case settle:
		if !w.owed[e.r] {
			w.fail("%s is taken off the books but is not on them", e.r.node.name)
		}
		delete(w.owed, e.r)
	case Event:
		w.heard(e)
	case limit, arm, disarm, ready:
	}
}

// heard checks that each run, and each stop, begins and ends once for those who listen.
func (w *world) heard(e Event) {
	n := e.From().Token.n
	switch e.(type) {
	case ServiceStarted:
		w.begun[n.run] = true
	case SupervisorStopping, SupervisorStopped:
		_, begins := e.(SupervisorStopping)
		if begins == w.stopping {
			w.fail("the supervisor begins to stop twice, or stops without having begun")
		}
		w.stopping = begins
	case ServiceFailed, ServiceEnded:
		if len(w.begun) == 0 {
			w.fail("%s ended but never began", n.name)
		}
	}
}

// check holds after every message.
func (w *world) check() {
	p := &w.p
	var tally [StateGone + 1]int
	live, significant := 0, 0
	var prev *node
	for n := p.first; n != nil; prev, n = n, n.next {
		w.checkNode(n, prev)
		tally[n.state]++
		if n.run != nil {
			live++
		}
		if n.conf().Significant && n.state != StateDone {
			significant++
		}
	}
	if prev != p.last {
		w.fail("the list does not end where it ends")
	}
	if tally != p.tally || live != p.live || significant != p.significant {
		w.fail("tally %v, live %d, significant %d; counted %v, %d, %d", p.tally, p.live, p.significant, tally, live, significant)
	}
	if live != len(w.alive) {
		w.fail("%d runs are alive, the plan knows of %d", len(w.alive), live)
	}
	if p.failures.value < 0 {
		w.fail("the failure count is %v", p.failures.value)
	}
	for t := range p.heaps {
		if p.heaps[t].next() != p.armed[t] {
			w.fail("timer %d is armed for %v instead of %v", t, p.armed[t], p.heaps[t].next())
		}
		for i, d := range p.heaps[t] {
			if int(d.n.slot) != i+1 || (i > 0 && p.heaps[t][(i-1)/2].at > d.at) {
				w.fail("heap %d is out of order", t)
			}
		}
	}
	if p.finished() && live != tally[StateStuck] {
		w.fail("finished while services run")
	}
}

func (w *world) checkNode(n, prev *node) {
	if n.prev != prev || w.gone[n] || n.state == StateGone {
		w.fail("the list is broken at %s", n.name)
	}
	if n.run != w.alive[n] {
		w.fail("%s: the plan is wrong about its run", n.name)
	}
	up := n.state == StateStarting || n.state == StateRunning || n.state == StateStopping || n.state == StateStuck
	if up != (n.run != nil) {
		w.fail("%s is %v, run %v", n.name, n.state, n.run != nil)
	}
	if (n.state == StateStarting || n.state == StateRunning) && (w.asked[n.run] || n.why != unasked) {
		w.fail("%s: asked %v but reason %d", n.name, w.asked[n.run], n.why)
	}
	if n.run == nil && n.why != unasked {
		w.fail("%s does not run but is asked to stop (%d)", n.name, n.why)
	}
	if w.p.phase != serving && (n.state == StateBackoff || n.state == StateStarting && !w.asked[n.run] && !w.p.spec.Ordered) {
		w.fail("%s is %v while the supervisor stops", n.name, n.state)
	}
}

// step does one random thing.
func (w *world) step() {
	w.now += time.Duration(w.choose(3000)) * time.Millisecond
	switch k := w.choose(26); {
	case k < 5:
		w.add()
	case k < 6:
		w.onNode(func(n *node) { w.send(remove{n}) })
	case k < 7:
		w.onNode(func(n *node) { w.send(suspend{n}) })
	case k < 8:
		w.onNode(func(n *node) { w.send(restart{n: n}) })
	case k < 9:
		w.onNode(func(n *node) { w.send(restart{n, errors.New("why"), "why"}) })
	case k < 12:
		w.onRun(func(r *run) { w.send(readied{r}) })
	case k < 17:
		w.onRun(w.exit)
	case k < 18:
		w.onRun(func(r *run) { w.send(ending{r}) })
	case k < 19:
		w.onRun(func(r *run) { w.serveBelow(r) })
	case k < 22:
		w.fire()
	case k < 24:
		w.answer()
	case k < 25:
		w.start()
	default:
		if w.choose(3) == 0 {
			w.shutdown()
		} else {
			w.send(hurry{w.now + time.Duration(w.choose(20))*time.Second})
		}
	}
	w.stopIfFinished()
}

func (w *world) add() {
	conf := &Child{
		Restart: Restart(w.choose(3)), ReadyTimeout: time.Duration(w.choose(2)) * 4 * time.Second,
		Watchdog: time.Duration(w.choose(2)) * 5 * time.Second, Significant: w.choose(8) == 0,
	}
	if w.choose(4) == 0 {
		conf.Timeout = time.Duration(w.choose(8)) * time.Second
	}
	if w.choose(3) == 0 {
		conf.Backoff = Backoff{Min: time.Duration(w.choose(3)) * time.Second, Max: 9 * time.Second, Jitter: 0.5, Limit: w.choose(4)}
		if w.choose(2) == 0 {
			conf.Backoff.Within = 20 * time.Second
		}
	}
	if w.choose(2) == 0 {
		conf = nil
	}
	n := &node{name: fmt.Sprint("n", len(w.nodes)), id: uint64(len(w.nodes))}
	if conf != nil {
		n.more().conf = conf
	}
	if w.choose(8) == 0 {
		n.set(isSupervisor, true)
	}
	w.nodes = append(w.nodes, n)
	m := add{n: n}
	if w.choose(2) == 0 {
		m.to, m.start = newCall(), w.choose(2) == 0
		w.calls[m.to] = n
	}
	w.send(m)
	if _, waits := w.calls[m.to]; waits && !m.start && m.to != nil {
		w.fail("Add got no answer")
	}
}

func (w *world) onNode(f func(*node)) {
	if len(w.nodes) > 0 {
		f(w.nodes[w.choose(len(w.nodes))])
	}
}

// onRun picks a run that is alive, or now and then one that is not any more.
func (w *world) onRun(f func(*run)) {
	if len(w.nodes) == 0 {
		return
	}
	n := w.nodes[w.choose(len(w.nodes))]
	if w.choose(10) == 0 {
		f(&run{node: n})
	} else if r := w.alive[n]; r != nil {
		f(r)
	}
}

func (w *world) exit(r *run) {
	out := []outcome{
		{verdict: fine},
		{err: errors.New("bad"), text: "bad"},
		{err: ErrDoNotRestart, verdict: doNotRestart},
		{err: ErrTerminateTree, verdict: terminate},
		{err: ErrGoexit},
		{err: errors.New("bad"), text: "bad"},
	}[w.choose(6)]
	w.exitWith(r, out)
}

func (w *world) exitWith(r *run, out outcome) {
	if w.alive[r.node] == r {
		delete(w.alive, r.node)
		delete(w.asked, r)
	}
	w.exiting = r
	out.run = r
	w.send(exited{&out})
	w.exiting = nil
}

func (w *world) serveBelow(r *run) {
	var sup *Supervisor
	if w.choose(2) == 0 {
		sup = &Supervisor{}
	}
	w.send(nested{r, sup})
}

// fire lets a timer go off, mostly in time, now and then a stale one.
func (w *world) fire() {
	t := timer(w.choose(int(timers)))
	at := w.p.armed[t]
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
		w.send(inspected{e.r, e.why, "stacks"})
	case len(w.probes) > 0:
		e := w.probes[0]
		w.probes = w.probes[1:]
		w.send(beaten{e.r, uint64(w.choose(3)), w.now - time.Second})
	case len(w.jitters) > 0:
		e := w.jitters[0]
		w.jitters = w.jitters[1:]
		w.send(jittered{e.pause, e.d + time.Second})
	}
}

func (w *world) start() {
	if w.p.phase == idle {
		w.send(start{})
	}
}

func (w *world) shutdown() {
	by := never
	if w.choose(2) == 0 {
		by = w.now + time.Duration(w.choose(20))*time.Second
	}
	w.send(shutdown{cause: ErrStopped, by: by})
}

func (w *world) stopIfFinished() {
	if w.p.finished() {
		w.send(stopped{})
	}
}

// rest lets everything that is under way come to its end, with services that
// behave: no failures, ready at once, gone when asked.
func (w *world) rest() {
	for range 100_000 {
		switch {
		case len(w.inspects)+len(w.probes)+len(w.jitters) > 0:
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
		r := w.alive[n]
		switch {
		case r == nil:
		case n.state == StateStarting && w.choose(2) == 0:
			w.send(readied{r})
			return true
		case n.state == StateStopping || n.state == StateStuck:
			w.exitWith(r, outcome{verdict: fine})
			return true
		case n.state == StateStarting:
			w.send(readied{r})
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
		if t != watchdogTimer && w.p.armed[t] != never && (next == timers || w.p.armed[t] < w.p.armed[next]) {
			next = t
		}
	}
	if next == timers {
		return false
	}
	w.now = max(w.now, w.p.armed[next])
	w.send(fired{next, w.p.armed[next]})
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
	if w.p.phase == serving {
		for n := w.p.first; n != nil; n = n.next {
			switch n.state {
			case StateRunning, StateDone, StateFailed, StateSuspended:
			default:
				w.fail("at rest %s is %v", n.name, n.state)
			}
		}
		for _, n := range w.calls {
			if n.state != StateSuspended && n.state != StateGone {
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
		w.send(remove{n})
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
		if r := w.alive[n]; r != nil && n.nested() != nil && n.state == StateStopping {
			w.exitWith(r, outcome{verdict: fine})
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
		s.StopBudget = time.Duration(1+choose(30)) * time.Second
	}
	if choose(4) == 0 {
		s.MaxServices = 1 + choose(4)
	}
	if choose(3) == 0 {
		s.MaxFailureBackoff = time.Minute
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
	sequences := 100_000
	if testing.Short() {
		sequences = 10_000
	}
	for seed := range uint64(sequences) {
		func() {
			defer report(t, fmt.Sprintf("seed %d", seed))
			choose := rand.New(rand.NewPCG(seed, 1)).IntN
			life(specOf(choose), choose, 20+choose(60))
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
