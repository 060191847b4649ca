package cluster

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

// heard notes whether the engine does what it is asked for. ErrNoLease and ErrFull are answers.
func (p *plan) heard(what operation, head store.Head, err error) {
	if errors.Is(err, store.ErrFull) {
		p.nagFull(err)
	} else if err != nil && !errors.Is(err, store.ErrNoLease) {
		if p.trouble.fails(what, p.now) {
			p.tellOf(KindEngineLost, Event{Err: err})
		}
		return
	}
	if p.blind < 2 && p.trouble.isOver(what, p.now, p.lease.ttl/5) {
		p.tellOf(KindEngineBack, Event{Lasted: p.now - p.trouble.since})
		p.trouble = noTrouble
	}
	if head.Cluster != 0 {
		p.forgot(p.view.same(head))
	}
}

// nagFull says that somebody has to make space.
func (p *plan) nagFull(err error) {
	if p.fullAt == -never || p.now-p.fullAt >= nagging {
		p.fullAt = p.now
		p.tellOf(KindEngineFull, Event{Err: err})
	}
}

// forgot has all told: the engine would hand out tokens that were used.
func (p *plan) forgot(err error) {
	if err == nil || p.broken != nil {
		return
	}
	p.broken, p.stale = err, p.now
	p.tellOf(KindEngineChanged, Event{Err: err})
	p.lose()
}

func (p *plan) takeOpened(m opened) {
	p.heard(opening, m.head, m.err)
	if p.lease.phase != away {
		return // an answer that had been given up: that lease ends by itself
	}
	if m.err != nil {
		p.lease.failed(p.now)
		return
	}
	p.lease.granted(p.now, m)
	p.member = membership{nagged: p.member.nagged}
	p.do(deadline{m.lease, p.lease.until()})
}

func (p *plan) takeRenewed(m renewed) {
	if m.lease != p.lease.id || p.lease.phase != live {
		return
	}
	p.heard(renewing, m.head, m.err)
	switch {
	case errors.Is(m.err, store.ErrNoLease):
		p.lose()
	case m.err != nil:
		p.lease.failed(p.now)
	default:
		p.lease.prolong(p.now, m.sent)
		p.do(deadline{m.lease, p.lease.until()})
		p.tellRobbed()
	}
}

// tellRobbed: the lease lives, so it was somebody's hand that has deleted the keys.
func (p *plan) tellRobbed() {
	for _, c := range p.robbed {
		p.tellOf(KindReleased, Event{Claim: c})
	}
	p.robbed = nil
}

func (p *plan) takeRevoked(m revoked) {
	if m.lease != p.lease.id || p.lease.phase != over {
		return
	}
	p.heard(revoking, store.Head{}, m.err)
	p.lease.busy = false
	if m.err != nil && !errors.Is(m.err, store.ErrNoLease) {
		p.lease.failed(p.now)
		if p.stopping() {
			p.unrevoked = m.err // it ends by itself
			p.end()
		}
		return
	}
	p.lease.phase, p.lease.next = away, p.now
	if m.err == nil {
		p.tellRobbed()
	} else if n := len(p.robbed); n > 0 { // it had ended, and its keys with it
		p.tellOf(KindLeaseLost, Event{Owned: n})
		p.robbed = nil
	}
	for b := range p.books.all() {
		if b.state == releasing { // of a node that leaves: the answer to its delete was lost
			p.tellOf(KindReleased, Event{Claim: p.claim(b)})
			p.forget(b)
		}
	}
}

func (p *plan) takeRegistered(m registered) {
	if m.lease != p.lease.id || p.lease.phase != live {
		return
	}
	p.heard(registering, m.answer.Head, m.err)
	p.member.busy = false
	switch e := m.answer.Entry; {
	case errors.Is(m.err, store.ErrNoLease):
		p.lose()
	case m.err != nil:
		p.member.next = p.now + retry
	case m.answer.Done: // what has changed meanwhile is said at once: others wait for it
		p.registered(e.Token, m.value)
	case e.Lease == p.lease.id:
		p.registered(e.Token, "") // an answer was lost
	default:
		p.nagName()
	}
}

