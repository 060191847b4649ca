//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly && !windows

package process

import (
	"errors"
	"os"
	"os/exec"
)

// Nothing can be run here: js and wasip1 have no processes, and on Plan 9, Solaris,
// illumos and AIX nobody has tried how they end. A Command says so before any of these
// is called; they are here so that a program which needs it elsewhere builds.
const (
	canRun           = false
	canDieWithParent = false
	canInherit       = false
	maxSignal        = Signal(64)
	sigCont          = Signal(0)
	sigAbort         = Signal(6)
)

// errBusy is what a start never fails with.
var errBusy = errors.ErrUnsupported

func setGroup(*exec.Cmd, bool) {}

func signalGroup(*os.Process, Signal) error { return errors.ErrUnsupported }

func signalLeader(*os.Process, Signal) error { return errors.ErrUnsupported }

func exitsAreLost() bool { return false }

func awaitExit(int) exit { return exit{} }

func termSignal(*os.ProcessState) (Signal, bool) { return 0, false }

func maxRSS(*os.ProcessState) int64 { return 0 }
