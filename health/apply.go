package health

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// apply carries out the decisions, in the order of names, so that a Tick makes the
// same callbacks in the same order every time.
func (p *plan) apply() {
	decisions := p.decisions
	p.decisions = nil
	slices.SortStableFunc(decisions, func(a, b decision) int {
		return strings.Compare(a.entry.Name, b.entry.Name)
	})
	for _, d := range decisions {
		e := d.entry
		if e.phase != decided { // removed, or its Guard's service is over
			continue
		}
		if e.watch.quiet() {
			p.rest(e)
			continue
		}
		if d.outcome.listed != nil {
			if err := p.sync(e, d.outcome.listed, d.at); err != nil {
				d.outcome.worsen(err)
			}
		}
		p.result(d)
		e.answer()
		p.again(e, d)
	}
}

// again puts an entry, whose decision was applied, where it waits for the next one.
// The interval is that of the new verdict, and counts from the start of the run. If
// the run has timed out and has still not ended, it counts from now, so that the run
// has a whole interval to end.
func (p *plan) again(e *entry, d decision) {
	switch {
	case e.phase == resting:
	case e.passive() && e.MaxAge == 0: // a source has just listed it without
		e.phase = idle
	case e.passive():
		p.wait(e, d.at.Add(e.MaxAge))
	case e.run != nil:
		p.wait(e, d.at.Add(e.interval(e.verdict)))
	default:
		p.wait(e, p.nextStart(e, d.from))
	}
}

// nextStart is when e is due if its last run was started then.
func (p *plan) nextStart(e *entry, last time.Time) time.Time {
	every := e.interval(e.verdict)
	return last.Add(every + p.jitter(e, every))
}

// result is what an outcome means for the entry and for those who depend on it.
func (p *plan) result(d decision) {
	e := d.entry
	before := e.verdict
	p.tally.count(e, -1)
	e.verdict = before.next(d.outcome.mark, e.FailureThreshold, e.SuccessThreshold)
	p.tally.count(e, 1)
	e.last, e.lastAt, e.took = d.outcome, d.at, d.at.Sub(d.from)
	e.last.listed = nil
	if e.verdict.state != before.state {
		e.changed = d.at
		p.outbox.changed(e, e.newChange(before, d.at))
		if e.watch != nil {
			p.effects.notes = append(p.effects.notes, note{e.watch, e})
		}
	}
	p.outbox.had(e, e.newResult())
	switch {
	case e.Kind == Startup && (e.verdict.state == Healthy || e.verdict.state == Degraded):
		p.passStartup(e, d.at)
		p.rest(e)
		if e.watch != nil && e.watch.startups() == 0 {
			p.effects.passed = append(p.effects.passed, e.watch)
		}
	case e.watch != nil && e.Kind != Readiness && e.verdict.state == Unhealthy:
		p.sicken(e)
	}
}

// sicken notes that the service of e must be restarted. From now on its probes rest,
// so that one sickness is one failure.
func (p *plan) sicken(e *entry) {
	w := e.watch
	w.sick = &UnhealthyError{
		Probe: e.Name, Kind: e.Kind, Failures: e.verdict.fails, Err: e.last.err,
	}
	for _, member := range w.entries {
		p.rest(member)
	}
	p.effects.sick = append(p.effects.sick, w)
}

// newChange makes the change of state that the last result has brought. Its failures
// are those that led to it, or those that it ends.
func (e *entry) newChange(before verdict, at time.Time) Change {
	return Change{
		Name: e.Name, Instance: e.Instance, Kind: e.Kind, Optional: e.Optional,
		From: before.state, To: e.verdict.state, At: at,
		Failures: max(before.fails, e.verdict.fails),
		Err:      e.last.err, Details: e.last.details,
	}
}

// newNote makes what the tree shows of the probe beside its service.
func (e *entry) newNote() slog.Attr {
	text := e.verdict.state.String()
	if !e.last.err.IsZero() {
		text += ": " + e.last.err.Error()
	}
	return slog.String(e.Name, text)
}

func (e *entry) newResult() Result {
	return Result{
		Name: e.Name, Instance: e.Instance, Kind: e.Kind, Optional: e.Optional,
		At: e.lastAt, Took: e.took, Err: e.last.err,
		State: e.verdict.state, Streak: e.verdict.row, Details: e.last.details,
	}
}
