package cluster

import (
	"iter"
	"slices"

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
	again   bool    // told: it may run again under the claim when it has returned
	moved   bool    // it goes to another member
	overran bool    // Overrun was called
	keep    instant // until then it stays, whatever the placement says
}

// ledger is the books by their shards, and in the order of these, so that what happens can
// be replayed.
type ledger struct {
	byID  map[shardID]*book
	order []*book
}

func newLedger() ledger { return ledger{byID: map[shardID]*book{}} }

func (l *ledger) of(id shardID) *book { return l.byID[id] }

func (l *ledger) add(b *book) {
	if i, ok := l.find(b.id); ok {
		l.order[i] = b
	} else {
		l.order = slices.Insert(l.order, i, b)
	}
	l.byID[b.id] = b
}

func (l *ledger) remove(b *book) {
	if i, ok := l.find(b.id); ok {
		l.order = slices.Delete(l.order, i, i+1)
		delete(l.byID, b.id)
	}
}

func (l *ledger) find(id shardID) (int, bool) {
	return slices.BinarySearchFunc(l.order, id, func(b *book, id shardID) int {
		return b.id.compare(id)
	})
}

// all yields the books. The one that is yielded may be removed, and no other.
func (l *ledger) all() iter.Seq[*book] {
	return func(yield func(*book) bool) {
		for i := 0; i < len(l.order); {
			b := l.order[i]
			if !yield(b) {
				return
			}
			if i < len(l.order) && l.order[i] == b {
				i++
			}
		}
	}
}

// runs says that something may run under the claim.
func (b *book) runs() bool { return b.state == held || b.state == told }
