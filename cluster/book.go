package cluster

import (
	"github.com/tend-go/tend/cluster/internal/store"
)

// A bookState is what the node is about with a shard. A shard that is not on the books is
// free or somebody else's.
type bookState uint8

const (
	claiming  bookState = iota + 1 // a transaction is under way
	waiting                        // it was refused, or nobody knows: the view will tell
	parked                         // under the lease, and nothing runs
	held                           // its service runs, as its supervisor will have it
	told                           // its service has been asked to end
	releasing                      // nothing runs, and the key is to be deleted
	released                       // the key is deleted, and the view is behind
)

// A book is all that the node knows of a shard that it has, wants or had.
type book struct {
	id    shardID
	state bookState
	lease store.LeaseID
	op    uint64 // of claiming
	token int64
	cause error   // of told
	since instant // when it was told
	next  instant // waiting: when to forget it at the latest; releasing: when to try again
	busy  bool    // a delete is under way
	seen  int64   // the revision at which the view will tell

	gone    bool    // told: the key is another's, or nobody's
	timely  bool    // told: because the lease was near its end; it may run again
	moved   bool    // it goes to another member
	overran bool    // Overrun was called
	keep    instant // until then it stays, whatever the placement says
}

// runs says that something may run under the claim.
func (b *book) runs() bool { return b.state == held || b.state == told }
