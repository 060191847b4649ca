//go:build linux

package faults

import (
	"context"
	"time"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/store"
)

// wrap puts around the engine what is wrong on purpose, so that the code under test needs no
// switch for it.
func (s setup) wrap(e cluster.Engine) cluster.Engine {
	if s.Grant != 0 {
		e = otherRate{e, s.Grant}
	}
	if s.Mutant == hasty {
		e = hastyStore{e}
	}
	return e
}

// otherRate grants another TTL than the node asks for. To the node it is as if its own
// clock ran at grant/TTL of its rate: all that it does in its TTL takes so much longer.
type otherRate struct {
	store.Store
	grant time.Duration
}

func (e otherRate) Open(ctx context.Context, _ time.Duration) (store.LeaseID, store.Head, error) {
	return e.Store.Open(ctx, e.grant)
}

// hastyStore has a node forget a claim when its delete is answered: the answer names no
// revision to wait for. What the watch shows comes late.
type hastyStore struct{ store.Store }

func (e hastyStore) Delete(ctx context.Context, key string, token int64) (store.Answer, error) {
	a, err := e.Store.Delete(ctx, key, token)
	a.Revision = 0
	return a, err
}

func (e hastyStore) Watch(ctx context.Context, prefix string, silence time.Duration, saw func(store.Batch)) error {
	return e.Store.Watch(ctx, prefix, silence, func(b store.Batch) {
		time.Sleep(100 * time.Millisecond)
		saw(b)
	})
}
