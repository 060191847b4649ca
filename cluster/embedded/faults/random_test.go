//go:build linux

package faults

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// Forty random faults of 1 to 6 on three nodes with 64 shards, at one etcd and at three voters.
// Processes that are paused may try something when they wake; nothing of it is taken.
func TestFault9Random(t *testing.T) {
	onlyWhole(t)
	for _, voters := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d voters", voters), func(t *testing.T) {
			for range repeats(1) {
				randomFaults(t, voters)
			}
		})
	}
}

func randomFaults(t *testing.T, voters int) {
	s := newScene(t, setup{Shards: 64, Every: 50 * time.Millisecond, Conduct: conduct{Heeds: true}}, voters)
	s.nodes(3)
	s.awaitEven(3)
	for range 40 {
		s.fault()
	}
	s.rest()
	at := now()
	s.awaitOwned()
	t.Logf("all owned %v after a second at most since the last heal", now()-at)
	s.awaitMembers(3)
	s.safe() // not even: who stood in for one that was paused keeps what it took for ten minutes
}

// fault does one thing at random, and lets it last.
func (s *scene) fault() {
	m := s.members[s.rand.IntN(len(s.members))]
	last := s.upTo(s.usual.TTL * 3 / 2)
	switch k := s.rand.IntN(8); k {
	case 0:
		m.kill()
		s.sleep(last)
		m.start()
	case 1:
		m.term()
		s.sleep(last)
		m.start()
	case 2:
		m.pause()
		s.sleep(last)
		m.resume()
	case 3, 4:
		m.set(partitions[s.rand.IntN(len(partitions))].weather)
		s.sleep(last)
		m.set(weather{})
	case 5:
		s.engineFault(m, last)
	case 6:
		e := s.leader()
		e.kill()
		s.sleep(last / 2)
		e.start()
	case 7:
		m.set(weather{Back: trouble{Late: 800 * time.Millisecond, Loss: 0.1}})
		s.sleep(last)
		m.set(weather{})
	}
	s.sleep(s.upTo(time.Second))
}

// engineFault has the leader stand still if it is alone; else it is cut off with a node.
func (s *scene) engineFault(m *member, last time.Duration) {
	l := s.leader()
	if len(s.engines) == 1 {
		l.signal(syscall.SIGSTOP)
		s.sleep(last)
		l.signal(syscall.SIGCONT)
		return
	}
	s.split(m, l)
	s.sleep(last)
	s.unite()
}

// rest ends what may still be wrong: nodes that an Overrun has ended are started again.
func (s *scene) rest() {
	s.awaitAllVoters()
	for _, m := range s.members {
		if !m.alive() {
			m.start()
		}
	}
}
