package health

import (
	"context"
	"errors"
	"time"
)

// Tick does one round in the goroutine of the caller, for tests and for programs
// that have a rhythm of their own. It asks the sources that are due, runs the probes
// that are due then, waits for all of them, applies their results and makes the
// callbacks, sources first and then in the order of names. The same results lead to the
// same callbacks in the same order every time. A probe that was just added or listed is
// due after its InitialDelay and what Jitter adds to that: without the two, at once.
// [Prober.CheckNow] waits for neither.
//
// It returns an error if the Prober is being served or is in another Tick, and the
// cause if ctx ends before all are through; then the outcomes of cancelled checks count
// for nothing.
func (p *Prober) Tick(ctx context.Context) error { return p.round(ctx, false) }

// CheckNow is [Prober.Tick] for all probes but the passive ones, due or not.
// Unlike Tick it may also be called while the Prober is being served: then it has them
// run as soon as there are slots, and returns when each has a result. It returns an error
// if Serve ends before that.
func (p *Prober) CheckNow(ctx context.Context) error {
	w := &waiter{done: make(chan struct{})}
	served := false
	p.do(func(plan *plan, now time.Time) {
		if served = p.driver == serving; served {
			plan.hurry(now, func(*entry) bool { return true }, w)
		}
		if w.left == 0 {
			close(w.done)
		}
	})
	if !served {
		return p.round(ctx, true)
	}
	select {
	case <-w.done:
		if w.cut {
			return errCut
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errCut is what CheckNow returns if Serve ends before all have a result.
var errCut = errors.New("tend/health: the Prober was stopped before each probe had a result")

// round is a Tick; with all, it does not matter what is due.
func (p *Prober) round(ctx context.Context, all bool) error {
	if err := p.enter(ticking); err != nil {
		return err
	}
	defer p.leave()
	for _, sources := range []bool{true, false} { // sources first: they say what there is
		p.do(func(plan *plan, now time.Time) {
			plan.land() // what has timed out in the last round and is over now is not stuck
			if all {
				plan.hurry(now, func(e *entry) bool { return sources == (e.List != nil) }, nil)
			}
			plan.expire(now)
		})
		if err := p.batch(ctx, sources); err != nil {
			return err
		}
		p.do(func(plan *plan, _ time.Time) { plan.apply() })
	}
	tell := false
	p.decide(func(plan *plan, now time.Time) { tell = plan.outbox.take(now) })
	if tell {
		p.deliver(ctx)
	}
	return nil
}

// batch runs what is queued, or only the sources of that, until all of it is decided.
func (p *Prober) batch(ctx context.Context, onlySources bool) error {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		var next time.Time
		effects := p.decide(func(plan *plan, now time.Time) {
			plan.land()
			plan.overdue(now)
			plan.start(now, onlySources)
			next = plan.deadlines.first()
		})
		p.act(effects)
		p.start(ctx, effects.starts)
		if next.IsZero() {
			return nil
		}
		setAlarm(alarm, next)
		select {
		case <-p.wake:
		case <-alarm.C:
		case <-ctx.Done():
			p.drain(ctx, func() {})
			return context.Cause(ctx)
		}
	}
}