// nagName says that another process has the name, or that this one had it a moment ago.
func (p *plan) nagName() {
	if p.member.nagged == -never || p.now-p.member.nagged >= nagging {
		p.member.nagged = p.now
		p.tellOf(KindNameTaken, Event{})
	}
	p.member.next = p.now + retry
}

func (p *plan) takeUpdated(m updated) {
	if m.lease != p.member.lease || !p.member.busy {
		return
	}
	p.heard(updating, m.answer.Head, m.err)
	p.member.busy = false
	p.member.failed = m.err != nil
	switch {
	case m.err != nil: // it may have been done, or will be
		p.member.said, p.member.next = "", p.now+retry
	case m.answer.Done:
		p.member.said, p.member.at = m.value, m.answer.Revision
	default:
		p.member.token, p.member.said = 0, "" // somebody deleted it
	}
}

// takeUnseen: one watch may end at any time. Two that saw nothing are trouble, also if the
// engine answers all else, as to somebody who may not read.
func (p *plan) takeUnseen(m unseen) {
	if p.blind++; p.blind >= 2 {
		p.heard(watching, store.Head{}, m.err)
	}
}

// takeCounted: the number was tried to be set. The view tells how that went; as long as it
// does not, it is tried again, and not at once.
func (p *plan) takeCounted(m counted) {
	p.heard(counting, m.head, m.err)
	r := p.roles[m.role]
	r.counting, r.recount = false, p.now+retry
	p.lookBy(r.recount)
	p.glance()
}

func (p *plan) takeSaw(m saw) {
	p.blind = 0
	before := p.view.members
	if err := p.view.apply(p.now, m.batch); err != nil {
		p.forgot(err)
		return
	}
	p.heard(watching, store.Head{}, nil)
	p.tellMembers(before)
	p.correct(m.batch)
	p.glance()
}

