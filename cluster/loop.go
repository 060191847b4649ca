package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster/internal/store"
)

// A loop is one run of a node. It waits for nothing but messages: each operation of the
// engine is a goroutine with a deadline that sends one.
type loop struct {
	node   *Node
	ctx    context.Context // of the services' supervisor, for Ready
	base   context.Context // of operations; ends with the loop
	quit   context.CancelFunc
	plan   *plan
	inbox  *inbox
	keys   keys
	until  *lifetime
	holds  map[shardID]*hold // not told
	ending map[shardID]*hold // told, not returned, and Overrun was not called for it
	work   sync.WaitGroup
	noted  instant        // when the node was annotated; never: it was not
	behind map[*post]bool // roles whose annotations show less than is known
	done   bool
	err    error
}

// A lifetime is until when nobody else can have a claim under a lease.
type lifetime struct{ atomic.Int64 }

func newLoop(ctx context.Context, n *Node, floor int64) *loop {
	l := &loop{
		node: n, ctx: ctx, plan: newPlan(n.options, floor), inbox: newInbox(), keys: fleetKeys(n.options.Fleet),
		holds: map[shardID]*hold{}, ending: map[shardID]*hold{}, noted: never, behind: map[*post]bool{},
	}
	l.base, l.quit = context.WithCancel(context.WithoutCancel(ctx))
	return l
}

func (l *loop) run(ctx context.Context) error {
	l.work.Go(l.watch)
	defer l.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := ctx.Done()
	for {
		select {
		case <-stopping:
			stopping = nil
			l.inbox.put(stop{context.Cause(ctx)})
		case <-l.inbox.some:
		case <-timer.C:
		}
		l.step(l.inbox.take())
		if l.done {
			return l.err
		}
		l.arm(timer)
	}
}

// close ends what the loop began. After a panic nothing that is owned may go on: the
// lease is not renewed any more, and nobody but close looks at its end.
func (l *loop) close() {
	for id, h := range l.holds {
		h.lease.Store(int64(-never))
		h.tell(ErrLost)
		l.ending[id] = h
	}
	for _, h := range l.ending {
		l.work.Go(func() { l.end(h) })
	}
	l.quit()
	l.work.Wait()
}

// end has a service overrun that has not returned when it should have. See plan.overrunAt.
func (l *loop) end(h *hold) {
	left := max(l.plan.lease.until()-l.node.now(), l.node.options.Margin/10)
	timer := time.AfterFunc(left, func() { l.node.overran(h.claim) })
	defer timer.Stop()
	h.finish()
}

func (l *loop) arm(t *time.Timer) {
	at, now := l.plan.wake(), l.node.now()
	if len(l.behind) > 0 {
		at = min(at, now+time.Second)
	}
	if at != never {
		t.Reset(max(at-now, 0))
		return
	}
	t.Stop()
}

func (l *loop) step(messages []message) {
	for _, m := range messages {
		if r, ok := m.(returned); ok {
			delete(l.ending, r.id)
		}
	}
	for _, e := range l.plan.step(l.node.now(), messages...) {
		l.carryOut(e)
	}
	l.annotate()
	l.annotateRoles()
	for _, m := range messages {
		if c, ok := m.(created); ok {
			l.node.post(c.id.role).asked(c.id.shard)
		}
	}
}

func (l *loop) carryOut(e effect) {
	switch e := e.(type) {
	case open, renew, revoke, register, update, count, create, remove:
		l.operate(e)
	case start:
		l.start(e)
	case tell:
		l.tell(e)
	case overrun:
		delete(l.ending, shardID{e.claim.Role, e.claim.Shard})
		go l.node.overran(e.claim)
	case deadline:
		l.prolong(e)
	case show:
		l.show(e)
	case emit:
		l.node.reporter.put(e.event)
	case ready:
		tend.Ready(l.ctx)
	case finish:
		l.done, l.err = true, e.err
	}
}

// annotate shows how the node is, at most once a second; the next renewal shows what was
// left out. One that is under way is waited for, or its time would be shown when the next
// is sent.
func (l *loop) annotate() {
	p := l.plan
	if p.lease.busy || l.noted != never && p.now-l.noted < time.Second {
		return
	}
	l.noted = p.now
	engine := "up"
	if p.trouble != noTrouble || p.view.head.Cluster == 0 {
		engine = "away"
	}
	attrs := []slog.Attr{slog.String("engine", engine), slog.Int("members", len(p.view.members)), slog.Int("owns", p.owned())}
	if p.lease.phase == live {
		attrs = append(attrs, slog.String("lease", fmt.Sprintf("%x", int64(p.lease.id))), slog.Time("renewed", time.Now().Add(p.lease.t0-p.now)))
	}
	tend.Annotate(l.ctx, attrs...)
}

