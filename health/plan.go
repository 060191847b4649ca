package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// plan decides: which probe is due, which may run, what a result means. It is a
// plain value without goroutine, clock or lock; the [Prober] tells it what has
// happened and when, and carries out its effects. Each method is one step.
//
// Every entry goes round: waiting → queued → running → decided → waiting. What
// can be due is in one of two schedules, so a step costs as much as it changes, however
// many probes there are.
type plan struct {
	slots      int // free
	slowSlots  int // of them, how many the slow may take; see start
	entries    map[string]*entry
	components map[string]*component
	added      uint64
	random     func() float64

	due       schedule  // entries that wait
	expired   time.Time // when some were last due
	deadlines schedule  // entries that run
	sources   fifo      // due; they go before the others, as they may know that some are gone
	queue     fifo      // due
	slow      fifo      // due; their last run has timed out
	landed    []landing
	decisions []decision
	lingering map[string]*run // of probes that are gone, by their name

	tally   tally
	outbox  outbox
	effects effects
}

// landing is a run whose goroutine is over.
type landing struct {
	run     *run
	outcome outcome
	at      time.Time
	dropped bool // the Prober was being stopped, or the run was early: the outcome says nothing
}

// decision is an outcome that has still to be applied.
type decision struct {
	entry   *entry
	outcome outcome
	from    time.Time // the start of the run: the next interval counts from there
	at      time.Time
}

// effects are what a step asks for.
type effects struct {
	starts []*run
	aborts []*run
	sick   []*watch
	passed []*watch
	notes  []note
}

// note is an entry of whose state a Guard's service is to be annotated: with what it is then,
// as another change may be told first.
type note struct {
	watch *watch
	entry *entry
}

func newPlan(slots int, random func() float64) *plan {
	return &plan{
		slots:      slots,
		slowSlots:  max(1, slots/2),
		entries:    map[string]*entry{},
		components: map[string]*component{},
		lingering:  map[string]*run{},
		random:     random,
		outbox:     outbox{orphans: map[string]*entry{}, random: random},
	}
}

// takeEffects returns what is to be done.
func (p *plan) takeEffects() effects {
	e := p.effects
	p.effects = effects{}
	return e
}

// add puts in a complete probe.
func (p *plan) add(pr Probe, now time.Time, source *entry, w *watch) error {
	if p.entries[pr.Name] != nil {
		return fmt.Errorf("there is already a probe %q", pr.Name)
	}
	c := p.components[pr.component()]
	if c == nil {
		c = &component{}
		p.components[pr.component()] = c
	}
	p.added++
	e := &entry{Probe: pr, id: p.added, source: source, watch: w, component: c, since: now, place: nowhere}
	e.changed = now
	p.entries[pr.Name] = e
	c.members++
	if e.Kind == Startup {
		c.startups++
	}
	if source != nil {
		source.listed[pr.Name] = e
	}
	if e.List != nil {
		e.listed = map[string]*entry{}
	}
	if w != nil {
		w.entries = append(w.entries, e)
	}
	p.tally.count(e, 1)
	begin := now.Add(e.InitialDelay)
	if e.passive() {
		p.listen(e, begin)
	} else {
		p.wait(e, begin.Add(p.spread(e)))
	}
	return nil
}

// firstSpread bounds how much later a first run is than its turn: seconds spread the
// probes of a program that starts as well as a tenth of an hour does, and nothing is
// ready before it.
const firstSpread = 5 * time.Second

// spread is what is added to the delay of the first run.
func (p *plan) spread(e *entry) time.Duration {
	return time.Duration(min(e.Jitter*float64(e.Interval), float64(firstSpread)) * p.random())
}

// jitter is what is added to an interval.
func (p *plan) jitter(e *entry, interval time.Duration) time.Duration {
	return saturating(interval, e.Jitter*p.random()) - interval
}

