//go:build linux

package faults

import (
	"testing"
	"time"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/history"
)

// partitions are how a node can be cut off from the engine.
var partitions = []struct {
	name    string
	weather weather
}{
	{"both ways", weather{There: trouble{Cut: true}, Back: trouble{Cut: true}}},
	{"in", weather{Back: trouble{Cut: true}}},
	{"out", weather{There: trouble{Cut: true}}},
	{"reset", weather{Reset: true}},
}

// Cut off from the engine, but not from the resource: the owner is told ErrLost, and has
// returned before its successor starts.
func TestFault4Partition(t *testing.T) {
	s := newScene(t, setup{}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	for range repeats(2) {
		for _, p := range partitions {
			owner := s.owner()
			s.sleep(s.upTo(s.usual.TTL / 5))
			at := now()
			owner.set(p.weather)
			s.cutOff(owner, at, p.name)
			owner.set(weather{})
			s.awaitMembers(2)
		}
	}
	s.safe()
}

// cutOff waits for the successor of an owner that was cut off at a moment.
func (s *scene) cutOff(owner *member, at time.Duration, how string) {
	s.t.Helper()
	next := s.successor(owner.process, at)
	told := s.awaitNote(history.Told, owner.process.name, at)
	returned := s.awaitNote(history.Stop, owner.process.name, at)
	s.t.Logf("%s: told after %v, taken over after %v, %v after the old one had returned", how, told.At-at, next.At-at, next.At-returned.At)
	if told.Cause != cluster.ErrLost.Error() || returned.At >= next.At || !owner.alive() {
		s.t.Errorf("%s: told %q, returned at %v, successor at %v, process alive: %v", how, told.Cause, returned.At, next.At, owner.alive())
	}
}

// Loss: TCP makes stalls of it. The owner may be told, safely.
func TestFault4Loss(t *testing.T) {
	onlyWhole(t)
	for _, tt := range []struct {
		name string
		loss float64
	}{{"10 %", 0.1}, {"30 %", 0.3}} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, setup{}, 1)
			s.nodes(2)
			s.awaitMembers(2)
			owner, at := s.owner(), now()
			owner.set(weather{There: trouble{Loss: tt.loss}, Back: trouble{Loss: tt.loss}})
			s.sleep(20 * time.Second)
			owner.set(weather{})
			v := s.safe()
			t.Logf("told %d times in 20 s, longest time without an act %v", len(s.view.find(history.Told, at, "")), v.gap(singleton))
		})
	}
}

// The answers come late, and nothing else: nobody is told.
func TestFault4LateAnswers(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	owner, at := s.owner(), now()
	owner.set(weather{Back: trouble{Late: 800 * time.Millisecond}})
	s.sleep(2 * s.usual.TTL)
	s.view.look()
	if told := s.view.find(history.Told, at, ""); len(told) > 0 {
		t.Error(told)
	}
	at = now()
	owner.set(weather{Back: trouble{Cut: true}, There: trouble{Cut: true}})
	s.cutOff(owner, at, "late, then cut")
	owner.set(weather{})
	s.safe()
}
