// Package store is the seam between a node and the engine that keeps the claims. One
// transaction of the engine decides who owns what; whoever asks may be wrong about
// everything else.
package store

import (
	"context"
	"errors"
	"time"
)

// LeaseID is a lease of the engine; 0 is none. All keys under a lease are gone at once
// when it ends.
type LeaseID int64

// Head says how far the engine was when it answered.
type Head struct {
	Cluster  uint64 // changes if the engine is another one
	Revision int64  // grows with each write, never falls
}

// Entry is a key with its value. Token is the revision that created it: another one
// after each deletion.
type Entry struct {
	Key, Value string
	Lease      LeaseID
	Token      int64
}

// Guard is a key that must have this value, or a Create is refused. The zero Guard is none.
type Guard struct{ Key, Value string }

// Answer is what a transaction came to. Done: it was carried out. Entry is what is under
// the key now; the zero Entry if nothing is, as when a guard refused.
type Answer struct {
	Head
	Done  bool
	Entry Entry
}

// Change is an entry as it is from now on. Of one that is gone only the key is told.
type Change struct {
	Entry
	Gone bool
}

// Batch is what one revision changed, or all there is at it (Snapshot).
type Batch struct {
	Head
	Snapshot bool
	Changes  []Change
}

// ErrNoLease is final: the engine does not know the lease, and will never again.
var ErrNoLease = errors.New("tend/cluster: the engine does not know the lease")

// ErrFull says that the engine is there, and refuses what would need space: it has none left.
// Leases go on, and keys can be deleted.
var ErrFull = errors.New("tend/cluster: the engine has no space left")

// Store is an engine. All operations may be called by any goroutine at any time and end
// with their context; after an error other than ErrNoLease and ErrFull nobody knows whether they were
// carried out, or will be.
type Store interface {
	// Open grants a lease. It fails if the engine would grant another TTL than asked.
	Open(ctx context.Context, ttl time.Duration) (LeaseID, Head, error)
	// Renew gives the lease its whole TTL again, from a moment between call and answer.
	Renew(ctx context.Context, lease LeaseID) (Head, error)
	// Revoke ends the lease.
	Revoke(ctx context.Context, lease LeaseID) error

	// Create makes the key if it is absent and the guard holds. ErrNoLease: the lease is over.
	Create(ctx context.Context, key, value string, lease LeaseID, guard Guard) (Answer, error)
	// Update changes the value of a key that has this token, and leaves its lease.
	Update(ctx context.Context, key, value string, token int64) (Answer, error)
	// Delete removes a key that has this token.
	Delete(ctx context.Context, key string, token int64) (Answer, error)
	// SetIfNone sets a key, under no lease, if there is no key with the prefix.
	SetIfNone(ctx context.Context, key, value, prefix string) (Answer, error)

	// Watch reports a snapshot, from a linearizable read sent after the call, and then a
	// batch for each revision that changes a key with the prefix, in order, one by one.
	// After a silence of that length it makes sure that the engine is still there, and
	// behind nothing that was seen; it waits a fifth of that for an answer. It returns when
	// ctx ends, or as soon as something may have been missed.
	Watch(ctx context.Context, prefix string, silence time.Duration, saw func(Batch)) error
}
