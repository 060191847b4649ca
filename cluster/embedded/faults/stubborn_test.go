//go:build linux

package faults

import (
	"testing"

	"github.com/tend-go/tend/cluster/internal/history"
)

// Serve ignores its context while the node is cut off: the process ends before the successor
// starts, with exit code 70.
func TestFault7IgnoresItsContext(t *testing.T) {
	s := newScene(t, setup{Conduct: conduct{Stubborn: true}}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	for range repeats(4) {
		owner := s.owner()
		s.sleep(s.upTo(s.usual.TTL / 5))
		at := now()
		owner.set(partitions[0].weather)
		owner.process.end()
		next := s.successor(owner.process, at)
		dead := s.awaitNote(history.Dead, owner.process.name, at)
		t.Logf("exit code %d after %v, %v before its successor's start", owner.code, dead.At-at, next.At-dead.At)
		if owner.code != 70 || dead.At >= next.At {
			t.Error("it should have ended with 70 before its successor's start")
		}
		owner.set(weather{})
		owner.start()
		s.awaitMembers(2)
	}
	s.safe()
}
