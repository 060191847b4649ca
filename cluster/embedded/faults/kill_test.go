//go:build linux

package faults

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// repeats is how often a random fault comes: CLUSTER_REPEAT, or once in the smoke.
func repeats(otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv("CLUSTER_REPEAT")); err == nil {
		return n
	}
	if whole() {
		return otherwise
	}
	return 1
}

// whole says that the suite is to be run as a whole, and not as the smoke.
func whole() bool { return os.Getenv("CLUSTER_FAULTS") == "all" }

func onlyWhole(t *testing.T) {
	t.Helper()
	if !whole() {
		t.Skip("CLUSTER_FAULTS=all runs it")
	}
}

// kill -9 of the owner at any moment, of two of three, of all: there is one owner again.
func TestFault1KillAtRandomPhase(t *testing.T) {
	s := newScene(t, setup{TTL: 3 * time.Second}, 1)
	s.nodes(3)
	for range repeats(5) {
		owner := s.owner()
		s.sleep(s.upTo(s.usual.TTL / 2))
		at := now()
		owner.kill()
		t.Logf("kill -9 to takeover at TTL %v: %v", s.usual.TTL, s.successor(owner.process, at).At-at)
		owner.start()

		owner = s.owner()
		at = now()
		owner.kill()
		other := s.others(owner)[s.rand.IntN(2)]
		other.kill()
		t.Logf("kill -9 of two of three: %v", s.successor(owner.process, at).At-at)
		owner.start()
		other.start()

		s.sleep(s.upTo(s.usual.TTL))
		last := s.owner().process
		at = now()
		for _, m := range s.members {
			m.kill()
		}
		for _, m := range s.members {
			m.start()
		}
		t.Logf("kill -9 of all: %v", s.successor(last, at).At-at)
	}
	s.safe()
}
