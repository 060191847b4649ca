package process

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// canSeeGroups: the system says who is in a process group. Signal 0 to a group is no
// substitute: the zombie of its leader, which holds the number, answers it.
const canSeeGroups = true

// awaitRest waits until nobody alive is left in the group whose leader, a zombie, has
// the number pgid, or until over is closed. Those that were there are looked at more
// and more rarely, and all of /proc only when they are gone.
func awaitRest(pgid int, over <-chan struct{}) {
	for members := groups.look(pgid); len(members) > 0; members = groups.look(pgid) {
		for pause := time.Millisecond; anyIn(pgid, members); pause = min(2*pause, 50*time.Millisecond) {
			select {
			case <-over:
				return
			case <-time.After(pause):
			}
		}
	}
}

func anyIn(pgid int, members []int) bool {
	for _, pid := range members {
		if group, alive := groupOf(pid); alive && group == pgid {
			return true
		}
	}
	return false
}

// groups is the view of /proc that all runs share.
var groups survey

// survey looks through all processes once for all who ask meanwhile: a program that
// stops a thousand processes does not look through a thousand a thousand times.
type survey struct {
	mu   sync.Mutex
	next *pass      // not begun; nil: none is wanted
	turn sync.Mutex // held by the pass that is under way
}

type pass struct {
	done    chan struct{} // closed when members is complete
	members map[int][]int // the pids in each group that are alive
}

// look returns the processes of a group that are alive, as of some time after the call.
func (s *survey) look(pgid int) []int {
	p, first := s.join()
	if first {
		s.carryOut(p)
	}
	<-p.done
	return p.members[pgid]
}

func (s *survey) join() (p *pass, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		return s.next, false
	}
	s.next = &pass{done: make(chan struct{})}
	return s.next, true
}

func (s *survey) carryOut(p *pass) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.next = nil // who asks from now on wants a later one
	s.mu.Unlock()
	p.members = members()
	close(p.done)
}

// members are the pids of all process groups, without zombies. If /proc cannot be
// read there are none.
func members() map[int][]int {
	found := make(map[int][]int)
	proc, err := os.Open("/proc")
	if err != nil {
		return found
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // what was read before an error counts
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if group, alive := groupOf(pid); alive {
			found[group] = append(found[group], pid)
		}
	}
	return found
}

// groupOf is the process group of a process, if it is alive.
func groupOf(pid int) (group int, alive bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The name, in parentheses, may hold anything; state, parent and group follow it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 || bytes.ContainsAny(fields[0], "ZX") {
		return 0, false
	}
	group, err = strconv.Atoi(string(fields[2]))
	return group, err == nil
}
