//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package process

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const (
	canRun     = true
	canInherit = true
	maxSignal  = Signal(64)
	sigCont    = syscall.SIGCONT
	sigAbort   = syscall.SIGABRT
	errBusy    = syscall.ETXTBSY
)

// setGroup puts the child into a process group of its own, of which it is the
// leader. A session that Setup asked for is one already.
func setGroup(cmd *exec.Cmd, dieWithParent bool) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	attr := cmd.SysProcAttr
	attr.Setpgid, attr.Pgid = !attr.Setsid, 0
	if dieWithParent {
		setParentDeath(attr)
	}
}

// signalGroup sends sig to the group of p, which must not have been reaped.
func signalGroup(p *os.Process, sig Signal) error {
	return os.NewSyscallError("kill", syscall.Kill(-p.Pid, sig))
}

// exitsAreLost: the kernel keeps no exit status, and frees the number of a process as
// soon as that ends: it must not be signalled then.
func exitsAreLost() bool { return signal.Ignored(syscall.SIGCHLD) }

// signalLeader sends sig to p alone, which must not have been reaped.
func signalLeader(p *os.Process, sig Signal) error {
	return os.NewSyscallError("kill", syscall.Kill(p.Pid, sig))
}

// termSignal is the signal that ended the process, and whether it dumped core.
func termSignal(s *os.ProcessState) (Signal, bool) {
	status, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return 0, false
	}
	return status.Signal(), status.CoreDump()
}

func maxRSS(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(usage.Maxrss) * maxRSSUnit
}
