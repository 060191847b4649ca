package health

import (
	"context"
	"time"
)

// Tick does one round in the goroutine of the caller, for tests and for programs
// that have a rhythm of their own: it asks the sources that are due, runs the
// probes that are due when Tick is called or that were just listed, waits for all
// of them, applies their results and makes the callbacks, in the order of names
// but sources first. The same results lead to the same callbacks in the same
// order every time.
//
// It returns an error if the Monitor is being served or is in another Tick, and
// the cause if ctx ends before all are through; the outcomes of cancelled checks
// count for nothing then.
func (m *Monitor) Tick(ctx context.Context) error { return m.round(ctx, false) }

// CheckNow is [Monitor.Tick] for all probes but the passive ones, due or not.
// Unlike Tick it may also be called while the Monitor is being served: it then
// has them run as soon as there are slots, and returns when each has a result.
func (m *Monitor) CheckNow(ctx context.Context) error {
	w := &waiter{done: make(chan struct{})}
	served := false
	m.do(func(p *plan, now time.Time) {
		if served = m.actor == serving; served {
			p.hurry(now, func(*entry) bool { return true }, w)
		}
		if w.left == 0 {
			close(w.done)
		}
	})
	if !served {
		return m.round(ctx, true)
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// round is a Tick; with all, it does not matter what is due.
func (m *Monitor) round(ctx context.Context, all bool) error {
	if err := m.enter(ticking); err != nil {
		return err
	}
	defer m.leave()
	for _, sources := range []bool{true, false} { // sources first: they say what there is
		m.do(func(p *plan, now time.Time) {
			p.land() // what has timed out in the last round and is over now is not stuck
			if all {
				p.hurry(now, func(e *entry) bool { return sources == (e.List != nil) }, nil)
			}
			p.expire(now)
		})
		if err := m.batch(ctx, sources); err != nil {
			return err
		}
		m.do(func(p *plan, _ time.Time) { p.apply() })
	}
	tell := false
	m.decide(func(p *plan, now time.Time) { tell = p.outbox.take(now) })
	if tell {
		m.deliver(ctx)
	}
	return nil
}

// batch runs what is queued, or only the sources of that, until it is all decided.
func (m *Monitor) batch(ctx context.Context, onlySources bool) error {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		var next time.Time
		effects := m.decide(func(p *plan, now time.Time) {
			p.land()
			p.overdue(now)
			p.start(now, onlySources)
			next = p.deadlines.first()
		})
		m.act(effects)
		m.start(ctx, effects.starts)
		if next.IsZero() {
			return nil
		}
		m.setAlarm(alarm, next)
		select {
		case <-m.wake:
		case <-alarm.C:
		case <-ctx.Done():
			m.drain(ctx)
			return context.Cause(ctx)
		}
	}
}
