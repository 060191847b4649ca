//go:build linux || darwin

package main

import (
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What the driver does to processes.
const (
	kill      = syscall.SIGKILL
	pause     = syscall.SIGSTOP
	carryOn   = syscall.SIGCONT
	supported = true
	// dieWithParent: no node outlives a driver that is killed.
	dieWithParent = runtime.GOOS == "linux"
)

// now is a clock that all processes of the machine share and nobody sets: what they note
// can be put in order.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // there is such a clock
	}
	return time.Duration(t.Nano())
}
