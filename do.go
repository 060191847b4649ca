package tend

import (
	"context"
	"time"
)

// handle has the plan decide what m means and carries that out. Only the owner
// of the plan may call it.
func (s *Supervisor) handle(m message) {
	c := s.clock.Load()
	s.plan.heard = s.heard()
	now := c.now()
	for _, e := range s.plan.handle(now, m) {
		s.do(c, now, e)
	}
}

// do carries out an effect. It calls no user code and waits for nothing.
func (s *Supervisor) do(c *clock, now instant, e effect) {
	switch e := e.(type) {
	case launch:
		s.launch(c, e.r)
	case cancel:
		e.r.cancel(e.cause)
	case limit:
		s.limit(e.r, e.by)
		if below := e.r.node.nested(); below != nil {
			below.post(hurry{below.instantOf(e.r.stopBy())})
		}
	case Event:
		s.emit(e)
	case reply:
		e.to.answer <- e.err
	case leave:
		e.n.leave()
	case arm:
		if old := s.timers[e.timer]; old != nil {
			old.Stop()
		}
		s.timers[e.timer] = c.AfterFunc(max(0, e.at-now), func() { s.post(fired(e)) }, e.timer.id())
	case disarm:
		s.timers[e.timer].Stop()
		s.timers[e.timer] = nil
	case probe:
		s.post(e.r.beaten())
	case inspect:
		s.inspect(c, e)
	case jitter:
		s.jitter(e)
	case owe:
		s.owe(e)
	case settle:
		s.settle(e.r)
	case ready:
		s.term.Load().ready.happen()
		if s.run != nil {
			s.run.node.sup.post(readied{s.run})
		}
	}
}

// launch starts the goroutine of a run.
func (s *Supervisor) launch(c *clock, r *run) {
	n := r.node
	r.base = s.base
	fresh := true
	if n.rare != nil && !s.plan.spec.NoLabels {
		// It has a history, or may have one: keep the labels for its next run.
		if t := s.term.Load(); n.rare.labelsOf != t {
			n.rare.labels, n.rare.labelsOf = n.labelled(s.base), t
		}
		r.base, fresh = n.rare.labels, false
	}
	if n.conf().Watchdog > 0 {
		r.open().clock = c
	}
	var ctx context.Context
	ctx, r.cancel = context.WithCancelCause(r)
	go r.main(ctx, fresh)
}

// limit tells the run until when a supervisor that it serves must have stopped.
func (s *Supervisor) limit(r *run, by instant) {
	if m := r.open(); m != nil {
		m.mu.Lock()
		m.stopBy = s.plan.wall(by)
		m.mu.Unlock()
	}
}

// stopBy is until when a supervisor that the run serves must have stopped; zero:
// no limit.
func (r *run) stopBy() time.Time {
	m := r.more.Load()
	if m == nil || m == closedRun {
		return time.Time{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stopBy
}

// jitter finds out how long a pause is to be. Spec.Jitter is user code, and so
// gets a goroutine: should it never return, the planned length stands.
func (s *Supervisor) jitter(e jitter) {
	f := s.plan.spec.Jitter
	if f == nil {
		s.post(jittered{e.pause, DefaultJitter(e.d)})
		return
	}
	go func() {
		d := e.d
		defer func() { s.post(jittered{e.pause, d}) }() // also if f exits
		guard(func() {
			if j := f(e.d); j >= 0 {
				d = j
			}
		})
	}()
}

// inspect has the stacks of a run looked up.
func (s *Supervisor) inspect(c *clock, e inspect) {
	answer := func(stacks string) { s.post(inspected{e.r, e.why, stacks}) }
	if s.plan.spec.NoLabels {
		s.stacks.say(answer, "not looked up: Spec.NoLabels")
		return
	}
	s.root().stacks.find(c, e.r.node.label(), answer)
}
