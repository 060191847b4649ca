package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	known atomic.Pointer[knowledge]
	ctx   atomic.Pointer[context.Context] // of Serve

	serving atomic.Bool

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

// knowledge is the claims of all shards, as of a revision of the engine.
type knowledge struct {
	claims   []Claim
	revision int64
}

func (p *post) timeout() time.Duration { return p.spec.Tree.Timeout }

// Serve takes part in the role until ctx ends.
func (p *post) Serve(ctx context.Context) error {
	if !p.serving.CompareAndSwap(false, true) {
		panic(fmt.Sprintf("tend/cluster: role %q is already being served", p.name))
	}
	defer p.serving.Store(false)
	p.revive()
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

func (p *post) show(k knowledge) {
	p.known.Store(&k)
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
	for _, c := range known.claims {
		if c.Token == 0 {
			free++
		} else if c.Owner.Name == p.node.options.Name {
			here++
		}
	}
	return []slog.Attr{slog.String("here", fmt.Sprintf("%d of %d", here, len(known.claims))), slog.Int("free", free)}
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
		return known.claims[shard]
	}
	return Claim{Role: p.name, Shard: shard, Key: fleetKeys(p.node.options.Fleet).claim(shardID{p.name, shard})}
}

// unseen is a claim that somebody has named, or none if this node has seen as much: then it
// knows better whether that one is over.
func (p *post) unseen(named Claim) Claim {
	if known := p.known.Load(); known != nil && known.revision >= named.Token {
		return Claim{}
	}
	return named
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
	if err == nil && !s.Wanted && s.State != tend.StateDone && !errors.Is(s.Stopping.Err, tend.ErrRemoved) {
		p.down[h.claim.Shard] = h.claim.Token
	} else {
		delete(p.down, h.claim.Shard)
	}
}

// drop forgets a hold of which nothing runs any more.
func (p *post) drop(h *hold) {
	p.unlist(h.token)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds[h.claim.Shard] == h {
		delete(p.holds, h.claim.Shard)
	}
	p.tellNews()
}
