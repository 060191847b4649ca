package health

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// plan decides: which probe is due, which may run, what a result means. It is a
// plain value without goroutine, clock or lock; the [Monitor] tells it what has
// happened and when, and carries out its effects. Each method is one step.
//
// Every entry goes round: waiting → queued → running → decided → waiting. What
// can be due is in one of two schedules, so a step costs what it changes, however
// many probes there are.
type plan struct {
	slots      int // free
	slowSlots  int // of them, how many the slow may take; see start
	entries    map[string]*entry
	components map[string]*component
	added      uint64
	random     func() float64

	due       schedule  // entries that wait
	expired   time.Time // when some were due last
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
	dropped bool // the Monitor was being stopped, the outcome says nothing
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

// note is what a Guard's service is to be annotated with.
type note struct {
	watch *watch
	attr  slog.Attr
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
		return fmt.Errorf("health: there is already a probe %q", pr.Name)
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
		p.wait(e, begin.Add(p.jitter(e, e.Interval)))
	}
	return nil
}

// jitter is what is added to an interval.
func (p *plan) jitter(e *entry, interval time.Duration) time.Duration {
	return saturating(interval, e.Jitter*p.random()) - interval
}

// wait schedules an entry that is in no schedule.
func (p *plan) wait(e *entry, due time.Time) {
	e.phase = waiting
	p.due.add(e, due)
}

// listen begins the silence of a passive entry that is in no schedule.
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

// passStartup: e holds nothing back any more, if it did.
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

// release lets an entry go on that was held.
func (p *plan) release(e *entry, now time.Time) {
	if e.passive() {
		p.listen(e, now)
		return
	}
	p.wait(e, now)
}

// step is everything that is to be done at now. Afterwards first says when the
// next one is due.
func (p *plan) step(now time.Time) {
	p.land()
	p.overdue(now)
	p.expire(now)
	p.apply()
	p.start(now, false)
}

// slack is how long a probe may wait after it is due, for others to be started in
// the same step, if there was one just before. Among a thousand probes a second,
// waking up for each would cost more than all else.
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

// land takes the outcomes of runs that are over.
func (p *plan) land() {
	landed := p.landed
	p.landed = nil
	for _, l := range landed {
		e := l.run.entry
		p.endRun(l)
		switch e.phase {
		case running:
			p.landInTime(e, l)
		case waiting: // it is late, but the next run need not be
			p.due.drop(e)
			p.wait(e, p.nextStart(e, l.run.start))
		case idle, queued, decided, held, resting: // nobody wants to know any more
		}
	}
}

// endRun: the goroutine of a run is over, so another of its name may start.
func (p *plan) endRun(l landing) {
	name := l.run.probe.Name
	if l.run.entry.run == l.run {
		l.run.entry.run = nil
	}
	if p.lingering[name] != l.run {
		return
	}
	delete(p.lingering, name)
	if next := p.entries[name]; next != nil && next.phase == held && !next.heldBack() {
		p.release(next, l.at)
	}
}

// landInTime takes the outcome of a run that was not given up. One that comes at
// its deadline is a timeout, whatever it says: the order in which two things of
// one moment are noticed must not matter.
func (p *plan) landInTime(e *entry, l landing) {
	p.deadlines.drop(e)
	p.free(l.run)
	switch {
	case l.dropped:
		e.answer()
		p.wait(e, p.nextStart(e, l.run.start))
	case !l.at.Before(l.run.deadline):
		p.timedOut(e, l.run, l.at)
	default:
		e.slow = false
		p.decide(e, l.outcome, l.run.start, l.at)
	}
}

