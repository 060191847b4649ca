package process

import (
	"os"
	"os/exec"
	"syscall"
)

// Windows has no signals and no process groups in this sense: any signal is
// TerminateProcess on the process itself, and its children live on.
const (
	canRun           = true
	canDieWithParent = false
	canInherit       = false
	maxSignal        = Signal(64)
	sigCont          = Signal(0)
	sigAbort         = syscall.SIGABRT
	errBusy          = syscall.ETXTBSY
)

func setGroup(*exec.Cmd, bool) {}

// signalGroup ends p. Signal 0 only asks whether that would be possible.
func signalGroup(p *os.Process, sig Signal) error {
	if sig == 0 {
		return nil
	}
	return p.Kill()
}

func exitsAreLost() bool { return false }

func signalLeader(p *os.Process, sig Signal) error { return signalGroup(p, sig) }

// awaitExit waits until the process has exited. Its handle, which os.Process
// keeps, holds its id.
func awaitExit(pid int) exit {
	handle, err := syscall.OpenProcess(syscall.SYNCHRONIZE|syscall.PROCESS_QUERY_INFORMATION, false, uint32(pid))
	if err != nil {
		return exit{}
	}
	defer syscall.CloseHandle(handle)
	if _, err := syscall.WaitForSingleObject(handle, syscall.INFINITE); err != nil {
		return exit{}
	}
	var code uint32
	if err := syscall.GetExitCodeProcess(handle, &code); err != nil {
		return exit{held: true}
	}
	return exit{held: true, known: true, code: int(code)}
}

func termSignal(*os.ProcessState) (Signal, bool) { return 0, false }

func maxRSS(*os.ProcessState) int64 { return 0 }
