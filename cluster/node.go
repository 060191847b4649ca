package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Node is a process's membership of a fleet: one lease, one watch, one loop. It is a
// service: it joins when it is served, and leaves when it is stopped. Make one with [Join].
type Node struct {
	options  Options
	clock    *timekeeper
	members  atomic.Pointer[[]Member]
	exit     func(code int)
	reporter *reporter

	mu     sync.Mutex
	posts  map[string]*post // by role
	served map[string]takes // roles that are served
	inbox  *inbox           // nil: the node is not served
	floor  int64            // the highest revision seen
}

// Join makes a node: add it to the tree. It does no I/O, and panics if Options make no sense.
func Join(o Options) *Node {
	o = o.complete()
	return &Node{options: o, clock: newTimekeeper(), exit: os.Exit, reporter: newReporter(o), posts: map[string]*post{}, served: map[string]takes{}}
}

// String returns "cluster".
func (n *Node) String() string { return "cluster" }

// Name is the node's in the fleet: Options.Name, or what that is by default.
func (n *Node) Name() string { return n.options.Name }

// Members are those that this node knows of, sorted by name, itself included when it is
// up. It may be late. It may be called at any time.
func (n *Node) Members() []Member {
	if m := n.members.Load(); m != nil {
		return slices.Clone(*m)
	}
	return nil
}

// Serve takes part in the fleet until ctx ends, and returns when nothing that the node
// owned runs any more, even if that takes longer than its timeout. It fails if the engine
// has forgotten what it had, as it would hand out used tokens. An engine that is away is no
// failure. It panics if the node is served already.
func (n *Node) Serve(ctx context.Context) error {
	l := n.begin(ctx)
	defer n.end(l)
	return l.run(ctx)
}

func (n *Node) begin(ctx context.Context) *loop {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.inbox != nil {
		panic("tend/cluster: the node is served already")
	}
	l := newLoop(ctx, n, n.floor)
	n.inbox = l.inbox
	for _, t := range n.served {
		l.inbox.put(attached{t})
	}
	return l
}

func (n *Node) end(l *loop) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inbox, n.floor = nil, max(n.floor, l.plan.view.head.Revision)
	n.members.Store(nil)
	for _, p := range n.posts {
		p.forget()
	}
}

// add notes a role. It panics if there is one of that name.
func (n *Node) add(p *post) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.posts[p.name] != nil {
		panic(fmt.Sprintf("tend/cluster: the node has a role %q already", p.name))
	}
	n.posts[p.name] = p
}

func (n *Node) attach(t takes) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.served[t.role] = t
	if n.inbox != nil {
		n.inbox.put(attached{t})
	}
}

func (n *Node) detach(d detached) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.served, d.role)
	if n.inbox != nil {
		n.inbox.put(d)
	}
}

func (n *Node) post(role string) *post {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.posts[role]
}

// now is the node's clock.
func (n *Node) now() instant { return n.clock.now() }

// me is the node as its role's Weigh sees it.
func (n *Node) me() Member {
	return Member{Name: n.options.Name, Addr: n.options.Addr, Meta: n.options.Meta}
}

// overran calls Options.Overrun, and ends the process if that does not do what it should.
func (n *Node) overran(c Claim) {
	if f := n.options.Overrun; f != nil {
		done := make(chan bool, 1)
		go func() {
			ok := false
			defer func() {
				_ = recover() // the default follows
				done <- ok
			}()
			f(c)
			ok = true
		}()
		select {
		case ok := <-done:
			if ok {
				return
			}
		case <-time.After(n.options.Margin / 4):
		}
	}
	fmt.Fprintf(os.Stderr, "tend/cluster: %s/%d was told to end and still runs, and its claim is about to end: the process ends\n", c.Role, c.Shard)
	time.Sleep(n.options.Margin / 4) // for the tree's report of what is stuck
	n.exit(70)
}
