package cluster

import (
	"cmp"
	"context"
	"fmt"

	"github.com/tend-go/tend"
)

// Role is what is owned in the fleet: a singleton, or a number of shards. It is a service:
// this node takes shards of it while it is served. All methods may be called at any time
// from any goroutine.
type Role[S tend.Service] struct{ *post }

// Spec says how a [Role] behaves.
type Spec struct {
	// Shards is into how many the role is cut; 0: it is a singleton. The same in all
	// programs of the fleet: one with another number takes nothing until nobody has any
	// under the old one.
	Shards int
	// Weigh is a member's share beside others; 0, and what makes no sense: none. It is
	// asked for this node alone, each time that the role is served. Default 1.
	Weigh func(Member) float64
	// Tree is of the supervisor here. Tree.Timeout (default TTL/5) also sets when services
	// are told that the lease is about to end: so long before that.
	Tree tend.Spec
}

// Shards is [NewRole] with Spec{Shards: count}.
func Shards[S tend.Service](n *Node, name string, count int, start func(shard int) S) *Role[S] {
	if count < 1 {
		panic(fmt.Sprintf("tend/cluster: role %q has %d shards", name, count))
	}
	return NewRole(n, name, Spec{Shards: count}, start)
}

// Singleton is [NewRole] with Spec{} and one service.
func Singleton[S tend.Service](n *Node, name string, svc S) *Role[S] {
	if any(svc) == nil {
		panic(fmt.Sprintf("tend/cluster: the service of role %q is nil", name))
	}
	return NewRole(n, name, Spec{}, func(int) S { return svc })
}

// NewRole makes a role: add it to the tree. start makes the service of a shard, each time
// that it comes to run here; nil: this node takes none and only looks up, as a frontend
// does. It panics if Spec makes no sense or the node has a role of that name.
func NewRole[S tend.Service](n *Node, name string, s Spec, start func(shard int) S) *Role[S] {
	s.Tree.Timeout = cmp.Or(s.Tree.Timeout, n.options.TTL/5)
	s.check(n.options, name)
	p := &post{
		node: n, name: name, spec: s, here: tend.New("here", s.Tree),
		holds: map[int]*hold{}, asking: map[int]bool{}, down: map[int]int64{}, news: make(chan struct{}), tokens: map[tend.ServiceToken]*tenure{},
	}
	if start != nil {
		p.begin = func(shard int) tend.Service { return start(shard) }
	}
	p.here.AddHook(p.hear)
	n.add(p)
	return &Role[S]{p}
}

func (s Spec) check(o Options, name string) {
	switch t := s.Tree.Timeout; {
	case !names.MatchString(name):
		panic(fmt.Sprintf("tend/cluster: the name of a role is %q", name))
	case s.Shards < 0:
		panic(fmt.Sprintf("tend/cluster: Spec.Shards of role %q is %d", name, s.Shards))
	case t >= o.TTL-2*o.TTL/5-o.Margin: // nothing is added to t, which may be for ever
		panic(fmt.Sprintf("tend/cluster: Spec.Tree.Timeout of role %q is %v, and a TTL of %v with a Margin of %v leaves less than %v",
			name, t, o.TTL, o.Margin, o.TTL-2*o.TTL/5-o.Margin))
	}
}

// String returns the role's name.
func (r *Role[S]) String() string { return r.name }

// Supervisor is that of what this node owns of the role.
func (r *Role[S]) Supervisor() *tend.Supervisor { return r.here }

// Serve takes shards of the role, until ctx ends. Its supervisor calls it.
func (r *Role[S]) Serve(ctx context.Context) error { return r.post.Serve(ctx) }

// Shard is the shard of a key: fmix64(FNV-1a 64) modulo the count, fixed for ever. Of a
// singleton it is 0.
func (r *Role[S]) Shard(key string) int { return shardOf(key, r.count()) }

// Owner is who has the key's shard as this node sees it, without I/O. It may be late: the
// token tells. false: nobody.
func (r *Role[S]) Owner(key string) (Claim, bool) {
	c := r.claim(r.Shard(key))
	return c, c.Token != 0
}

// Claims are one for each shard, as this node sees them; Token 0: nobody's.
func (r *Role[S]) Claims() []Claim {
	claims := make([]Claim, r.count())
	for shard := range claims {
		claims[shard] = r.claim(shard)
	}
	return claims
}
