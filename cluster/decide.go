package cluster

import (
	"slices"

	"github.com/tend-go/tend/cluster/internal/store"
)

// decide looks at what the last message, or the time, has made due.
func (p *plan) decide() {
	if p.lease.phase == live && p.now >= p.lease.end() {
		p.lose()
	}
	for b := range p.books.all() {
		p.decideBook(b)
	}
	p.wishes()
	p.decideMember()
	p.decideRelease()
	p.decideLease()
	if p.now >= p.look {
		p.look = never
		p.lookAround()
	}
	p.decideEnd()
}

func (p *plan) decideBook(b *book) {
	switch b.state {
	case held:
		p.decideHeld(b)
	case parked:
		p.decideParked(b)
	case waiting:
		if p.now >= b.next {
			p.forget(b)
		}
	default: // an answer, a return or the view ends it
	}
	if b.state == told && !b.overran && p.now >= p.overrunAt(b) {
		b.overran = true
		p.tellOf(KindOverran, Event{Claim: p.claim(b)})
		p.do(overrun{p.claim(b)})
	}
}

// overrunAt is when a told service must have returned: not at once, as a process that was
// paused is told everything when it wakes.
func (p *plan) overrunAt(b *book) instant {
	return max(p.lease.until(), b.since+p.lease.margin/10)
}

func (p *plan) decideHeld(b *book) {
	switch {
	case p.now >= p.tellAt(b):
		b.again = true
		p.tell(b, ErrLost)
	case p.broken != nil:
		p.tell(b, ErrLost)
	case p.leaving:
		p.tell(b, p.cause)
	case !p.wanted(b.id):
		p.tell(b, p.roles[b.id.role].cause)
	}
}

func (p *plan) tellAt(b *book) instant {
	return p.lease.tellAt(p.roles[b.id.role].timeout)
}

// decideParked has a claim's service run if the lease lasts. It is that of the claim
// before, with the same token, if the claim was told and the lease lives after all, or its
// service left with its role.
func (p *plan) decideParked(b *book) {
	switch {
	case !p.wanted(b.id):
		b.state, b.next = releasing, p.now
	case p.now < p.tellAt(b):
		b.state, b.again, b.overran = held, false, false
		p.do(start{p.claim(b), b.lease})
	}
}

// decideMember makes and changes the member key.
func (p *plan) decideMember() {
	if p.lease.phase != live || p.member.busy || p.now < p.member.next || !p.view.ready {
		return
	}
	other, taken := p.view.members[p.name]
	switch {
	case p.member.token == 0 && p.stopping():
	case p.member.token == 0 && taken && other.Lease != p.lease.id:
		p.nagName()
	case p.member.token == 0:
		p.member.busy = true
		p.do(register{p.lease.id, p.wish})
	case p.member.said != p.wish:
		p.member.busy = true
		p.do(update{p.lease.id, p.wish, p.member.token})
	}
}

// decideRelease deletes the keys of what does not run any more; not before others know
// that the node takes it no more, lest they wait for it.
func (p *plan) decideRelease() {
	if p.withheld() {
		return
	}
	for b := range p.books.all() {
		if b.state == releasing && !b.busy && p.now >= b.next {
			b.busy = true
			p.do(remove{b.id, b.token})
		}
	}
}

// withheld: others do not know yet what the node takes from now on.
func (p *plan) withheld() bool {
	return p.member.token != 0 && !p.member.failed && p.member.said != p.wish
}

// decideLease sends what is due of the lease. A lease that is over is revoked as soon as
// nothing runs under it: an engine that restarts would give it its whole time again.
func (p *plan) decideLease() {
	switch s := &p.lease; {
	case s.renewable(p.now):
		s.busy = true
		p.do(renew{s.id})
	case s.busy || p.now < s.next:
	case s.phase == over && !p.running():
		s.busy = true
		p.do(revoke{s.id})
	case s.phase == away && !p.stopping():
		s.busy = true
		p.do(open{})
	}
}

func (p *plan) running() bool {
	for b := range p.books.all() {
		if b.runs() {
			return true
		}
	}
	return false
}

