package cluster

import (
	"cmp"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

// An instant is a moment of the node's own clock: since some moment of its own.
type instant = time.Duration

// shardID names what can be claimed.
type shardID struct {
	role  string
	shard int
}

func (id shardID) compare(other shardID) int {
	return cmp.Or(cmp.Compare(id.role, other.role), cmp.Compare(id.shard, other.shard))
}

// A message is what the plan learns. The set is sealed.
//
//sumtype:decl
type message interface{ isMessage() }

type (
	// opened: the answer to open, which was sent no earlier than at sent.
	opened struct {
		sent  instant
		lease store.LeaseID
		head  store.Head
		err   error
	}
	renewed struct {
		sent  instant
		lease store.LeaseID
		head  store.Head
		err   error
	}
	revoked struct {
		lease store.LeaseID
		err   error
	}
	// registered and updated answer for the member key; value is what was to be there.
	registered struct {
		lease  store.LeaseID
		value  string
		answer store.Answer
		err    error
	}
	updated struct {
		lease  store.LeaseID
		value  string
		answer store.Answer
		err    error
	}
	counted struct {
		role string
		head store.Head
		err  error
	}
	saw     struct{ batch store.Batch }
	created struct {
		op     uint64
		id     shardID
		answer store.Answer
		err    error
	}
	deleted struct {
		id     shardID
		token  int64
		answer store.Answer
		err    error
	}
	// returned: nothing of the claim's service, helpers and calls runs any more.
	returned struct {
		id    shardID
		token int64
	}
	// ended: the claim's service left or gave up by itself.
	ended struct {
		id    shardID
		token int64
		err   error
	}
	// left: the claim's service left with its role, which is served again.
	left struct {
		id    shardID
		token int64
	}
	// suspended: the claim's service was, by somebody who operates the tree here.
	suspended struct {
		id    shardID
		token int64
	}
	// unseen: a watch has ended; the next has begun, or will.
	unseen   struct{ err error }
	attached struct{ takes takes }
	// detached: the role is not served any more. restart: it will be again at once.
	detached struct {
		role    string
		cause   error
		restart bool
	}
	due  struct{}
	stop struct{ cause error }
)

func (opened) isMessage()     {}
func (unseen) isMessage()     {}
func (renewed) isMessage()    {}
func (revoked) isMessage()    {}
func (registered) isMessage() {}
func (updated) isMessage()    {}
func (counted) isMessage()    {}
func (saw) isMessage()        {}
func (created) isMessage()    {}
func (deleted) isMessage()    {}
func (returned) isMessage()   {}
func (ended) isMessage()      {}
func (left) isMessage()       {}
func (suspended) isMessage()  {}
func (attached) isMessage()   {}
func (detached) isMessage()   {}
func (due) isMessage()        {}
func (stop) isMessage()       {}

// An effect is what the plan wants done. The set is sealed. Each that is an operation of
// the engine is answered by one message, an error included.
//
//sumtype:decl
type effect interface{ isEffect() }

type (
	open     struct{}
	renew    struct{ lease store.LeaseID }
	revoke   struct{ lease store.LeaseID }
	register struct {
		lease store.LeaseID
		value string
	}
	update struct {
		lease store.LeaseID
		value string
		token int64
	}
	count struct {
		role   string
		shards int
	}
	create struct {
		op    uint64
		id    shardID
		lease store.LeaseID
		guard store.Guard
	}
	remove struct {
		id    shardID
		token int64
	}

	// start has the service of a claim run; the lease's deadline is that of its Check.
	start struct {
		claim Claim
		lease store.LeaseID
	}
	// tell ends it, and is answered by returned.
	tell struct {
		id    shardID
		token int64
		cause error
	}
	overrun struct{ claim Claim }
	// deadline: nobody else has a claim under the lease before until.
	deadline struct {
		lease store.LeaseID
		until instant
	}
	// show is what the node knows of a role, or of its members if role is "".
	show  struct{ role string }
	emit  struct{ event Event }
	ready struct{}
	// finish: nothing runs any more; Serve returns err.
	finish struct{ err error }
)

func (open) isEffect()     {}
func (renew) isEffect()    {}
func (revoke) isEffect()   {}
func (register) isEffect() {}
func (update) isEffect()   {}
func (count) isEffect()    {}
func (create) isEffect()   {}
func (remove) isEffect()   {}
func (start) isEffect()    {}
func (tell) isEffect()     {}
func (overrun) isEffect()  {}
func (deadline) isEffect() {}
func (show) isEffect()     {}
func (emit) isEffect()     {}
func (ready) isEffect()    {}
func (finish) isEffect()   {}
