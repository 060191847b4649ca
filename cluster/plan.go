package cluster

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

const (
	calm     = 5 * time.Millisecond // how long after a change of the view the plan looks at the whole
	declined = 10 * time.Minute     // for how long a member declines, and keeps what it took in another's place
	atOnce   = 16                   // claims under way
	nagging  = time.Minute          // between two events about the same trouble
)

// takes is a role as it is served here. shards 0: a singleton.
type takes struct {
	role    string
	shards  int
	timeout time.Duration
	weight  float64
	looks   bool // it takes none, and only looks up
}

func (t takes) count() int { return max(t.shards, 1) }

// A plan is what a node decides: a message in, effects out. It holds no goroutine, clock,
// channel or lock, so that its rules can be tested by the hundred thousand.
type plan struct {
	name   string
	self   memberValue // without its roles
	settle time.Duration
	moves  int

	lease  session
	view   view
	member membership
	roles  map[string]*part
	books  ledger
	ops    uint64
	wish   string // what the member key should say, until stale
	stale  instant
	// As of the last look: what is being claimed, and handed over. Backlog: more is to be
	// claimed than may be asked for at once.
	claiming, moving int
	backlog          bool
	claimAt          instant // when claims may be asked for again, as one has failed
	look             instant // when to look at the whole; never: nothing is due
	robbed           []Claim // whose keys are gone, and nothing of which runs: see rob

	leaving  bool
	cause    error // of leaving
	broken   error // the engine has forgotten
	finished bool
	began    instant // when leaving began

	unrevoked error // why the last lease could not be ended
	trouble   trouble
	blind     int     // watches in a row that saw nothing
	fullAt    instant // when it was last told that the engine has no space

	now instant
	out []effect
}

// A part is what the node has to do with a role.
type part struct {
	takes
	served   bool
	keep     instant // not served until then, but about to be again
	cause    error   // why it is not served
	counting bool    // the number of shards is being set
	recount  instant // when that may be tried again
	nagged   instant // about the number of shards
	free     map[int]instant
	told     map[int]bool // of free: there has been an event
	declines map[int]instant
	desert   map[int]bool // declined by all: there has been an event
}

// A membership is the node's own key.
type membership struct {
	token  int64
	lease  store.LeaseID
	said   string // what it says; "" if that is not known
	at     int64  // the revision at which it was said
	busy   bool
	failed bool // the last attempt to change it
	next   instant
	nagged instant // about the name
	up     instant // when it came up
}

func newPlan(o Options, floor int64) *plan {
	return &plan{
		name: o.Name, self: memberValue{Addr: o.Addr, Meta: o.Meta, Placement: placement},
		settle: o.Settle, moves: o.Moves,
		lease: session{ttl: o.TTL, margin: o.Margin},
		view:  newView(fleetKeys(o.Fleet), floor),
		roles: map[string]*part{}, books: newLedger(), look: never, trouble: noTrouble, fullAt: -never,
		member: membership{nagged: -never},
	}
}

// step takes messages and says what is to be done. Effects are to be carried out in order.
func (p *plan) step(now instant, messages ...message) []effect {
	p.now, p.out = now, nil
	if p.finished {
		return nil
	}
	for _, m := range messages {
		p.take(m)
	}
	p.decide()
	return p.out
}

func (p *plan) do(e effect) { p.out = append(p.out, e) }

func (p *plan) tellOf(kind Kind, e Event) {
	e.Kind, e.Member = kind, cmp.Or(e.Member, p.name)
	p.do(emit{e})
}

// glance has the whole looked at soon, when the view is calm.
func (p *plan) glance() { p.look = min(p.look, p.now+calm) }

