//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package process

import (
	"errors"
	"syscall"
	"time"
)

const canDieWithParent = false

func setParentDeath(*syscall.SysProcAttr) {}

// awaitExit waits until the process has exited and leaves it a zombie. As long as the
// system has no queue to spare (too many open files) it cannot be seen whether it has:
// it may run, and is not taken for dead.
func awaitExit(pid int) exit {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		if e, err := queueExit(pid); err == nil {
			return e
		}
		time.Sleep(pause)
	}
}

// queueExit waits for the exit on a queue. waitid would do, but on Darwin it also returns
// when a process stops (go.dev/issue/19314). It costs a thread per process.
func queueExit(pid int) (exit, error) {
	queue, err := syscall.Kqueue()
	if err != nil {
		return exit{}, err
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
		if err != nil {
			return exit{}, err
		}
		if n > 0 {
			break
		}
	}
	if got[0].Flags&syscall.EV_ERROR != 0 {
		err = syscall.Errno(got[0].Data)
		if errors.Is(err, syscall.ESRCH) { // it was a zombie before we looked: its code is not known
			return exit{held: true}, nil
		}
		return exit{}, err
	}
	e := exit{held: true, known: true, code: -1}
	if status := syscall.WaitStatus(got[0].Data); status.Exited() {
		e.code = status.ExitStatus()
	}
	return e, nil
}
