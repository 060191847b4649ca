package tend

import (
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/treepath"
)

// status fills in what the plan knows, and calls each with every service and its
// place in the list.
func (p *plan) status(now instant, s *Status, each func(i int, n *node)) {
	s.Serving = p.phase != idle
	s.Started = s.Serving && p.started
	if p.phase == ceasing {
		s.Stopping = p.stop.cause
	}
	s.Strategy, s.Ordered = p.spec.Strategy, p.spec.Ordered
	s.Time, s.Count = p.wall(now), p.failures.level(now, p.spec.FailureDecay)
	s.Threshold, s.Decay = p.spec.FailureThreshold, p.spec.FailureDecay
	if p.pause.on {
		s.PausedUntil = p.wall(p.pause.ends)
	}
	holder := p.holdup()
	l := p.listing()
	s.Services = make([]ServiceStatus, 0, min(l.size(), p.size()))
	for n := p.first; n != nil && l.size() > 0; n = n.next {
		if n.seat().holder() != n || !l.has(n) {
			continue
		}
		each(len(s.Services), n.shown())
		s.Services = append(s.Services, p.serviceStatus(now, n, s.Path, holder))
	}
	s.Idle = p.size() - len(s.Services)
}

// mostMembers is how many members of a group a status lists.
const mostMembers = 1000

// listing is how many of each kind are still to be listed: members of a group that are in
// trouble come before others.
type listing struct{ others, troubled, untroubled int }

func (p *plan) listing() listing {
	others := p.size() - p.members
	if p.members <= mostMembers {
		return listing{others, p.members, p.members}
	}
	troubled := min(mostMembers, p.tally[StateBackoff]+p.tally[StateFailed]+p.tally[StateStuck]) // of others, too
	return listing{others, troubled, mostMembers - troubled}
}

func (l *listing) size() int { return l.others + l.troubled + l.untroubled }

// has says whether n is to be listed, and counts it.
func (l *listing) has(n *node) bool {
	left := &l.others
	switch {
	case !n.is(isMember):
	case inTrouble(n.state):
		left = &l.troubled
	default:
		left = &l.untroubled
	}
	if *left == 0 {
		return false
	}
	*left--
	return true
}

// holdup is the service for which others have to wait now, nil if there is none.
func (p *plan) holdup() *node {
	if p.turn.group == nil {
		return p.turn.cursor
	}
	for n := p.last; n != nil && p.inGroup(n); n = n.prev {
		if n.is(alive) || p.delaysGroup(n) {
			return n
		}
	}
	return nil
}

// serviceStatus copies what there is to say about n, of a supervisor at a path.
func (p *plan) serviceStatus(now instant, n *node, path string, holder *node) ServiceStatus {
	run := n.shown()
	s := ServiceStatus{
		Name: n.name, Path: treepath.Join(path, n.name), Token: ServiceToken{n.seat()},
		State: run.state, Since: p.wall(run.since), Restart: n.conf().Restart, Significant: n.conf().Significant,
		Wanted:      n.want == wantUp && n.state != StateDone && n.state != StateGone,
		Incarnation: n.number, Restarts: max(n.number, 1) - 1, Failures: n.history(), Stopping: p.stoppingFor(run),
	}
	if n.rare != nil {
		s.Failed = n.rare.failed
	}
	if other := run.other(); other != nil {
		s.Beside = Beside{other.state, p.wall(other.since), other.number}
	}
	s.Limit = n.conf().Limit
	if n.rare != nil { // a latent service without failures has none
		s.Recent = n.rare.tally.Count(now, s.Limit.window())
	}
	if by := p.stopLimit(run); by != never {
		s.StopBy = p.wall(by)
	}
	p.explainWait(run, holder, &s)
	return s
}

// fate is what is to become of n, which does not run or is about to again.
func (p *plan) fate(n *node) latent.Fate {
	switch {
	case n.state == StateGone:
		return latent.Gone
	case n.want == wantGone, n.state == StateFailed, p.phase == ceasing, p.phase == idle && p.stop != nil, p.isDoomed(): // before it is served they wait
		return latent.Over
	case n.state == StateSuspended, n.state == StateDone:
		return latent.Kept
	default:
		return latent.Again
	}
}

// What a service may wait for.
var (
	waitForDelay     = known(errDelay)
	waitForPause     = known(errPause)
	waitForTurn      = known(errTurn)
	waitForStart     = known(errStart)
	waitForGroup     = known(errGroup)
	waitForLastRun   = known(errLastRun)
	waitForNotServed = known(errNotServed)
	waitForStopping  = known(errStopping)
)

// explainWait says why n does not run although it should.
func (p *plan) explainWait(n, holder *node, s *ServiceStatus) {
	switch {
	case !s.Wanted:
	case n.state == StateBackoff && n.ownBudget():
		s.WaitingFor, s.WaitingUntil = waitForDelay, p.wall(n.rare.until)
	case n.state == StateBackoff:
		s.WaitingFor, s.WaitingUntil = waitForPause, p.wall(p.pause.ends)
	case n.state == StateStuck:
		s.WaitingFor = waitForLastRun
	case n.state != StatePending:
	case p.phase == ceasing || p.isDoomed():
		s.WaitingFor = waitForStopping
	case p.phase != serving: // the next time
		s.WaitingFor = waitForNotServed
	case n.slot > 0:
		s.WaitingFor = waitForStart
	case n.waits(): // for one that had another place
		s.WaitingFor, s.HeldBy = waitForLastRun, treepath.Join(p.path, n.comes().after.name)
	default:
		s.WaitingFor = waitForTurn
		if p.inGroup(n) {
			s.WaitingFor = waitForGroup
		}
		if holder != nil {
			s.HeldBy = treepath.Join(p.path, holder.name)
		}
	}
}
