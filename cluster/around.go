package cluster

import (
	"maps"
	"slices"
)

func (p *plan) sortedRoles() (parts []*part) {
	for _, name := range slices.Sorted(maps.Keys(p.roles)) {
		parts = append(parts, p.roles[name])
	}
	return parts
}

// A sight is a role as it looks to the node at one moment.
type sight struct {
	*part
	members []candidate
	even    bool // all members place by the same rules
	takers  bool // there are members that take the role, be it none of it
	owners  []string
	placed  []string
}

func (p *plan) lookAt(r *part) {
	s := sight{part: r, owners: p.view.owners(r.role, r.count())}
	s.members, s.even = p.view.candidates(r.role, r.shards)
	s.takers = p.view.hasTakers(r.role, r.shards)
	s.placed = place(r.role, s.members, s.owners)
	p.noteFree(s)
	for shard, placed := range s.placed {
		id := shardID{r.role, shard}
		switch b := p.books.of(id); {
		case b != nil && b.state == held && placed != "" && placed != p.name:
			p.handOver(s, b)
		case b == nil && s.owners[shard] == "" && p.wanted(id):
			p.claimFree(s, id)
		}
	}
}

// noteFree notes since when shards are free, and says so of those that nobody comes for.
func (p *plan) noteFree(s sight) {
	for shard := range s.owners {
		if _, ok := p.view.claims[shardID{s.role, shard}]; ok {
			delete(s.free, shard)
			delete(s.told, shard)
			delete(s.desert, shard)
			continue
		}
		if _, ok := s.free[shard]; !ok {
			s.free[shard] = p.now
		}
		p.noteLong(s, shard)
		p.noteDesert(s, shard)
	}
}

func (p *plan) noteLong(s sight, shard int) {
	switch at := s.free[shard] + 2*p.lease.ttl; {
	case s.told[shard]:
	case p.now < at:
		p.lookBy(at)
	default:
		s.told[shard] = true
		p.tellOf(KindFree, Event{Claim: p.view.claim(shardID{s.role, shard})})
	}
}

func (p *plan) noteDesert(s sight, shard int) {
	if s.placed[shard] == "" && s.takers && !s.desert[shard] {
		s.desert[shard] = true
		p.tellOf(KindDeclinedByAll, Event{Claim: p.view.claim(shardID{s.role, shard})})
	}
}

// handOver tells a service whose shard another member should have, once the members have
// been the same for a while and if not too many are under way.
func (p *plan) handOver(s sight, b *book) {
	at := max(later(p.view.since, p.settle), b.keep)
	switch {
	case !s.even:
	case p.now < at:
		p.lookBy(at)
	case p.moving < p.moves:
		b.moved = true
		p.moving++
		p.tell(b, ErrMoved)
	}
}

// tally counts what is being claimed and handed over. Who outlives its timeout does not
// count.
func (p *plan) tally() {
	p.claiming, p.moving = 0, 0
	for b := range p.books.all() {
		late := b.since + p.roles[b.id.role].timeout
		switch {
		case b.state == claiming:
			p.claiming++
		case !b.moved || b.state == released || b.state == told && p.now >= late:
		default:
			p.moving++
			if b.state == told {
				p.lookBy(late)
			}
		}
	}
}

// claimFree asks for a free shard: at once if it is placed here, else when those have had
// their time that come before. The node claims nothing when it is only just up, so that
// nodes which start together share from the beginning.
func (p *plan) claimFree(s sight, id shardID) {
	at := max(p.member.up+p.lease.ttl/10, p.claimAt)
	standIn := s.placed[id.shard] != p.name
	if standIn {
		r, ok := rank(s.role, s.members, id.shard, s.placed[id.shard], p.name)
		if !ok {
			return
		}
		at = max(at, s.free[id.shard]+instant(r+1)*p.lease.ttl/5)
	}
	switch {
	case p.now < at:
		p.lookBy(at)
	case p.claiming < atOnce:
		p.ask(s.part, id, standIn)
	default:
		p.backlog = true
	}
}

func (p *plan) ask(r *part, id shardID, standIn bool) {
	p.ops++
	p.claiming++
	b := &book{id: id, state: claiming, lease: p.lease.id, op: p.ops}
	if standIn {
		b.keep = p.now + declined
	}
	p.books.add(b)
	p.do(create{p.ops, id, p.lease.id, p.guard(r)})
}
