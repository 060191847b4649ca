package health

import (
	"log/slog"
	"slices"
	"time"
)

// entry is a probe in the plan.
type entry struct {
	Probe            // complete
	id        uint64 // order of adding
	source    *entry // that lists it, if any
	listed    map[string]*entry
	watch     *watch // the Guard's run that it belongs to, if any
	component *component
	since     time.Time // when it was added

	phase  phase
	due    time.Time // in the schedule that phase says
	place  int       // in that schedule
	run    *run      // under way, or timed out and still not over
	heard  time.Time // passive: when silence began
	early  bool      // passive: that was while its service was starting
	asked  []*waiter // for the next result
	gone   bool      // removed
	passed bool      // a Startup probe that has been healthy
	slow   bool      // the last run has timed out

	verdict verdict
	changed time.Time // when its state last changed
	last    outcome
	lastAt  time.Time // when it was known; zero: no result yet
	took    time.Duration

	news // what is to be told of it
}

// phase says where an entry is in its round.
type phase uint8

const (
	idle    phase = iota // nowhere, such as a passive probe to which silence is no failure
	waiting              // in plan.due; with a run, if a check ignores that its time is over
	queued               // due; it waits for a slot, which is no failure
	running              // in plan.deadlines, has a slot
	decided              // its outcome is known and will be applied
	held                 // by a startup of its component, or by a run of an earlier probe of its name
	resting              // not to be run any more
)

// component is what the probes share that have the same name up to the colon.
type component struct {
	members  int
	startups int      // that have not passed
	held     []*entry // by these
}

// unhold forgets e, if a startup holds it.
func (c *component) unhold(e *entry) {
	if i := slices.Index(c.held, e); i >= 0 {
		c.held = slices.Delete(c.held, i, i+1)
	}
}

// heldBack says whether the component has still to start up.
func (e *entry) heldBack() bool { return e.Kind != Startup && e.component.startups > 0 }

// waiter is a caller that waits for results of some entries.
type waiter struct {
	left int
	cut  bool          // the Prober has stopped: some have none
	done chan struct{} // closed when none is left
}

// join makes w wait for the next result of e.
func (w *waiter) join(e *entry) {
	w.left++
	e.asked = append(e.asked, w)
}

// answer tells those who wait for e that there is a result, or never will be.
func (e *entry) answer() {
	for _, w := range e.asked {
		w.left--
		if w.left == 0 {
			close(w.done)
		}
	}
	e.asked = nil
}

// giveUp tells those who wait for e that the Prober has stopped instead.
func (e *entry) giveUp() {
	for _, w := range e.asked {
		w.cut = true
	}
	e.answer()
}

// watch is one run of a Guard: the probes that are there while its service runs.
type watch struct {
	entries  []*entry
	sick     *UnhealthyError // the verdict, once there is one
	ending   func() bool     // says whether the service is being stopped, for whatever reason
	fail     func()          // is called when there is a verdict
	starting func() bool     // says whether the service is not ready yet
	started  func()          // is called when the last Startup probe has passed
	note     func(slog.Attr) // is called when the state of a probe has changed
	unnoted  []*entry        // of which that is to be told
	noting   bool            // somebody does
}

// quiet says whether nothing that happens to the probes counts any more: a service
// that drains is not sick.
func (w *watch) quiet() bool { return w != nil && (w.sick != nil || w.ending()) }

// startups is the number of Startup probes that have not passed.
func (w *watch) startups() (n int) {
	for _, e := range w.entries {
		if e.Kind == Startup && !e.passed {
			n++
		}
	}
	return n
}
