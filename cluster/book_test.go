package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The ledger yields each book once, in the order of its shard, also while those that are
// yielded are removed.
func TestLedger(t *testing.T) {
	l, r := newLedger(), rand.New(rand.NewPCG(1, 1))
	for _, i := range r.Perm(100) {
		l.add(&book{id: shardID{fmt.Sprint("r", i%3), i}})
	}
	replaced := &book{id: shardID{"r1", 1}, token: 7}
	l.add(replaced)
	if l.of(replaced.id) != replaced || len(l.order) != 100 || !slices.Contains(l.order, replaced) {
		t.Error("a book that is added again takes the place of the old one")
	}
	seen, last := 0, shardID{}
	for b := range l.all() {
		if b.id.role < last.role || b.id.role == last.role && b.id.shard < last.shard {
			t.Errorf("%v after %v", b.id, last)
		}
		seen, last = seen+1, b.id
		if b.id.shard%2 == 0 {
			l.remove(b)
			l.remove(b) // it is not there
		}
	}
	if seen != 100 || len(l.order) != 50 || len(l.byID) != 50 || l.of(shardID{"r2", 2}) != nil {
		t.Error(seen, len(l.order), len(l.byID))
	}
}

// BenchmarkClaims is a node that takes 2,000 shards, with all that its loop decides and
// sees on the way.
func BenchmarkClaims(b *testing.B) {
	for b.Loop() {
		w := newWorld(1, 1, map[string]int{"r": 2_000}, faults{}, mutant{})
		w.run(simTTL)
		for n := 0; n < 2_000; w.run(w.now + time.Second) {
			n = len(w.nodes[0].life.runs)
			if w.now > time.Hour {
				b.Fatalf("%d of 2,000 after an hour", n)
			}
		}
	}
}
