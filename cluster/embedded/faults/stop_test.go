//go:build linux

package faults

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// SIGTERM and Suspend hand over at once.
func TestFault2Stop(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{}, 1)
	s.nodes(3)
	s.awaitMembers(3)
	for range repeats(5) {
		owner := s.owner()
		at := now()
		owner.term()
		t.Logf("SIGTERM to takeover: %v", s.successor(owner.process, at).At-at)
		owner.start()
		s.awaitMembers(3)

		owner = s.owner()
		s.sleep(s.usual.TTL / 10) // in which who just came claims nothing
		at = now()
		owner.say("suspend")
		t.Logf("Suspend to takeover: %v", s.successor(owner.process, at).At-at)
		owner.say("restart")
		s.sleep(s.usual.TTL / 10)
	}
	s.safe()
}

// What is slow to stop is handed over when it has stopped: Serve, or a helper that outlives it.
func TestFault2SlowStop(t *testing.T) {
	onlyWhole(t)
	for _, helper := range []bool{false, true} {
		t.Run(fmt.Sprintf("helper %v", helper), func(t *testing.T) {
			s := newScene(t, setup{Shards: 16, Conduct: conduct{Lingers: 300 * time.Millisecond, Helper: helper}}, 1)
			s.nodes(2)
			s.awaitEven(2)
			for _, m := range s.members {
				m.term()
				s.awaitOwned()
				m.start()
				s.awaitEven(2)
			}
			if v := s.safe(); v.Intervals < 32 {
				t.Errorf("only %d runs", v.Intervals)
			}
		})
	}
}

// A rolling restart of all moves what each node had, and its share back.
func TestFault2RollingRestart(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{Shards: 24, Every: 50 * time.Millisecond}, 1)
	s.nodes(3)
	s.awaitEven(3)
	for _, m := range s.members {
		before := now()
		had := s.view.counts()[m.Name]
		m.term()
		s.awaitEven(2)
		m.start()
		s.awaitEven(3)
		share := s.view.counts()[m.Name]
		if moves := len(s.view.starts(before, "")); moves > had+share+3 {
			t.Errorf("%s had %d shards and has %d, and %d were moved", m.Name, had, share, moves)
		}
	}
	s.safe()
}

// Trap 20: the time for the stop is spent and a service hangs. The process ends, and its
// lease is not revoked: nobody may run the service before.
func TestStopWithinSpent(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{Within: time.Second, Conduct: conduct{Stubborn: true}}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	owner := s.owner()
	at := now()
	owner.signal(syscall.SIGTERM)
	owner.process.end()
	next := s.successor(owner.process, at)
	dead := s.awaitNote(history.Dead, owner.process.name, at)
	t.Logf("gone %v after SIGTERM, with exit code %d; taken over %v later", dead.At-at, owner.code, next.At-dead.At)
	if next.At < dead.At {
		t.Error("the successor began before the process had ended")
	}
	s.safe()
}
