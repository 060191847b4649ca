//go:build linux

package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// How long a takeover after kill -9 takes, at three TTLs.
func TestTakeover(t *testing.T) {
	onlyWhole(t)
	for _, ttl := range []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second} {
		t.Run(fmt.Sprint(ttl), func(t *testing.T) {
			s := newScene(t, setup{TTL: ttl}, 1)
			s.nodes(2)
			var took []time.Duration
			for range repeats(6) {
				s.awaitMembers(2)
				owner := s.owner()
				s.sleep(s.upTo(ttl / 5))
				at := now()
				owner.kill()
				took = append(took, s.successor(owner.process, at).At-at)
				owner.start()
			}
			slices.Sort(took)
			t.Logf("kill -9 to takeover at TTL %v, n=%d: %v to %v, median %v", ttl, len(took), took[0], took[len(took)-1], took[len(took)/2])
			s.safe()
		})
	}
}
