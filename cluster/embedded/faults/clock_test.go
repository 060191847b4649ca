//go:build linux

package faults

import (
	"fmt"
	"testing"
	"time"
)

// The owner's clock runs at a part of its rate, which is the same as an engine that grants
// that part of the TTL. What margins cover is safe. What is beyond them must be seen: then
// only the fence helps.
func TestFault10Clock(t *testing.T) {
	onlyWhole(t)
	for _, tt := range []struct {
		ttl, grant time.Duration
		safe       bool
	}{
		{33 * time.Second, 32 * time.Second, true}, // 97 %
		{5 * time.Second, 4 * time.Second, true},   // 80 %
		{10 * time.Second, 5 * time.Second, false}, // 50 %
	} {
		t.Run(fmt.Sprintf("%.0f%%", 100*float64(tt.grant)/float64(tt.ttl)), func(t *testing.T) {
			slowClock(t, tt.ttl, tt.grant, tt.safe)
		})
	}
}

func slowClock(t *testing.T, ttl, grant time.Duration, safe bool) {
	s := newScene(t, setup{TTL: grant}, 1)
	slow := s.node("node-0", func(m *setup) {
		m.TTL, m.Grant = ttl, grant
		m.Margin = max(ttl/20, 500*time.Millisecond) // the default
	})
	s.owner()
	s.node("node-1")
	s.awaitMembers(2)
	s.sleep(s.upTo(time.Second))
	at := now()
	slow.set(partitions[0].weather)
	next := s.successor(slow.process, at)
	t.Logf("taken over after %v", next.At-at)
	if safe {
		s.cutOff(slow, at, "slow clock")
		s.safe()
		return
	}
	s.sleep(2 * time.Second)
	v := s.judge()
	if len(v.Overlaps) == 0 || len(v.Stale) == 0 {
		t.Error("a clock at half its rate goes unseen")
	}
	if len(v.Taken) > 0 || !v.linear {
		t.Errorf("the fence took %v", v.Taken)
	}
}
