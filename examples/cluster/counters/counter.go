package main

import (
	"context"
	"time"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/entity"
)

// add is what a counter is asked. Number is that of the increment: one that comes again, as
// the answer was lost, is known by it.
type add struct{ Number int }

// value is what the store keeps of a counter.
type value struct {
	N    int // how many increments there were
	Last int // the number of the last
}

// A counter is the state of one key, in the process that has the key's shard.
type counter struct {
	key   string
	store storeClient
	claim cluster.Claim
	value value
}

// countersOf are all counters, as a node has them. A node with a store takes shards.
func countersOf(n *cluster.Node, wire *entity.HTTP, store storeClient) *entity.Entities[add, int] {
	spec := entity.Spec[add, int]{
		Role:      cluster.Spec{Shards: 64},
		Idle:      time.Minute, // a counter that nobody asks takes no memory
		Transport: wire,
	}
	if store.url != "" {
		spec.New = func(ctx context.Context, key string) (entity.Handler[add, int], error) {
			c := &counter{key: key, store: store}
			c.claim, _ = cluster.ClaimOf(ctx)
			var err error
			c.value, err = store.get(ctx, c.claim, key) // shows the token: from now on nobody writes what is read
			return c, err
		}
	}
	return entity.New(n, "counters", spec)
}

// Handle counts. If the store refuses, or does not say what it did, the run ends, and the
// next begins with what the store has.
func (c *counter) Handle(ctx context.Context, m add) (int, error) {
	if m.Number <= c.value.Last {
		return c.value.N, nil // it is done already
	}
	next := value{c.value.N + 1, m.Number}
	if err := c.store.put(ctx, c.claim, c.key, next); err != nil {
		return 0, err
	}
	c.value = next
	return next.N, nil
}