// wait schedules an entry, which must be in no schedule.
func (p *plan) wait(e *entry, due time.Time) {
	e.phase = waiting
	p.due.add(e, due)
}

// listen begins the silence of a passive entry, which must be in no schedule.
func (p *plan) listen(e *entry, heard time.Time) {
	e.heard, e.phase = heard, idle
	if e.MaxAge > 0 {
		p.wait(e, heard.Add(e.MaxAge))
	}
}

// remove takes out e. With keep, a change that was not delivered yet still is.
func (p *plan) remove(e *entry, keep bool, now time.Time) {
	if e.gone {
		return
	}
	for _, l := range e.listed {
		p.remove(l, keep, now)
	}
	p.rest(e)
	e.gone = true
	delete(p.entries, e.Name)
	if e.source != nil {
		delete(e.source.listed, e.Name)
	}
	if e.run != nil {
		p.lingering[e.Name] = e.run
	}
	p.tally.count(e, -1)
	p.outbox.forget(e, keep)
	c := e.component
	if c.members--; c.members == 0 {
		delete(p.components, e.Probe.component())
	}
	p.passStartup(e, now)
}

// rest stops probing e, which stays.
func (p *plan) rest(e *entry) {
	switch e.phase {
	case waiting:
		p.due.drop(e)
	case running:
		p.deadlines.drop(e)
		p.free(e.run)
		p.effects.aborts = append(p.effects.aborts, e.run)
	case held:
		e.component.unhold(e)
	case idle, queued, decided, resting: // the queues skip what is not in their phase
	}
	e.phase = resting
	e.answer()
}

// passStartup lets go what e holds back, if it is a startup that has not passed.
func (p *plan) passStartup(e *entry, now time.Time) {
	if e.Kind != Startup || e.passed {
		return
	}
	e.passed = true
	c := e.component
	if c.startups--; c.startups > 0 {
		return
	}
	held := c.held
	c.held = nil
	for _, h := range held {
		p.release(h, now)
	}
}

// release lets an entry go on that is held.
func (p *plan) release(e *entry, now time.Time) {
	if e.passive() {
		p.listen(e, now)
		return
	}
	p.wait(e, now)
}

// step does everything that is due at now. Afterwards first says when the next step
// is.
func (p *plan) step(now time.Time) {
	p.land()
	p.overdue(now)
	p.expire(now)
	p.apply()
	p.start(now, false)
}

// slack is how long a probe that is due right after another one may wait, so that
// others start in the same step. Among a thousand probes a second, waking up for each
// would cost more than all else.
const slack = 10 * time.Millisecond