// timedOut: the time of r, a run of e, is over.
func (p *plan) timedOut(e *entry, r *run, now time.Time) {
	e.slow = true
	o := failure(ErrTimeout, "%v", r.probe.Timeout)
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

// overdue gives up runs whose time is over. Their slots are free at once: else
// checks that hang would stop all others.
func (p *plan) overdue(now time.Time) {
	for e := p.deadlines.next(now); e != nil; e = p.deadlines.next(now) {
		p.deadlines.drop(e)
		p.free(e.run)
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
		case p.lingering[e.Name] != nil: // it may be another instance's, so it is no failure of this one
			p.hold(e)
		case e.run != nil:
			p.decide(e, failure(ErrStuck, "began %v ago", now.Sub(e.run.start)), now, now)
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

// listenOn: the silence of a passive entry was due to become a failure, unless
// something was heard since it was scheduled.
func (p *plan) listenOn(e *entry, now time.Time) {
	if end := e.heard.Add(e.MaxAge); end.After(now) {
		p.wait(e, end)
		return
	}
	p.decide(e, failure(ErrSilent, "for %v", now.Sub(e.heard)), now, now)
}

// start gives the free slots to those who wait for one. Probes whose last run has
// timed out go last and take at most half of the slots: with 16 slots and a
// timeout of 5 seconds, a hundred targets that hang would else make everybody
// wait for half a minute.
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
	r := &run{entry: e, probe: e.Probe, start: now, deadline: now.Add(e.Timeout), slow: e.slow && e.List == nil}
	p.slots--
	if r.slow {
		p.slowSlots--
	}
	e.run, e.phase = r, running
	p.deadlines.add(e, r.deadline)
	p.effects.starts = append(p.effects.starts, r)
}

// decide notes an outcome of an entry that is in no schedule.
func (p *plan) decide(e *entry, o outcome, from, at time.Time) {
	e.phase = decided
	p.decisions = append(p.decisions, decision{e, o, from, at})
}

// report takes a result that comes from outside.
func (p *plan) report(name string, o outcome, now time.Time) error {
	e := p.entries[name]
	if e == nil {
		return fmt.Errorf("health: there is no probe %q", name)
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

// beat: the service of w is making progress. A beat that brings no news costs
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

// sync makes the probes that a source has listed its own.
func (p *plan) sync(source *entry, l *listing, now time.Time) error {
	var errs []error
	names := make(map[string]bool, len(l.probes))
	for _, pr := range l.probes {
		if names[pr.Name] {
			errs = append(errs, fmt.Errorf("health: probe %q was listed twice", pr.Name))
			continue
		}
		names[pr.Name] = true
		if e := source.listed[pr.Name]; e != nil {
			if e.Instance == pr.Instance && e.Kind == pr.Kind && e.passive() == pr.passive() {
				p.update(e, pr)
				continue
			}
			p.remove(e, true, now)
		}
		if err := p.add(pr, now, source, nil); err != nil {
			errs = append(errs, err)
		}
	}
	for name, e := range source.listed {
		if !names[name] && !l.bad[name] {
			p.remove(e, true, now)
		}
	}
	return errors.Join(errs...)
}

// update gives e other settings and leaves its state.
func (p *plan) update(e *entry, pr Probe) {
	p.tally.count(e, -1)
	e.Probe = pr
	p.tally.count(e, 1)
	if !e.passive() {
		return
	}
	if e.phase == waiting {
		p.due.drop(e)
	}
	if e.phase == waiting || e.phase == idle {
		p.listen(e, e.heard)
	}
}

// hurry makes the checks that are wanted due, if they only wait for their time.
// With a waiter, that then waits for their results and for those of the checks
// under way. Checks that hang are left alone: to ask for them is no failure.
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

// halt: the Monitor is not served any more. What still runs ignores that its time
// is over; it is looked at again when the Monitor is served again. It returns the
// names.
func (p *plan) halt(now time.Time) (names []string) {
	for len(p.deadlines) > 0 {
		e := p.deadlines[0]
		p.deadlines.drop(e)
		p.free(e.run)
		names = append(names, e.Name)
		p.wait(e, now.Add(e.Interval))
	}
	for _, e := range p.entries {
		e.answer()
	}
	return names
}