// decideEnd ends the lease of a node that leaves, and then the node.
func (p *plan) decideEnd() {
	if !p.stopping() || p.running() || p.lease.busy && p.lease.phase != live {
		return
	}
	switch {
	case p.lease.phase == away || p.broken != nil:
		p.end()
	case p.lease.phase == live && !p.owes():
		p.lease.lose(p.now)
		p.lease.busy = true
		p.do(deadline{p.lease.id, -never})
		p.do(revoke{p.lease.id})
	}
}

// owes: a key is to be deleted, and it has not been tried in vain.
func (p *plan) owes() bool {
	for b := range p.books.all() {
		if b.state == releasing && (b.busy || p.now >= b.next) {
			return true
		}
	}
	return false
}

func (p *plan) end() {
	if p.finished {
		return
	}
	p.finished = true
	err := p.broken
	if p.leaving {
		err = nil
		p.tellOf(KindLeft, Event{Lasted: p.now - p.began, Err: p.unrevoked})
	}
	p.do(finish{err})
}

// wake is when something is due that no message will tell of.
func (p *plan) wake() instant {
	at := min(p.look, p.stale)
	if !p.lease.busy && !(p.lease.phase == over && p.running()) && !(p.lease.phase == away && p.stopping()) {
		at = min(at, p.lease.next)
	}
	if p.lease.phase == live {
		at = min(at, p.lease.end(), p.wakeMember())
	}
	for b := range p.books.all() {
		at = min(at, p.wakeBook(b))
	}
	return at
}

func (p *plan) wakeMember() instant {
	if p.member.busy || !p.view.ready || p.member.token != 0 && p.member.said == p.wish || p.member.token == 0 && p.stopping() {
		return never
	}
	return p.member.next
}

func (p *plan) wakeBook(b *book) instant {
	switch {
	case b.state == held && p.roles[b.id.role].served:
		return p.tellAt(b)
	case b.state == held:
		return min(p.tellAt(b), p.roles[b.id.role].keep)
	case b.state == told && !b.overran:
		return p.overrunAt(b)
	case b.state == waiting, b.state == releasing && !b.busy && !p.withheld():
		return b.next
	}
	return never
}

// lookAround compares what the node has with what it should have. It is the only place
// that reads the placement, and never the one that decides who owns: the engine does.
func (p *plan) lookAround() {
	p.adopt()
	p.backlog = false
	p.tally()
	for _, r := range p.sortedRoles() {
		if p.view.isNews(r.role) {
			p.do(show{r.role})
		}
		if p.ready() && r.served && p.agree(r) {
			p.lookAt(r)
		}
	}
	p.view.shown()
}

// ready: the node is up.
func (p *plan) ready() bool {
	return p.lease.phase == live && p.member.token != 0 && p.view.ready && !p.stopping()
}

// adopt takes on the books what is under the lease and on none: an answer was lost.
func (p *plan) adopt() {
	if p.lease.phase != live {
		return
	}
	var orphans []*book
	for id, e := range p.view.claims {
		if e.lease == p.lease.id && p.books.of(id) == nil {
			orphans = append(orphans, &book{id: id, lease: e.lease, token: e.token})
		}
	}
	slices.SortFunc(orphans, func(a, b *book) int { return a.id.compare(b.id) })
	for _, b := range orphans {
		p.books.add(b)
		p.gain(b, b.token)
		p.decideBook(b)
	}
}

// agree says that the fleet has the number of shards that the role has here. As long as
// somebody owns a shard under another number nothing is taken; then the number is set.
func (p *plan) agree(r *part) bool {
	n, ok := p.view.counts[r.role]
	switch {
	case ok && n == countOf(r.shards):
		return true
	case r.looks, r.counting, p.view.hasClaims(r.role): // one that only looks sets no number
	case p.now < r.recount:
		p.lookBy(r.recount)
		return false
	default:
		r.counting = true
		p.do(count{r.role, r.shards})
		return false
	}
	if !ok {
		return false
	}
	if r.nagged == -never || p.now-r.nagged >= nagging {
		r.nagged = p.now
		p.tellOf(KindShardsDiffer, Event{Claim: Claim{Role: r.role}})
	}
	p.lookBy(r.nagged + nagging) // whatever has it looked at meanwhile
	return false
}

func (p *plan) lookBy(at instant) { p.look = min(p.look, at) }

func (p *plan) guard(r *part) store.Guard {
	return store.Guard{Key: p.view.keys.shards(r.role), Value: countOf(r.shards)}
}
