//go:build !unix

package app

import (
	"os"
	"syscall"
)

var (
	caught   = []os.Signal{os.Interrupt, syscall.SIGTERM}
	harmless []os.Signal
)

func meaning(s os.Signal, _ bool) wish {
	if s == os.Interrupt || s == syscall.SIGTERM {
		return wantStop
	}
	return wantNothing
}
