package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
)

// A post is a role, whatever the type of its services: what runs here, and what is known
// of the rest.
type post struct {
	node  *Node
	name  string
	spec  Spec
	here  *tend.Supervisor
	begin func(shard int) tend.Service // nil: none runs here
	known atomic.Pointer[[]Claim]
	ctx   atomic.Pointer[context.Context] // of Serve

	mu     sync.Mutex
	holds  map[int]*hold // of each shard the latest, told or not, until nothing of it runs
	asking map[int]bool  // a claim is under way
	down   map[int]int64 // by shard the claim whose service was suspended when it was taken out
	news   chan struct{} // closed with each change

	noting sync.Mutex // while the role is annotated
	noted  instant    // when it was

	adding sync.Mutex // while a service is added, so that its events find it
	tokens map[tend.ServiceToken]*tenure
}

// A tenure is whose service it is that has the token in the supervisor here.
type tenure struct {
	hold *hold
	tell func(message) // to the loop
	down atomic.Bool   // that it is suspended was told
}

func (p *post) timeout() time.Duration { return p.spec.Tree.Timeout }

// Serve takes part in the role until ctx ends.
func (p *post) Serve(ctx context.Context) error {
	p.ctx.Store(&ctx)
	defer p.ctx.Store(nil)
	p.annotate(true)
	p.node.attach(takes{role: p.name, shards: p.spec.Shards, timeout: p.timeout(), weight: p.weigh(), looks: p.begin == nil})
	leave := sync.OnceFunc(func() { p.node.detach(p.leaving(context.Cause(ctx))) })
	quit := context.AfterFunc(ctx, leave)
	err := p.here.Serve(ctx)
	if quit() {
		p.node.detach(p.leaving(cmp.Or(err, tend.ErrStopped)))
		return err
	}
	leave()
	return err
}

// leaving: a restart of the group that the role is in, or of the role, is no fail-over.
func (p *post) leaving(cause error) detached {
	restart := errors.Is(cause, tend.ErrRestartRequested) || errors.Is(cause, tend.ErrSiblingFailed)
	return detached{p.name, cause, restart}
}

// weigh is the weight of this node; one that makes no sense is none.
func (p *post) weigh() (w float64) {
	if p.spec.Weigh == nil {
		return 1
	}
	defer func() {
		if r := recover(); r != nil || !(w > 0 && w <= maxWeight) {
			w = 0
		}
	}()
	return p.spec.Weigh(p.node.me())
}

// maxWeight is beyond what any fleet means, and far from Inf, which is no JSON.
const maxWeight = 1e12

func (p *post) count() int { return max(p.spec.Shards, 1) }

// changed wakes all who wait for news of the role. The lock of a hold may be held.
func (p *post) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tellNews()
}

func (p *post) tellNews() {
	close(p.news)
	p.news = make(chan struct{})
}

func (p *post) take(h *hold) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds[h.claim.Shard] = h
	p.tellNews()
}

func (p *post) asks(shard int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking[shard] = true
}

func (p *post) asked(shard int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asking, shard)
	p.tellNews()
}

func (p *post) show(claims []Claim) {
	p.known.Store(&claims)
	p.changed()
}

// forget: the node is not served any more. What it saw is of no use to anybody, and what it
// asked for will not come.
func (p *post) forget() {
	p.known.Store(nil)
	p.annotate(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.asking)
	p.tellNews()
}

// annotate shows what there is of the role, here and in the fleet, and at most once a second
// unless it is to be now. false: it is too early. Of two at once the later one shows what is
// known by then.
func (p *post) annotate(now bool) bool {
	p.noting.Lock()
	defer p.noting.Unlock()
	ctx := p.ctx.Load()
	if ctx == nil {
		return true // not served
	}
	at := p.node.now()
	if !now && at-p.noted < time.Second {
		return false
	}
	p.noted = at
	tend.Annotate(*ctx, p.notes()...)
	return true
}

func (p *post) notes() []slog.Attr {
	if p.spec.Shards == 0 {
		c := p.claim(0)
		return []slog.Attr{slog.String("owner", c.Owner.Name), slog.Int64("token", c.Token)}
	}
	known := p.known.Load()
	if known == nil {
		return []slog.Attr{slog.String("here", fmt.Sprintf("0 of %d", p.count())), slog.String("free", "unknown")}
	}
	here, free := 0, 0
	for _, c := range *known {
		if c.Token == 0 {
			free++
		} else if c.Owner.Name == p.node.options.Name {
			here++
		}
	}
	return []slog.Attr{slog.String("here", fmt.Sprintf("%d of %d", here, len(*known))), slog.Int("free", free)}
}

// sight is what there is to know of a shard at one moment, and what tells of the next.
func (p *post) sight(shard int) (h *hold, asking bool, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holds[shard], p.asking[shard], p.news
}

