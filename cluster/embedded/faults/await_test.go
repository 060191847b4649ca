//go:build linux

package faults

import (
	"fmt"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// singleton is the only shard of a scene without shards.
var singleton = shardName(role, 0)

// shards are the names of all that the role has.
func (s *scene) shards() (names []string) {
	for i := range max(s.usual.Shards, 1) {
		names = append(names, shardName(role, i))
	}
	return names
}

// owner returns the member that runs the singleton, when there is one that the driver has not
// killed.
func (s *scene) owner() (found *member) {
	s.t.Helper()
	s.await("an owner", func() bool {
		s.view.look()
		for _, m := range s.members {
			if _, ok := s.view.open[singleton][m.process.name]; ok {
				found = m
			}
		}
		return found != nil
	})
	return found
}

// others are all members but one.
func (s *scene) others(m *member) (found []*member) {
	for _, other := range s.members {
		if other != m {
			found = append(found, other)
		}
	}
	return found
}

// successor returns the first start of the singleton by another process after a moment.
func (s *scene) successor(before *process, since time.Duration) (r history.Record) {
	s.t.Helper()
	s.await("a successor of "+before.name, func() bool {
		s.view.look()
		for _, r = range s.view.starts(since, singleton) {
			if r.Process != before.name {
				return true
			}
		}
		return false
	})
	return r
}

// awaitOwned returns when each shard runs somewhere.
func (s *scene) awaitOwned() {
	s.t.Helper()
	s.await("an owner of each shard", func() bool {
		s.view.look()
		for _, shard := range s.shards() {
			if len(s.view.owners(shard)) == 0 {
				return false
			}
		}
		return true
	})
}

// awaitEven returns when each of n members has its share, within one.
func (s *scene) awaitEven(n int) {
	s.t.Helper()
	least := s.usual.Shards / n
	s.await(fmt.Sprintf("an even spread on %d", n), func() bool {
		s.view.look()
		counts, sum := s.view.counts(), 0
		for _, c := range counts {
			if c < least || c > least+1 {
				return false
			}
			sum += c
		}
		return len(counts) == n && sum == s.usual.Shards
	})
}

// awaitNote returns the first record of a kind by a process after a moment.
func (s *scene) awaitNote(what history.What, process string, since time.Duration) (r history.Record) {
	s.t.Helper()
	s.await(fmt.Sprintf("%s of %s", what, process), func() bool {
		s.view.look()
		for _, r = range s.view.find(what, since, "") {
			if r.Process == process {
				return true
			}
		}
		return false
	})
	return r
}
