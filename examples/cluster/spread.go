package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend/cluster"
)

// owned are the claims that a node has, as the frontend sees them.
func (b *bank) owned(n *nodeProcess) (claims []cluster.Claim) {
	for _, c := range b.role.Claims() {
		if c.Token != 0 && c.Owner.Name == n.name {
			claims = append(claims, c)
		}
	}
	return claims
}

// taken waits until all these shards have other claims.
func (b *bank) taken(ctx context.Context, had []cluster.Claim) error {
	return until(ctx, "other owners", func() bool {
		now := b.role.Claims()
		return !slices.ContainsFunc(had, func(c cluster.Claim) bool { return now[c.Shard].Token <= c.Token })
	})
}

// heirs tells who has them now.
func (b *bank) heirs(had []cluster.Claim) string {
	now := b.role.Claims()
	count := map[string]int{}
	for _, c := range had {
		count[now[c.Shard].Owner.Name]++
	}
	var who []string
	for _, n := range b.nodes {
		if count[n.name] > 0 {
			who = append(who, fmt.Sprintf("%s took %d", n.name, count[n.name]))
		}
	}
	return strings.Join(who, ", ")
}

// home is how many of these shards are where they were.
func (b *bank) home(had []cluster.Claim) (n int) {
	now := b.role.Claims()
	for _, c := range had {
		if now[c.Shard].Owner.Name == c.Owner.Name {
			n++
		}
	}
	return n
}

// even waits until these nodes share all shards, and the singleton has an owner. On a machine
// that is short of CPU one that comes too late finds its place taken, by a member that keeps
// it for ten minutes; so it does not wait for ever for an even spread.
func (b *bank) even(ctx context.Context, nodes []*nodeProcess) error {
	if err := until(ctx, "an owner of each shard", func() bool { return b.shared(nodes, 0, shards) }); err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, b.ttl+5*time.Second)
	defer cancel()
	each := shards / len(nodes)
	if err := until(soon, "an even spread", func() bool { return b.shared(nodes, each, each) }); err != nil && ctx.Err() == nil {
		b.say("   the spread is not even, as somebody stood in for a node that was late")
	}
	return ctx.Err()
}

// shared: these nodes have all shards, each so many, and the auditor has an owner.
func (b *bank) shared(nodes []*nodeProcess, least, most int) bool {
	all := 0
	for _, n := range nodes {
		own := len(b.owned(n))
		if own < least || own > most {
			return false
		}
		all += own
	}
	_, ok := b.auditor.Owner("")
	return ok && all == shards
}

// until waits for what the frontend sees, which is without I/O. The limit is there so that
// a fleet that hangs is an error.
func until(ctx context.Context, what string, is func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("waited for %s for a minute", what))
	defer cancel()
	for !is() {
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