func (p *plan) take(m message) {
	switch m := m.(type) {
	case opened:
		p.takeOpened(m)
	case renewed:
		p.takeRenewed(m)
	case revoked:
		p.takeRevoked(m)
	case registered:
		p.takeRegistered(m)
	case updated:
		p.takeUpdated(m)
	case counted:
		p.takeCounted(m)
	case saw:
		p.takeSaw(m)
	case unseen:
		p.takeUnseen(m)
	case created:
		p.takeCreated(m)
	case deleted:
		p.takeDeleted(m)
	case returned:
		p.takeReturned(m)
	case ended:
		p.takeEnded(m)
	case left:
		p.takeLeft(m)
	case suspended:
		p.takeSuspended(m)
	case attached:
		p.takeAttached(m)
	case detached:
		p.takeDetached(m)
	case stop:
		p.leaving, p.cause, p.began, p.stale = true, m.cause, p.now, p.now
	case due:
	}
}

func (p *plan) registered(token int64, said string) {
	p.member.token, p.member.lease, p.member.said, p.member.up = token, p.lease.id, said, p.now
	p.member.at = token
	p.tellOf(KindJoined, Event{})
	p.do(ready{})
	p.glance()
}

// never64 is a revision that no view reaches.
const never64 = int64(never)

// forget takes a book off; its shard is looked at anew.
func (p *plan) forget(b *book) {
	p.books.remove(b)
	p.glance()
}

// lose ends the lease: all is told.
func (p *plan) lose() {
	if p.lease.phase != live {
		return
	}
	p.lease.lose(p.now)
	p.do(deadline{p.lease.id, -never})
	p.tellOf(KindLeaseLost, Event{Owned: p.owned() + len(p.robbed)})
	p.robbed = nil
	for b := range p.books.all() {
		if b.state == held {
			p.tell(b, ErrLost)
		}
		if !b.runs() {
			p.forget(b)
		}
	}
	p.member = membership{nagged: p.member.nagged}
}

func (p *plan) tell(b *book, cause error) {
	b.state, b.cause, b.since = told, cause, p.now
	p.do(tell{b.id, b.token, cause})
}

func (p *plan) owned() (n int) {
	for b := range p.books.all() {
		if b.token != 0 && b.state != released {
			n++
		}
	}
	return n
}

// stopping: nothing new is begun.
func (p *plan) stopping() bool { return p.leaving || p.broken != nil }

// wanted says that the shard's service may run here, as far as the node's own will goes.
func (p *plan) wanted(id shardID) bool {
	r := p.roles[id.role]
	if p.stopping() || r == nil || r.looks || id.shard >= r.count() || p.now < r.declines[id.shard] {
		return false
	}
	return r.served || p.now < r.keep
}

func (p *plan) claim(b *book) Claim {
	return Claim{Role: b.id.role, Shard: b.id.shard, Token: b.token, Key: p.view.keys.claim(b.id), Owner: p.me()}
}

// me is the node as others see it.
func (p *plan) me() Member {
	return Member{Name: p.name, Addr: p.self.Addr, Meta: p.self.Meta, Roles: slices.Sorted(maps.Keys(p.value().Roles))}
}

// value is what the member key should say.
func (p *plan) value() memberValue {
	v := p.self
	v.Roles = map[string]roleValue{}
	for name, r := range p.roles {
		if p.stopping() || r.looks || !r.served && p.now >= r.keep {
			continue
		}
		v.Roles[name] = roleValue{Shards: r.shards, Weight: r.weight, Declines: r.declining(p.now)}
	}
	return v
}

// wishes makes the wish anew if it may be another one.
func (p *plan) wishes() {
	if p.now < p.stale {
		return
	}
	data, err := json.Marshal(p.value())
	if err != nil {
		panic("tend/cluster: a member that is no JSON: " + err.Error())
	}
	p.wish, p.stale = string(data), p.fresh()
}

// fresh is until when the wish is right if nothing else happens.
func (p *plan) fresh() instant {
	until := never
	for _, r := range p.roles {
		if !r.served && p.now < r.keep {
			until = min(until, r.keep)
		}
		for _, at := range r.declines {
			if p.now < at {
				until = min(until, at)
			}
		}
	}
	return until
}

// owns is the value of a claim's key.
func owns(name string) string {
	return `{"owner":` + strconv.Quote(name) + `}`
}

func (r *part) declining(now instant) (shards []int) {
	for shard, until := range r.declines {
		if now < until {
			shards = append(shards, shard)
		}
	}
	slices.Sort(shards)
	return shards
}