// claim is who has a shard, as far as this node knows.
func (p *post) claim(shard int) Claim {
	if known := p.known.Load(); known != nil {
		return (*known)[shard]
	}
	return Claim{Role: p.name, Shard: shard, Key: fleetKeys(p.node.options.Fleet).claim(shardID{p.name, shard})}
}

// add gives the service its place. What it does at once waits for its name. It fails if the
// supervisor here takes no more.
func (p *post) add(h *hold, child tend.Child, tell func(message)) error {
	p.adding.Lock()
	defer p.adding.Unlock()
	token := p.here.Add(child)
	if token == (tend.ServiceToken{}) {
		return fmt.Errorf("tend/cluster: %s/%d: %w", h.claim.Role, h.claim.Shard, tend.ErrTooManyServices)
	}
	h.token, h.added = token, true
	p.tokens[token] = &tenure{hold: h, tell: tell}
	if h.down != nil {
		_ = p.here.Suspend(token) // it is there
		close(h.down)
	}
	return nil
}

// wasDown: the service of the claim was suspended when it was taken out here.
func (p *post) wasDown(c Claim) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down[c.Shard] == c.Token
}

// noteDown remembers whether the service is suspended, or about to be, as the claim may be
// back: it was told when its lease was near the end, and then that lives on.
func (p *post) noteDown(h *hold) {
	s, err := p.here.ServiceStatus(h.token)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !s.Wanted && s.State != tend.StateDone {
		p.down[h.claim.Shard] = h.claim.Token
	} else {
		delete(p.down, h.claim.Shard)
	}
}

// drop forgets a hold of which nothing runs any more.
func (p *post) drop(h *hold) {
	p.adding.Lock()
	delete(p.tokens, h.token)
	p.adding.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds[h.claim.Shard] == h {
		delete(p.holds, h.claim.Shard)
	}
	p.tellNews()
}

// hear learns from the tree which services have left or given up by themselves, are
// suspended, or ready.
func (p *post) hear(e tend.Event) {
	switch e := e.(type) {
	case tend.ServiceGaveUp:
		p.gone(e.Token, e.Err.Err)
	case tend.ServiceEnded:
		switch {
		case e.Next == tend.StateSuspended:
			p.suspended(e.Token)
		case p.isEnd(e.Cause, e.Next):
			p.gone(e.Token, cmp.Or(e.Err.Err, e.Cause.Err))
		}
	case tend.ServiceChanged:
		switch {
		case e.Next == tend.StateSuspended:
			p.suspended(e.Token)
		case p.isEnd(e.Cause, e.Next):
			p.gone(e.Token, e.Cause.Err)
		}
	case tend.ServiceReady:
		p.ready(e.Token, e.Incarnation)
	case tend.EventsDropped:
		p.search()
	default: // the tree's own affair
	}
}

// isEnd: a service will not run here again, by its own wish, by that of somebody who has
// removed it, or because it left with the others here. That all of the role stops is no
// reason to decline anything, and has other causes; but for the last.
func (p *post) isEnd(cause tend.Reason, next tend.State) bool {
	if next != tend.StateGone && next != tend.StateDone {
		return false
	}
	return cause.IsZero() || errors.Is(cause.Err, tend.ErrRemoved) || errors.Is(cause.Err, tend.ErrSiblingFailed) && p.isServed()
}

func (p *post) isServed() bool {
	ctx := p.ctx.Load()
	return ctx != nil && (*ctx).Err() == nil
}

// search finds by status what events would have told. Of one that is suspended they may have
// told before the loss.
func (p *post) search() {
	p.adding.Lock()
	tokens := slices.Collect(maps.Keys(p.tokens))
	p.adding.Unlock()
	for _, token := range tokens {
		switch s, err := p.here.ServiceStatus(token); {
		case err != nil || s.State == tend.StateDone || s.State == tend.StateFailed:
			p.gone(token, err)
		case s.State == tend.StateSuspended:
			p.suspendedUntold(token)
		case s.State == tend.StateRunning:
			p.ready(token, s.Incarnation)
		}
	}
}

func (p *post) gone(token tend.ServiceToken, err error) {
	if t := p.tenure(token); t != nil && t.hold.told() == nil { // else it was taken out, and may be back under the same claim
		t.tell(ended{t.hold.id(), t.hold.claim.Token, err})
	}
}

func (p *post) suspended(token tend.ServiceToken) {
	if t := p.tenure(token); t != nil {
		t.down.Store(true)
		t.tell(suspended{t.hold.id(), t.hold.claim.Token})
	}
}

func (p *post) suspendedUntold(token tend.ServiceToken) {
	if t := p.tenure(token); t != nil && !t.down.Load() {
		p.suspended(token)
	}
}

func (p *post) ready(token tend.ServiceToken, incarnation uint64) {
	if t := p.tenure(token); t != nil {
		t.down.Store(false)
		t.hold.getReady(incarnation)
	}
}

// tenure is that of a service, or nil: it is one further down.
func (p *post) tenure(token tend.ServiceToken) *tenure {
	p.adding.Lock()
	defer p.adding.Unlock()
	return p.tokens[token]
}
