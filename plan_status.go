package tend

// status fills in what the plan knows, and returns for each service the
// supervisor that it is or serves, if any.
func (p *plan) status(now instant, s *Status) []*Supervisor {
	s.Serving, s.Ready = p.phase != idle, p.phase != idle && p.wasReady
	s.Strategy, s.Ordered = p.spec.Strategy, p.spec.Ordered
	s.Time, s.Count = p.wall(now), p.failures.level(now, p.spec.FailureDecay)
	s.Threshold, s.Decay = p.spec.FailureThreshold, p.spec.FailureDecay
	if p.paused {
		s.PausedUntil = p.wall(p.ends)
	}
	s.Services = make([]ServiceStatus, 0, p.size())
	var below []*Supervisor
	holder := p.holdup()
	for n := p.first; n != nil; n = n.next {
		status := p.serviceStatus(now, n, holder)
		status.Path = s.Path + "/" + n.name
		if sup := n.subtree(); sup != nil {
			below = append(below, make([]*Supervisor, len(s.Services)-len(below))...)
			below = append(below, sup)
		}
		s.Services = append(s.Services, status)
	}
	return below
}

// holdup is the service for which others have to wait now, nil if there is none.
func (p *plan) holdup() *node {
	if p.group == nil {
		return p.cursor
	}
	for n := p.last; n != nil && p.inGroup(n); n = n.prev {
		if n.run != nil || n.state == StateBackoff {
			return n
		}
	}
	return nil
}

// serviceStatus copies what there is to say about n.
func (p *plan) serviceStatus(now instant, n *node, holder *node) ServiceStatus {
	s := ServiceStatus{
		Name: n.name, Path: p.path + "/" + n.name, Token: ServiceToken{n},
		State: n.state, Since: p.wall(n.since), Restart: n.conf().Restart, Significant: n.conf().Significant,
		Incarnation: uint64(n.runs), Restarts: uint64(max(n.runs, 1) - 1), Failures: n.history(), Stopping: p.causeText(n),
	}
	if n.run != nil {
		s.Annotations = n.run.annotations()
	}
	if n.rare != nil {
		s.Failed = n.rare.failed
	}
	if n.ownBudget() {
		b := n.conf().Backoff
		s.Limit, s.Within = b.Limit, b.Within
		s.Recent = n.more().budget.count(b, now)
	}
	p.explainWait(n, holder, &s)
	return s
}

// explainWait says why n does not run although it should.
func (p *plan) explainWait(n, holder *node, s *ServiceStatus) {
	switch {
	case n.want != wantUp:
	case n.state == StateBackoff && n.ownBudget():
		s.WaitingFor, s.WaitingUntil = "its delay", p.wall(n.rare.until)
	case n.state == StateBackoff:
		s.WaitingFor, s.WaitingUntil = "the pause of its supervisor", p.wall(p.ends)
	case n.state == StateStuck:
		s.WaitingFor = "its last run to end"
	case n.state != StatePending:
	case p.phase == idle:
		s.WaitingFor = "its supervisor to be served"
	case p.phase == serving:
		s.WaitingFor = "its turn"
		if p.inGroup(n) {
			s.WaitingFor = "its group"
		}
		if holder != nil && holder != n {
			s.HeldBy = p.path + "/" + holder.name
		}
	}
}
