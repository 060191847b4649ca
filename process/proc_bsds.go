//go:build freebsd || netbsd || openbsd || dragonfly

package process

import "syscall"

const (
	// maxRSSUnit is the unit of Rusage.Maxrss.
	maxRSSUnit = 1 << 10
	// noteExit asks for the exit; the status comes with it.
	noteExit = syscall.NOTE_EXIT
)
