package tend

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
	c := s.clock.Load()
	s.plan.heard = s.heard()
	now := c.now()
	if m, is := m.(exited); is {
		s.letGo(m.out.n)
	}
	for _, e := range s.plan.handle(now, m) {
		s.do(c, now, e)
	}
}

// do carries out an effect. It calls no user code and waits for nothing.
func (s *Supervisor) do(c *clock, now instant, e effect) {
	switch e := e.(type) {
	case launch:
		s.launch(c, e.n)
	case cancel:
		s.cancel(e)
	case limit:
		s.limit(e)
	case Event:
		s.emit(e)
	case reply:
		e.to <- e.err
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
		s.probe(e.n)
	case inspect:
		s.inspect(e)
	case owe:
		s.owe(e)
	case settle:
		s.settle(e.n)
	case ready:
		s.term.Load().ready.happen()
		if s.run != nil {
			s.run.post(readied{s.run.node, s.run.number})
		}
	}
}
