package tend

import "github.com/thejerf/abtime"

// post gives m to the supervisor, now or soon, and never waits for it. While the
// supervisor is served that is the loop's work; otherwise the caller does it.
func (s *Supervisor) post(m message) { s.send(m, false) }

// wish is post for what anybody may ask for, at any rate: while the supervisor has
// more to do than it gets done, it waits.
func (s *Supervisor) wish(m message) { s.send(m, true) }

func (s *Supervisor) send(m message, patient bool) {
	if !s.inbox.push(m, patient) {
		defer s.inbox.Unlock()
		s.handle(m)
	}
}

// handle has the plan decide what m means and carries that out. Only the owner
// of the plan may call it.
func (s *Supervisor) handle(m message) {
	if _, silent := m.(enter); !silent && !s.inbox.reading && s.hears().anything() {
		s.lookAround() // not for who is put in: nothing is told of that, and somebody always has moved while a tree is built
	}
	c := s.clock.Load()
	now := s.tick(c)
	s.plan.hears = s.hears()
	s.handleAt(c, now, m)
}

// handleAll is handle for many messages. To read the clock for each costs as much as some
// of them, so that those which are handled one after another share a moment.
func (s *Supervisor) handleAll(batch []message) {
	c, now := s.clock.Load(), instant(0)
	for i, m := range batch {
		if i%perReading == 0 {
			now = s.tick(c)
			s.foresee(now)
		}
		s.plan.hears = s.hears()
		s.handleAt(c, now, m)
	}
}

// perReading is how many messages share a reading of the clock: some 50 microseconds.
const perReading = 64

// handleAt is handle, now.
func (s *Supervisor) handleAt(c *clock, now instant, m message) {
	switch m := m.(type) { //nolint:gochecksumtype // others end no run
	case exited:
		s.letGo(m.out.n)
	case slept:
		if m.n.runs(m.run) {
			s.letGo(m.n)
		}
	}
	effects := s.plan.handle(now, m)
	for _, e := range effects {
		if told, is := e.(Event); is {
			s.note(told)
			continue
		}
		s.emit() // before anybody is launched or answered
		s.do(c, now, e)
	}
	s.emit()
	s.plan.carriedOut()
	s.alsoTo = nil
}

// tick is what time it is. What happens now has the time of day of now, and what
// happened before has that less the time since: a clock that is set, or a machine
// that slept, puts no time of the tree off for good.
func (s *Supervisor) tick(c *clock) instant {
	at := c.Now()
	now := at.Sub(c.epoch)
	s.plan.now, s.plan.at = now, at
	return now
}

// foresee tells the plan if a supervisor above has begun to stop: then whatever ends
// has not failed, and nothing is started any more. To look once for what has come together is
// enough: nobody can have known of a later stop who sent it.
func (s *Supervisor) foresee(now instant) {
	if s.plan.phase != serving || s.plan.isDoomed() {
		return
	}
	if r := s.stopAbove(); !r.IsZero() {
		s.plan.handle(now, doomed{r})
	}
}

// note keeps an event for emit: those that follow each other go out together.
func (s *Supervisor) note(e Event) {
	switch e := e.(type) { //nolint:gochecksumtype // others concern nobody but those who listen
	case SupervisorStopping:
		if t := s.term.Load(); t.why.Load() == nil { // it stops for a reason of its own
			t.why.Store(s.explain(e.Cause))
		}
	case SupervisorStopped:
		s.hub.took = e.Took
	}
	s.told = append(s.told, e)
}

// do carries out an effect. It calls no user code and waits for nothing.
func (s *Supervisor) do(c *clock, now instant, e effect) {
	switch e := e.(type) { //nolint:gochecksumtype // events are noted
	case launch:
		s.launch(c, e.n)
	case cancel:
		s.cancel(e.n)
	case limit:
		s.limit(e)
	case finish:
		s.finishes(e)
	case wind:
		e.n.latent().Cancel(e.n.number, s.stopOf(e.n, serveReturned))
	case hasten:
		s.hasten(e.n)
	case reply:
		e.to <- e.err
	case keep:
		e.n.run = e.obj
	case decided:
		s.settleFate(e)
	case recall:
		s.recall()
	case leave:
		e.n.leave(e.last)
	case arm:
		if s.timers == nil {
			s.timers = &[timers]abtime.Timer{}
		}
		if old := s.timers[e.timer]; old != nil {
			old.Stop()
		}
		s.timers[e.timer] = c.AfterFunc(max(0, e.at-now), func() { s.post(fired(e)) }, e.timer.id())
	case disarm:
		s.timers[e.timer].Stop()
	case probe:
		s.probe(e.n)
	case inspect:
		s.inspect(e)
	case owe:
		s.owe(e)
	case settle:
		s.alsoTo = without(s.settle(e.n), s.chain())
	case settled:
		if r := s.term.Load().run; s.declaredBy(r) && !r.isMuted() {
			r.post(readied{r.node, r.number})
		}
	case ready:
		s.term.Load().ready.happen()
	}
}