// annotateRoles leaves what comes too early for later: the loop looks again by itself.
func (l *loop) annotateRoles() {
	for p := range l.behind {
		if p.annotate(false) {
			delete(l.behind, p)
		}
	}
}

// operate sends a request, and the answer, or that there was none in time, to the loop.
func (l *loop) operate(e effect) {
	if c, ok := e.(create); ok {
		l.node.post(c.id.role).asks(c.id.shard)
	}
	sent := l.node.now()
	l.work.Go(func() {
		ctx, cancel := context.WithTimeout(l.base, l.node.options.TTL/5)
		defer cancel()
		l.inbox.put(l.request(ctx, sent, e))
	})
}

func (l *loop) request(ctx context.Context, sent instant, e effect) message {
	o := l.node.options
	switch e := e.(type) {
	case open:
		id, head, err := o.Engine.Open(ctx, o.TTL)
		return opened{sent, id, head, err}
	case renew:
		head, err := o.Engine.Renew(ctx, e.lease)
		return renewed{sent, e.lease, head, err}
	case revoke:
		return revoked{e.lease, o.Engine.Revoke(ctx, e.lease)}
	case register:
		a, err := o.Engine.Create(ctx, l.keys.member(o.Name), e.value, e.lease, store.Guard{})
		return registered{e.lease, e.value, a, err}
	case update:
		a, err := o.Engine.Update(ctx, l.keys.member(o.Name), e.value, e.token)
		return updated{e.lease, e.value, a, err}
	case count:
		a, err := o.Engine.SetIfNone(ctx, l.keys.shards(e.role), countOf(e.shards), l.keys.claims(e.role)) // the view tells
		return counted{e.role, a.Head, err}
	case create:
		a, err := o.Engine.Create(ctx, l.keys.claim(e.id), owns(o.Name), e.lease, e.guard)
		return created{e.op, e.id, a, err}
	case remove:
		a, err := o.Engine.Delete(ctx, l.keys.claim(e.id), e.token)
		return deleted{e.id, e.token, a, err}
	default:
		return due{} // it is no operation
	}
}

// watch keeps one watch, and never two: what it sends is in the order of revisions.
func (l *loop) watch() {
	o := l.node.options
	for l.base.Err() == nil {
		err := o.Engine.Watch(l.base, string(l.keys), o.TTL, func(b store.Batch) { l.inbox.put(saw{b}) })
		l.inbox.put(unseen{err})
		select {
		case <-l.base.Done():
		case <-time.After(retry):
		}
	}
}

// prolong moves the deadline of what runs under the lease, or begins a new lease's.
func (l *loop) prolong(e deadline) {
	if l.until == nil || l.until.Load() == int64(-never) && e.until != -never {
		l.until = &lifetime{}
	}
	l.until.Store(int64(e.until))
}

func (l *loop) start(e start) {
	h := newHold(l.node, l.node.post(e.claim.Role), e.claim, l.until)
	l.holds[h.id()] = h
	h.post.take(h)
	l.work.Go(func() { h.start(l.inbox.put) })
}

// tell ends a service: no new calls, then the contexts, then its place in the tree.
func (l *loop) tell(e tell) {
	h := l.holds[e.id]
	delete(l.holds, e.id)
	l.ending[e.id] = h
	h.tell(e.cause)
	l.work.Go(func() {
		h.finish()
		l.inbox.put(returned{e.id, e.token})
	})
}

func (l *loop) show(e show) {
	v := &l.plan.view
	if e.role == "" {
		members := []Member{}
		for _, name := range sortedNames(v.members) {
			members = append(members, v.member(name))
		}
		l.node.members.Store(&members)
		return
	}
	claims := make([]Claim, l.plan.roles[e.role].count())
	for shard := range claims {
		claims[shard] = v.claim(shardID{e.role, shard})
	}
	p := l.node.post(e.role)
	p.show(knowledge{claims, v.head.Revision})
	l.behind[p] = true
}