// first is when something is due; the zero time if nothing ever is.
func (p *plan) first() time.Time {
	due := p.due.first()
	if soonest := p.expired.Add(slack); !due.IsZero() && due.Before(soonest) {
		due = soonest
	}
	var first time.Time
	for _, t := range []time.Time{due, p.deadlines.first(), p.outbox.first()} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// land takes the outcomes of the runs that are over.
func (p *plan) land() {
	landed := p.landed
	p.landed = nil
	for _, l := range landed {
		e := l.run.entry
		p.endRun(l)
		switch e.phase {
		case running:
			p.landInTime(e, l)
		case waiting: // it is late; the next run need not be
			if e.passive() {
				break
			}
			p.due.drop(e)
			p.wait(e, p.nextStart(e, l.run.start))
		case idle, queued, decided, held, resting: // nobody wants its outcome any more
		}
	}
}

// endRun notes that the goroutine of a run is over, so that another run of its name
// may start.
func (p *plan) endRun(l landing) {
	name := l.run.probe.Name
	if l.run.entry.run == l.run {
		l.run.entry.run = nil
	}
	if p.lingering[name] != l.run {
		return
	}
	delete(p.lingering, name)
	next := p.entries[name]
	switch {
	case next == nil || next.phase != held:
	case !next.heldBack():
		p.release(next, l.at)
	case !slices.Contains(next.component.held, next): // a Startup probe has come meanwhile
		next.component.held = append(next.component.held, next)
	}
}

// landInTime takes the outcome of a run that was not given up. One that comes at
// its deadline is a timeout, whatever it says: if two things happen at one moment, it
// must not matter which is noticed first.
func (p *plan) landInTime(e *entry, l landing) {
	p.deadlines.drop(e)
	p.free(l.run)
	switch {
	case e.passive():
		p.asked(e, l)
	case l.dropped:
		e.giveUp()
		p.wait(e, p.nextStart(e, l.run.start))
	case !l.at.Before(l.run.deadline):
		p.timedOut(e, l.run, l.at)
	default:
		e.slow = false
		p.decide(e, l.outcome, l.run.start, l.at)
	}
}

// timedOut decides a run whose time is over.
func (p *plan) timedOut(e *entry, r *run, now time.Time) {
	e.slow = true
	o := failure(errTimeout.with("%v", r.probe.Timeout))
	o.details = r.noted()
	p.decide(e, o, r.start, now)
}

// free gives back the slot of r.
func (p *plan) free(r *run) {
	p.slots++
	if r.slow {
		p.slowSlots++
	}
}

// overdue gives up the runs whose time is over. Their slots are free at once, or
// checks that hang would stop all others.
func (p *plan) overdue(now time.Time) {
	for e := p.deadlines.next(now); e != nil; e = p.deadlines.next(now) {
		p.deadlines.drop(e)
		p.free(e.run)
		if e.passive() { // that its supervisor does not answer is no fault of the service
			p.listen(e, now)
			continue
		}
		p.timedOut(e, e.run, now)
	}
}

// expire looks at the entries that are due.
func (p *plan) expire(now time.Time) {
	for e := p.due.next(now); e != nil; e = p.due.next(now) {
		p.due.drop(e)
		p.expired = now
		e.phase = idle
		switch {
		case e.heldBack():
			p.hold(e)
			e.component.held = append(e.component.held, e)
		case e.passive():
			p.listenOn(e, now)
		case p.lingering[e.Name] != nil: // perhaps another instance's, so it is no failure of this one
			p.hold(e)
		case e.run != nil:
			p.decide(e, failure(errStuck.with("began %v ago", now.Sub(e.run.start))), now, now)
		default:
			p.enqueue(e)
		}
	}
}

func (p *plan) hold(e *entry) {
	e.phase = held
	e.answer()
}

func (p *plan) enqueue(e *entry) {
	e.phase = queued
	switch {
	case e.List != nil:
		p.sources.push(e)
	case e.slow:
		p.slow.push(e)
	default:
		p.queue.push(e)
	}
}

// listenOn makes the silence of a passive entry a failure, unless something has been
// heard since it was scheduled.
func (p *plan) listenOn(e *entry, now time.Time) {
	if end := e.heard.Add(e.MaxAge); end.After(now) {
		p.wait(e, end)
		return
	}
	switch {
	case e.Kind != Liveness || e.watch == nil:
		p.silent(e, now)
	case e.run != nil || p.lingering[e.Name] != nil: // it is being asked, perhaps for a guard before this one
		p.listen(e, now)
	default: // is the service still starting? That is asked as a run
		p.enqueue(e)
	}
}

func (p *plan) silent(e *entry, now time.Time) {
	p.decide(e, failure(errSilent.with("for %v", now.Sub(e.heard))), now, now)
}

// asked is the end of the run that has asked whether the service of a silent entry is
// still starting. If it is, or was when that was asked before, the silence begins now.
func (p *plan) asked(e *entry, l landing) {
	early := e.early
	e.early = l.dropped
	switch {
	case l.dropped || early:
		p.listen(e, l.at)
	case e.heard.Add(e.MaxAge).After(l.at):
		p.listen(e, e.heard)
	default:
		p.silent(e, l.at)
	}
}

// start gives the free slots to those who wait for one. Probes whose last run has
// timed out go last and take at most half of the slots; otherwise, with 16 slots and a
// timeout of 5 seconds, a hundred targets that hang would make everybody wait for half
// a minute.
func (p *plan) start(now time.Time, onlySources bool) {
	for p.slots > 0 {
		e := p.sources.pop()
		if e == nil && !onlySources {
			e = p.queue.pop()
		}
		if e == nil && !onlySources && p.slowSlots > 0 {
			e = p.slow.pop()
		}
		switch {
		case e == nil:
			return
		case e.phase != queued:
		case e.watch.quiet():
			p.rest(e)
		default:
			p.launch(e, now)
		}
	}
}

// launch starts a run of e, for which there is a slot.
func (p *plan) launch(e *entry, now time.Time) {
	r := &run{entry: e, probe: e.Probe, start: now, deadline: now.Add(cmp.Or(e.Timeout, DefaultTimeout)), slow: e.slow && e.List == nil}
	p.slots--
	if r.slow {
		p.slowSlots--
	}
	e.run, e.phase = r, running
	p.deadlines.add(e, r.deadline)
	p.effects.starts = append(p.effects.starts, r)
}

// decide notes an outcome of an entry, which must be in no schedule.
func (p *plan) decide(e *entry, o outcome, from, at time.Time) {
	e.phase = decided
	p.decisions = append(p.decisions, decision{e, o, from, at})
}

// report takes a result that comes from outside.
func (p *plan) report(name string, o outcome, now time.Time) error {
	e := p.entries[name]
	if e == nil {
		return fmt.Errorf("there is no probe %q", name)
	}
	p.hear(e, o, now)
	return nil
}

// hear is report for an entry. One that is quiet or held back is not judged.
func (p *plan) hear(e *entry, o outcome, now time.Time) {
	e.heard = now
	if e.gone || e.watch.quiet() || e.heldBack() || e.passed {
		return
	}
	p.result(decision{e, o, now, now})
	if soon := now.Add(e.interval(e.verdict)); e.phase == waiting && !e.passive() && soon.Before(e.due) {
		p.due.drop(e)
		p.wait(e, soon)
	}
}

// beat notes that the service of w makes progress. A beat that brings no news costs
// next to nothing and is no result.
func (p *plan) beat(w *watch, now time.Time) (news bool) {
	for _, e := range w.entries {
		if !e.passive() || e.MaxAge == 0 {
			continue
		}
		if e.verdict.state == Healthy && !e.verdict.wavering() {
			e.heard = now
			continue
		}
		p.hear(e, outcome{}, now)
		news = true
	}
	return news
}

// hurry makes the checks that are wanted due, if they only wait for their time. A
// waiter, if there is one, then waits for their results and for those of the checks
// under way. Checks that hang are left alone: asking for them must not be a failure.
func (p *plan) hurry(now time.Time, wanted func(*entry) bool, w *waiter) {
	for _, e := range p.entries {
		if e.passive() || !wanted(e) || e.phase == waiting && e.run != nil {
			continue
		}
		if e.phase == waiting {
			p.due.drop(e)
			p.wait(e, now)
		}
		if w != nil && (e.phase == waiting || e.phase == queued || e.phase == running) {
			w.join(e)
		}
	}
}

// dismiss removes the probes of a Guard's run.
func (p *plan) dismiss(w *watch, now time.Time) {
	for _, e := range w.entries {
		p.remove(e, true, now)
	}
}

// halt ends the probing, since the Prober is not served any more. What still runs
// ignores that its time is over: it is looked at again when the Prober is served again,
// and halt returns the names.
func (p *plan) halt(now time.Time) (names []string) {
	for len(p.deadlines) > 0 {
		e := p.deadlines[0]
		p.deadlines.drop(e)
		p.free(e.run)
		names = append(names, e.Name)
		p.wait(e, now.Add(e.Interval))
	}
	for _, e := range p.entries {
		e.giveUp()
	}
	return names
}
