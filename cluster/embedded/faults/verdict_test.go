//go:build linux

package faults

import (
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/clustertest"
	"github.com/tend-go/tend/cluster/internal/history"
)

// A verdict is what the checker says of a scene, with the ledger's history.
type verdict struct {
	clustertest.Report
	linear  bool
	records []history.Record
}

// judge ends the scene. shards are those that must have an owner at the end.
func (s *scene) judge(shards ...string) verdict {
	s.t.Helper()
	s.end()
	r, err := clustertest.Check(s.dir, shards...)
	if err != nil {
		s.t.Fatal(err)
	}
	v := verdict{r, linear(load(s.t, s.dir)), load(s.t, s.dir)}
	s.t.Logf("%d intervals of ownership, %d acts, %d refused, %d explained by a pause; %d overlaps, %d stale acts, %d taken, %d tokens, %d ownerless, linearizable: %v",
		r.Intervals, r.Acts, r.Refused, r.Explained, len(r.Overlaps), len(r.Stale), len(r.Taken), len(r.Tokens), len(r.Ownerless), v.linear)
	return v
}

// safe is what must hold whatever happens: nothing is wrong, and each shard has an owner.
func (s *scene) safe() verdict {
	s.t.Helper()
	s.heal()
	s.awaitOwned()
	v := s.judge(s.shards()...)
	v.right(s.t, s.seed)
	return v
}

func (v verdict) right(t *testing.T, seed uint64) {
	t.Helper()
	if err := v.Err(); err != nil {
		t.Errorf("CLUSTER_SEED=%d: %v", seed, err)
	}
	if !v.linear {
		t.Errorf("CLUSTER_SEED=%d: the ledger's history is not linearizable", seed)
	}
}

// gap is the longest time in which nothing was done for a shard.
func (v verdict) gap(shard string) (longest time.Duration) {
	var last time.Duration
	for _, r := range v.records {
		if r.What != history.Act || r.Shard != shard || !r.Taken {
			continue
		}
		if last != 0 {
			longest = max(longest, r.At-last)
		}
		last = r.At
	}
	return longest
}
