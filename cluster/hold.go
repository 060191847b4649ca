package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/stopped"
)

// A hold is a claim whose service has its place in the tree here, from the start until
// nothing of it runs any more.
type hold struct {
	claim Claim
	node  *Node
	post  *post
	lease *lifetime
	over  atomic.Bool
	began chan struct{} // closed when start has done what it will do
	down  chan struct{} // the service is to be suspended at once; closed when that was asked for. Else nil

	mu      sync.Mutex
	service tend.Service
	token   tend.ServiceToken
	added   bool
	tree    bool  // the service serves a supervisor
	says    bool  // it says when it is ready
	cause   error // why it was told; nil: it was not
	run     *running
}

// running is one run of the service.
type running struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	over   chan struct{}
	number uint64 // of one that says when it is ready
	ready  bool
	calls  int           // under way
	silent chan struct{} // closed when it is the run no more and no call is under way
}

func newHold(n *Node, p *post, c Claim, lease *lifetime) *hold {
	return &hold{claim: c, node: n, post: p, lease: lease, began: make(chan struct{})}
}

func (h *hold) id() shardID { return shardID{h.claim.Role, h.claim.Shard} }

// start makes the service and adds it to the supervisor here. Whatever keeps it from that is
// giving up, also if start has ended its goroutine: else nobody would have the claim.
func (h *hold) start(tell func(message)) {
	err := fmt.Errorf("tend/cluster: start of %s/%d: %w", h.claim.Role, h.claim.Shard, tend.ErrGoexit)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("tend/cluster: start panicked: %v\n%s", r, debug.Stack())
		}
		close(h.began)
		if err != nil {
			tell(ended{h.id(), h.claim.Token, err})
		}
	}()
	err = h.begin(tell)
}

func (h *hold) begin(tell func(message)) error {
	child, err := h.child(h.post.begin(h.claim.Shard))
	if err != nil {
		return err
	}
	if h.post.wasDown(h.claim) {
		h.down = make(chan struct{})
	}
	return h.post.add(h, child, tell)
}

// child is how the service stands in the tree: under its shard's number, and with its own
// settings if it is a tend.Child.
func (h *hold) child(svc tend.Service) (tend.Child, error) {
	child, ok := svc.(tend.Child)
	if !ok {
		child = tend.Child{Service: svc}
	}
	h.service = svc
	child = child.With(h.wrap) // its settings are those of a Child inside, too, from here on
	if child.Timeout > h.post.timeout() {
		return child, fmt.Errorf("tend/cluster: Child.Timeout of %s/%d is %v, and its role gives it %v", h.claim.Role, h.claim.Shard, child.Timeout, h.post.timeout())
	}
	h.says = h.tree || child.ReadyTimeout > 0
	if h.post.spec.Shards > 0 {
		child.Name = strconv.Itoa(h.claim.Shard)
	} else {
		child.Name = cmp.Or(child.Name, nameOf(svc, h.post.name))
	}
	return child, nil
}

func nameOf(svc tend.Service, otherwise string) string {
	if s, ok := svc.(fmt.Stringer); ok {
		return s.String()
	}
	return otherwise
}

func (h *hold) wrap(svc tend.Service) tend.Service {
	if s, ok := svc.(*tend.Supervisor); ok {
		h.tree = true
		return ownedTree{owned{h, svc}, s}
	}
	if s, ok := svc.(interface{ Supervisor() *tend.Supervisor }); ok {
		h.tree = true
		return ownedTree{owned{h, svc}, s.Supervisor()}
	}
	return owned{h, svc}
}

// owned is the service as the supervisor here has it.
type owned struct {
	hold    *hold
	service tend.Service
}

// ownedTree is one that says that it serves a supervisor.
type ownedTree struct {
	owned
	tree *tend.Supervisor
}

func (o ownedTree) Supervisor() *tend.Supervisor { return o.tree }

// MayReplace keeps the wrapper: another service in its place would run under no claim.
func (o owned) MayReplace() error {
	return fmt.Errorf("tend/cluster: %s/%d is not to be replaced: it runs under a claim, and start of its role makes what does", o.hold.claim.Role, o.hold.claim.Shard)
}

