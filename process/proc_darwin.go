package process

import "syscall"

const (
	// maxRSSUnit is the unit of Rusage.Maxrss.
	maxRSSUnit = 1
	// noteExit asks for the exit and, NOTE_EXITSTATUS, for the status with it.
	noteExit = syscall.NOTE_EXIT | syscall.NOTE_EXITSTATUS
)