func (p *plan) tellMembers(before map[string]memberEntry) {
	for _, name := range slices.Sorted(maps.Keys(p.view.members)) {
		if _, ok := before[name]; !ok && name != p.name {
			p.tellOf(KindMemberJoined, Event{Member: name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := p.view.members[name]; !ok && name != p.name {
			p.tellOf(KindMemberLeft, Event{Member: name})
		}
	}
	p.do(show{})
}

// correct compares the books with what the view has since a batch.
func (p *plan) correct(batch store.Batch) {
	switch own := p.view.members[p.name]; {
	case p.member.token == 0 || p.view.head.Revision < p.member.token:
	case own.Token != p.member.token:
		p.member.token, p.member.said = 0, ""
	case !p.member.busy && p.view.head.Revision >= p.member.at && own.Value != p.member.said: // an earlier update came late
		p.member.said = ""
	}
	for b := range p.books.all() {
		if (b.state == waiting || b.state == released) && p.view.head.Revision >= b.seen {
			p.forget(b)
		} else if batch.Snapshot {
			p.correctBook(b)
		}
	}
	for _, c := range batch.Changes {
		if id, ok := p.view.idOf(c); ok && !batch.Snapshot && p.books.of(id) != nil {
			p.correctBook(p.books.of(id))
		}
	}
}

// correctBook ends a claim whose key is gone or another's.
func (p *plan) correctBook(b *book) {
	if p.view.head.Revision < b.token || p.view.claims[b.id].token == b.token {
		return
	}
	switch b.state {
	case claiming, waiting:
	case told:
		b.gone = true
	case held, parked, releasing, released:
		p.drop(b)
	}
}

// drop ends a claim that is not the node's any more.
func (p *plan) drop(b *book) {
	b.gone = true
	if b.state == held {
		p.tell(b, ErrLost)
		return
	}
	switch b.state { //nolint:exhaustive // of the others nothing was told, or all
	case releasing: // the view is faster than the answer, or that was lost
		p.tellOf(KindReleased, Event{Claim: p.claim(b)})
	case parked:
		p.rob(b)
	}
	p.forget(b)
}

// rob notes that the key of a claim is gone under a lease that seems to live. What that was the
// next answer about the lease tells: its end, or somebody's hand.
func (p *plan) rob(b *book) {
	if b.lease == p.lease.id && p.lease.phase == live {
		p.robbed = append(p.robbed, p.claim(b))
	}
}

func (p *plan) takeCreated(m created) {
	p.heard(creating, m.answer.Head, m.err)
	b := p.books.of(m.id)
	if b == nil || b.state != claiming || b.op != m.op {
		return // the view will tell
	}
	if p.claiming--; m.err != nil {
		p.claimAt = p.now + retry
	} else if p.backlog && p.claiming <= atOnce/2 {
		p.look = p.now
	}
	switch e := m.answer.Entry; {
	case errors.Is(m.err, store.ErrNoLease):
		p.forget(b)
		p.lose()
	case m.err != nil:
		b.state, b.next, b.seen = waiting, p.now+retry, never64
	case e.Lease == b.lease:
		p.gain(b, e.Token)
		p.correctBook(b) // the view may be ahead
	default:
		b.state, b.next, b.seen = waiting, p.now+time.Second, m.answer.Revision
		if p.view.head.Revision >= b.seen {
			p.forget(b)
		}
	}
}

// gain has a claim on the books that is under the lease, and has nothing run yet.
func (p *plan) gain(b *book, token int64) {
	b.state, b.token = parked, token
	p.tellOf(KindClaimed, Event{Claim: p.claim(b)})
}

func (p *plan) takeDeleted(m deleted) {
	p.heard(deleting, m.answer.Head, m.err)
	b := p.books.of(m.id)
	if b == nil || b.state != releasing || b.token != m.token {
		return
	}
	b.busy = false
	if m.err != nil {
		b.next = p.now + retry
		return
	}
	p.tellOf(KindReleased, Event{Claim: p.claim(b)})
	b.state, b.seen = released, m.answer.Revision
	p.glance()
	if p.view.head.Revision >= b.seen {
		p.forget(b)
	} else {
		p.correctBook(b)
	}
}

func (p *plan) takeReturned(m returned) {
	b := p.books.of(m.id)
	if b == nil || b.state != told || b.token != m.token {
		return
	}
	switch {
	case b.gone || b.lease != p.lease.id || p.lease.phase != live:
		if b.gone {
			p.rob(b)
		}
		p.forget(b)
	case b.again:
		b.state = parked
	default:
		b.state, b.next = releasing, p.now
	}
}

func (p *plan) takeEnded(m ended) {
	b := p.books.of(m.id)
	if b == nil || b.state != held || b.token != m.token {
		return
	}
	p.tellOf(KindDeclined, Event{Claim: p.claim(b), Err: m.err})
	p.roles[m.id.role].declines[m.id.shard] = p.now + declined
	p.stale = p.now
	p.tell(b, ErrMoved)
}

// takeLeft has the service made anew under the same claim: it did not end by itself.
func (p *plan) takeLeft(m left) {
	if b := p.books.of(m.id); b != nil && b.state == held && b.token == m.token {
		b.again = true
		p.tell(b, nil)
	}
}

func (p *plan) takeSuspended(m suspended) {
	if b := p.books.of(m.id); b != nil && b.state == held && b.token == m.token {
		p.tellOf(KindSuspended, Event{Claim: p.claim(b)})
	}
}

func (p *plan) takeAttached(m attached) {
	p.stale = p.now
	r := p.roles[m.takes.role]
	if r == nil {
		r = &part{}
		p.roles[m.takes.role] = r
	}
	p.view.news.all = true // it was never shown
	*r = part{
		takes: m.takes, served: true, nagged: -never, counting: r.counting, recount: r.recount,
		free: map[int]instant{}, told: map[int]bool{}, declines: map[int]instant{}, desert: map[int]bool{},
	}
	p.glance()
}

func (p *plan) takeDetached(m detached) {
	p.stale = p.now
	r := p.roles[m.role]
	r.served, r.cause, r.keep = false, m.cause, p.now
	if m.restart {
		r.keep = p.now + p.lease.ttl
	}
}
