package process

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// canSeeGroups: the system says who is in a process group. Signal 0 to a group is no
// substitute: the zombie of its leader, which holds the number, answers it.
const canSeeGroups = true

// awaitRest waits until nobody alive is left in the group whose leader, a zombie, has
// the number pgid, or until over is closed. Those that were there are looked at more
// and more rarely, and all of /proc only when they are gone. Who cannot be seen, as no
// more files can be opened, may be there.
func awaitRest(pgid int, over <-chan struct{}) {
	pause := time.Millisecond
	for members, all := groups.look(pgid); len(members) > 0 || !all; {
		select {
		case <-over:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 50*time.Millisecond)
		if !anyIn(pgid, members) {
			members, all = groups.look(pgid)
		}
	}
}

func anyIn(pgid int, members []int) bool {
	for _, pid := range members {
		if group, err := groupOf(procDir, pid); err != nil || group == pgid {
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
	all     bool          // members has all of them
}

// look returns the processes of a group that are alive, as of some time after the call,
// and whether these are all of them.
func (s *survey) look(pgid int) (members []int, all bool) {
	p, first := s.join()
	if first {
		s.carryOut(p)
	}
	<-p.done
	return p.members[pgid], p.all
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
	p.members, p.all = members(procDir)
	close(p.done)
}

// procDir is where the system says which processes there are.
const procDir = "/proc"

// members are the pids of all process groups, without zombies, and whether they are all
// that there are. They are not if a file cannot be opened, or if proc is missing or has
// the numbers of another namespace, as in a chroot or a container.
func members(proc string) (found map[int][]int, all bool) {
	if self, err := os.Readlink(proc + "/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil, false
	}
	dir, err := os.Open(proc)
	if err != nil {
		return nil, false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1) // what was read before an error counts
	found, all = make(map[int][]int), err == nil
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		group, err := groupOf(proc, pid)
		all = all && err == nil
		found[group] = append(found[group], pid)
	}
	return found, all
}

// groupOf is the process group of a process, 0 if it is not alive or hidden from this
// program, which then may not signal it either. An error says that it cannot be known now.
func groupOf(proc string, pid int) (int, error) {
	stat, err := os.ReadFile(proc + "/" + strconv.Itoa(pid) + "/stat")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH), errors.Is(err, fs.ErrPermission):
		return 0, nil
	case err != nil:
		return 0, err
	}
	// The name, in parentheses, may hold anything; state, parent and group follow it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 || bytes.ContainsAny(fields[0], "ZX") {
		return 0, nil
	}
	return strconv.Atoi(string(fields[2]))
}
