//go:build unix

package app

import (
	"os"
	"syscall"
)

var (
	caught = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1}
	// harmless: who reads stdout or stderr may go away; then writing fails, and the
	// program does not end before it has stopped. Started programs do not inherit
	// that, as they would if it were ignored.
	harmless = []os.Signal{syscall.SIGPIPE}
)

// meaning is what a signal asks for in a program that can, or cannot, reload.
func meaning(s os.Signal, reloads bool) wish {
	switch s {
	case os.Interrupt, syscall.SIGTERM:
		return wantStop
	case syscall.SIGHUP:
		if reloads {
			return wantReload
		}
		return wantStop
	case syscall.SIGUSR1:
		return wantDump
	}
	return wantNothing
}