// Serve runs the service under the claim. It returns only when the supervisor asks for it if
// the service has been told: that end is no failure.
func (o owned) Serve(ctx context.Context) error {
	h := o.hold
	if !h.isWanted(ctx) || !h.lives(ctx) {
		return context.Cause(ctx)
	}
	run, ok := h.enter(ctx)
	if !ok {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	tend.Annotate(ctx, slog.Int64("token", h.claim.Token))
	defer h.leave(ctx, run)
	err := o.service.Serve(run.ctx)
	if h.told() != nil && errors.Is(err, context.Cause(run.ctx)) {
		return nil // it was asked to, and says so
	}
	return err
}

// isWanted keeps a service down that was suspended under this claim before: it may have been
// started before the supervisor here heard of that. It waits until ctx ends then.
func (h *hold) isWanted(ctx context.Context) bool {
	if h.down == nil {
		return true
	}
	<-h.down
	if s, err := h.post.here.ServiceStatus(h.token); err == nil && s.Wanted && ctx.Err() == nil {
		return true // somebody has restarted it
	}
	<-ctx.Done()
	return false
}

// glimpse is how often a service that may not begin looks again.
const glimpse = 10 * time.Millisecond

// lives waits while the claim's deadline is past, until it is not or ctx ends. A process that
// stood still finds out service by service: what has failed meanwhile must not begin anew
// under a claim that others may have by now. In a moment it is told, or the lease lives.
func (h *hold) lives(ctx context.Context) bool {
	for h.expired() {
		select {
		case <-time.After(glimpse):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// expired: the claim's deadline is past, told or not.
func (h *hold) expired() bool {
	return h.lease != nil && int64(h.node.now()) >= h.lease.Load()
}

func (h *hold) enter(ctx context.Context) (*running, bool) {
	under, cancel := context.WithCancelCause(context.WithValue(ctx, holdKey{}, h))
	run := &running{ctx: stopped.Between(ctx, under), cancel: cancel, over: make(chan struct{}), silent: make(chan struct{}), ready: !h.says}
	if h.says {
		self, _ := tend.Self(ctx)
		run.number = self.Incarnation
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		cancel(h.cause)
		return nil, false
	}
	h.run = run
	h.post.changed()
	return h.run, true
}

// getReady: the run of that number has said that it is ready.
func (h *hold) getReady(number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.run != nil && !h.run.ready && h.run.number == number {
		h.run.ready = true
		h.post.changed()
	}
}

// leave ends the run, with the calls that it has under way: it lasts as long as they do, as
// it would with helpers, and so is reported as stuck if they are.
func (h *hold) leave(ctx context.Context, run *running) {
	h.mu.Lock()
	h.run = nil
	told, calls := h.cause != nil, run.calls
	h.mu.Unlock()
	run.cancel(errRunEnded)
	if calls > 0 {
		tend.Go(ctx, run.awaitCalls)
	}
	close(run.over)
	if told {
		<-ctx.Done()
	}
}

func (r *running) awaitCalls(context.Context) error {
	<-r.silent
	return nil
}

var errRunEnded = errors.New("tend/cluster: the service has ended")

func (h *hold) told() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

// tell lets no call begin any more and ends all contexts.
func (h *hold) tell(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cause = cmp.Or(cause, context.Canceled)
	if h.run != nil {
		h.run.cancel(h.cause)
	}
	h.post.changed()
}

// finish takes the service out of the tree and returns when nothing of it runs any more.
func (h *hold) finish() {
	<-h.began
	h.await()
	if h.added {
		h.post.noteDown(h)
		_ = h.post.here.RemoveAndWait(context.Background(), h.token) // it cannot end early
	}
	h.over.Store(true)
	h.post.drop(h)
}

// headStart is how long a nested supervisor may take to hear why it is to stop.
const headStart = 10 * time.Millisecond

// await gives a nested supervisor the time to hear of the cause from its context: one that
// is removed hears that from the supervisor above, which may be sooner.
func (h *hold) await() {
	h.mu.Lock()
	run := h.run
	h.mu.Unlock()
	if !h.tree || run == nil {
		return
	}
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	select {
	case <-run.over:
	case <-timer.C:
	}
}

// call begins a call. wait: the service does not run now, or is not ready, and may be again.
// Past the claim's deadline none begins: in a process that stood still nobody may have been
// told yet.
func (h *hold) call() (run *running, wait bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil || h.expired() {
		return nil, false
	}
	if h.run == nil || !h.run.ready {
		return nil, true
	}
	h.run.calls++
	return h.run, false
}

func (h *hold) hangUp(run *running) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if run.calls--; run.calls == 0 && h.run != run {
		close(run.silent)
	}
}
