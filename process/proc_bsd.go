//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package process

import (
	"errors"
	"syscall"
)

const canDieWithParent = false

func setParentDeath(*syscall.SysProcAttr) {}

// awaitExit waits until the process has exited and leaves it a zombie. waitid
// would do, but on Darwin it also returns when a process stops
// (go.dev/issue/19314). It costs a thread per process.
func awaitExit(pid int) exit {
	gone := exit{held: true} // it was a zombie before we looked: its code is not known
	queue, err := syscall.Kqueue()
	if err != nil {
		return gone
	}
	defer syscall.Close(queue)
	var want, got [1]syscall.Kevent_t
	syscall.SetKevent(&want[0], pid, syscall.EVFILT_PROC, syscall.EV_ADD|syscall.EV_ONESHOT)
	want[0].Fflags = noteExit
	for {
		n, err := syscall.Kevent(queue, want[:], got[:], nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || n == 0 || got[0].Flags&syscall.EV_ERROR != 0 {
			return gone
		}
		e := exit{held: true, known: true, code: -1}
		if status := syscall.WaitStatus(got[0].Data); status.Exited() {
			e.code = status.ExitStatus()
		}
		return e
	}
}
