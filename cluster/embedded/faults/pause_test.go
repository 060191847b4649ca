//go:build linux

package faults

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// SIGSTOP past the takeover, then on. What the old owner tries when it wakes, the ledger
// refuses: no clock can, if the act comes after the check.
func TestFault3Pause(t *testing.T) {
	for _, tt := range []struct {
		name    string
		conduct conduct
		tries   bool // it must try: the fence is what saves us
	}{
		{"plain", conduct{Heeds: true}, true},
		{"with Check", conduct{Heeds: true, Check: true}, false},
		{"with Check, and work after it", conduct{Heeds: true, Check: true, Work: 50 * time.Millisecond}, true},
	} {
		t.Run(tt.name, func(t *testing.T) { pauseOwner(t, tt.conduct, tt.tries) })
	}
}

// mostPauses is how often a process is paused until it tries something when it wakes: whether
// it is in the middle of something is chance.
const mostPauses = 8

// refused: the ledger has, since it was last asked.
func (s *scene) refused() bool {
	ledger := s.view.more(filepath.Join(s.view.dir, "ledger.jsonl"))
	return slices.ContainsFunc(ledger, func(r history.Record) bool { return r.What == history.Act && !r.Taken })
}

func pauseOwner(t *testing.T, c conduct, tries bool) {
	s := newScene(t, setup{TTL: 3 * time.Second, Shards: 16, Conduct: c}, 1)
	s.nodes(2)
	s.awaitEven(2)
	for n := 0; n < repeats(3) || tries && n < mostPauses && !s.refused(); n++ {
		m := s.members[s.rand.IntN(2)]
		at := now()
		m.pause()
		s.await("a takeover", func() bool {
			s.view.look()
			return len(s.view.starts(at, "")) >= 8
		})
		s.sleep(s.upTo(time.Second))
		m.resume()
		s.awaitEven(2)
	}
	v := s.safe()
	if tries && v.Refused == 0 {
		t.Error("nothing was tried under an old token: the fence was not needed")
	}
}

// Trap 29: the machine stands still, every side is late at once. Whatever the engine makes of
// it, what is taken is in order, and all runs again.
func TestMachineStalls(t *testing.T) {
	onlyWhole(t)
	for _, stall := range []time.Duration{2 * time.Second, 8 * time.Second} {
		t.Run(fmt.Sprint(stall), func(t *testing.T) {
			s := newScene(t, setup{Shards: 16, Conduct: conduct{Heeds: true}}, 1)
			s.nodes(3)
			s.awaitEven(3)
			stop, on := s.all()
			stop()
			s.sleep(stall)
			at := now()
			on()
			s.awaitOwned()
			s.awaitMembers(3)
			s.sleep(time.Second)
			s.awaitOwned()
			t.Logf("told %d, started %d", len(s.view.find(history.Told, at, "")), len(s.view.starts(at, "")))
			s.safe()
		})
	}
}

// all is to stop each process of the scene, and to let it go on.
func (s *scene) all() (stop, on func()) {
	processes := []*process{s.ledger}
	for _, e := range s.engines {
		processes = append(processes, e.process)
	}
	for _, m := range s.members {
		processes = append(processes, m.process)
	}
	return func() {
			for _, p := range processes {
				p.pause()
			}
		}, func() {
			for _, p := range processes {
				p.resume()
			}
		}
}
