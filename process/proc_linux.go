package process

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

const canDieWithParent = true

// maxRSSUnit is the unit of Rusage.Maxrss.
const maxRSSUnit = 1 << 10

func setParentDeath(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// The arguments of waitid(2) and pidfd_open(2) that package syscall lacks.
const (
	idPid         = 1 // P_PID
	idPidfd       = 3 // P_PIDFD, since Linux 5.4
	cldExited     = 1 // CLD_EXITED
	pidfdOpen     = 434
	pidfdNonblock = syscall.O_NONBLOCK // PIDFD_NONBLOCK, since Linux 5.10
)

// siginfo is the beginning of siginfo_t as waitid fills it; the kernel's has 128
// bytes. The empty field aligns the union as its pointers do.
type siginfo struct {
	Signo, Errno, Code int32
	_                  [0]uintptr
	Pid                int32
	UID                uint32
	Status             int32
	_                  [128]byte
}

// awaitExit waits until the process has exited and leaves it a zombie. It costs
// no thread where the kernel has pidfds that can be polled.
func awaitExit(pid int) exit {
	if e, err := pollExit(pid); err == nil {
		return e
	}
	for {
		var info siginfo
		switch err := waitid(idPid, pid, &info, 0); {
		case err == nil:
			return info.exit()
		case !errors.Is(err, syscall.EINTR):
			return exit{} // somebody else has reaped it
		}
	}
}

func pollExit(pid int) (exit, error) {
	fd, _, errno := syscall.Syscall(pidfdOpen, uintptr(pid), pidfdNonblock, 0)
	if errno != 0 {
		return exit{}, errno
	}
	f := os.NewFile(fd, "pidfd")
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return exit{}, err
	}
	var info siginfo
	var wait error
	err = raw.Read(func(fd uintptr) bool {
		info = siginfo{}
		wait = waitid(idPidfd, int(fd), &info, syscall.WNOHANG)
		return wait != nil && !errors.Is(wait, syscall.EINTR) && !errors.Is(wait, syscall.EAGAIN) || info.Signo != 0
	})
	return info.exit(), errors.Join(err, wait)
}

func waitid(kind, id int, info *siginfo, options int) error {
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, uintptr(kind), uintptr(id), uintptr(unsafe.Pointer(info)),
		uintptr(options|syscall.WEXITED|syscall.WNOWAIT), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func (i *siginfo) exit() exit {
	e := exit{held: true, known: true, code: -1}
	if i.Code|i.Errno == cldExited { // MIPS swaps the two; no error is set here
		e.code = int(i.Status)
	}
	return e
}
