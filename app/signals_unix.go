//go:build unix

package app

import (
	"os"
	"syscall"
)

var caught = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1}

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
