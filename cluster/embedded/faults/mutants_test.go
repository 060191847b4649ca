//go:build linux

package faults

import (
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// The checker is worth what it catches. Each mutant has something wrong on purpose, and what
// the suite would say of it is asserted: that it is wrong.
//
// Two of them are etcd sessions as they are found elsewhere: their deadline counts from the
// answer. The answers come 0.8s late, then none.
func TestMutantStock(t *testing.T) { cutLate(t, stock) }

func TestMutantDeadlineFromAnswer(t *testing.T) {
	onlyWhole(t)
	cutLate(t, fromAnswer)
}

func cutLate(t *testing.T, m mutant) {
	s := newScene(t, setup{Mutant: m}, 1)
	s.node("node-0")
	owner := s.owner()
	s.node("node-1")
	owner.set(weather{Back: trouble{Late: 800 * time.Millisecond}})
	s.awaitAnswered(owner.process)
	at := now()
	owner.set(weather{There: trouble{Cut: true}, Back: trouble{Cut: true}})
	next := s.successor(owner.process, at)
	end := s.awaitNote(history.Stop, owner.process.name, at)
	t.Logf("taken over %v after the cut, the old one returned %v later", next.At-at, end.At-next.At)
	v := s.judge()
	if len(v.Overlaps) == 0 || len(v.Stale) == 0 {
		t.Error("it is not caught")
	}
	if len(v.Taken) > 0 || !v.linear {
		t.Error("the fence has failed")
	}
}

// awaitAnswered returns when a renewal was sent since now, and all are answered. The next is
// sent a second later, so that what is cut off then has nothing under way.
func (s *scene) awaitAnswered(p *process) {
	s.t.Helper()
	at := now()
	s.await("an answer to each renewal", func() bool {
		s.view.look()
		open, fresh := 0, false
		for _, r := range s.view.past {
			switch {
			case r.Process != p.name:
			case r.What == renewing:
				open++
				fresh = fresh || r.At >= at
			case r.What == renewed:
				open--
			}
		}
		return fresh && open == 0
	})
}

// Released when the service is told, and not when it has returned.
func TestMutantReleasedEarly(t *testing.T) {
	s := newScene(t, setup{Mutant: early, Shards: 16, Conduct: conduct{Lingers: 200 * time.Millisecond}}, 1)
	first := s.node("node-0")
	s.awaitOwned()
	s.node("node-1")
	s.awaitEven(2)
	first.term()
	s.awaitOwned()
	if v := s.judge(); len(v.Overlaps) == 0 || len(v.Stale) == 0 {
		t.Error("it is not caught")
	}
}

// Forgotten when the delete is answered, and not when the view shows it: a view that is behind
// has it taken up again.
func TestMutantForgottenEarly(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{Shards: 32, Every: 20 * time.Millisecond}, 1)
	s.node("node-0", func(m *setup) { m.Mutant = hasty })
	s.awaitOwned()
	s.node("node-1")
	at := now()
	s.await("moves", func() bool { s.view.look(); return len(s.view.starts(at, "")) > 32 })
	if v := s.judge(); len(v.Overlaps) == 0 || len(v.Stale) == 0 || len(v.Tokens) == 0 {
		t.Error("it is not caught")
	}
}

// Nothing ends a process whose service ignores its context.
func TestMutantNoOverrun(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{Mutant: noOverrun, Conduct: conduct{Stubborn: true}}, 1)
	s.nodes(2)
	s.awaitMembers(2)
	owner, at := s.owner(), now()
	owner.set(partitions[0].weather)
	s.successor(owner.process, at)
	s.sleep(time.Second)
	if v := s.judge(); len(v.Overlaps) == 0 || len(v.Stale) == 0 {
		t.Error("it is not caught")
	}
}

// A ledger that takes all is caught by what it took, and by its history alone.
func TestMutantTakesAll(t *testing.T) {
	onlyWhole(t)
	s := newScene(t, setup{Mutant: takesAll, TTL: 3 * time.Second, Shards: 16, Conduct: conduct{Work: 20 * time.Millisecond}}, 1)
	s.nodes(2)
	s.awaitEven(2)
	at := now()
	s.members[0].pause()
	s.await("a takeover", func() bool {
		s.view.look()
		return len(s.view.starts(at, "")) >= 8
	})
	s.sleep(500 * time.Millisecond)
	s.members[0].resume()
	s.sleep(500 * time.Millisecond)
	if v := s.judge(); len(v.Taken) == 0 || v.linear {
		t.Error("it is not caught")
	}
}
