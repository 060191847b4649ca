//go:build linux

package faults

import (
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// 256 shards: only what was the dead one's moves; a join and a stop move a share.
func TestFault8Shards(t *testing.T) {
	s := newScene(t, setup{Shards: 256, Every: 100 * time.Millisecond}, 1)
	s.nodes(3)
	s.awaitEven(3)
	for range repeats(3) {
		s.shift(s.members[0])
	}
	if whole() {
		s.flap(s.members[0])
	}
	s.safe()
}

// shift has one node killed, come back, stopped, and come back.
func (s *scene) shift(first *member) {
	s.t.Helper()
	had := s.view.counts()[first.Name]
	at := now()
	first.kill()
	s.awaitEven(2)
	s.tellMoves("kill -9", at, had)
	if moved := len(s.view.starts(at, "")); moved != had {
		s.t.Errorf("%d shards were the dead one's, and %d started", had, moved)
	}
	at = now()
	first.start()
	s.awaitEven(3)
	s.tellMoves("join", at, s.view.counts()[first.Name])
	if moved, share := len(s.view.starts(at, "")), s.view.counts()[first.Name]; moved > share+3 {
		s.t.Errorf("the joiner's share is %d, and %d moved", share, moved)
	}
	had = s.view.counts()[first.Name]
	at = now()
	first.term()
	s.awaitEven(2)
	s.tellMoves("SIGTERM", at, had)
	first.start()
	s.awaitEven(3)
}

// flap is kill -9 and a start again, ten times at random moments.
func (s *scene) flap(m *member) {
	s.t.Helper()
	at := now()
	for range 10 {
		s.sleep(s.upTo(2 * time.Second))
		m.kill()
		m.start()
	}
	s.awaitMembers(3)
	s.awaitOwned()
	s.t.Logf("10 flaps: %d starts of %d shards, all owned after %v", len(s.view.starts(at, "")), s.usual.Shards, now()-at)
}

// tellMoves tells of the first and the last start since then.
func (s *scene) tellMoves(what string, at time.Duration, shards int) {
	s.t.Helper()
	s.view.look()
	starts := s.view.find(history.Start, at, "")
	if len(starts) == 0 {
		s.t.Errorf("%s: nothing started", what)
		return
	}
	first, last := starts[0].At, starts[0].At
	for _, r := range starts {
		first, last = min(first, r.At), max(last, r.At)
	}
	s.t.Logf("%s of a node with %d of %d shards: %d started, the first after %v, all after %v", what, shards, s.usual.Shards, len(starts), first-at, last-at)
}
