package cluster

import (
	"syscall"
	"time"
	"unsafe"
)

const (
	clockMonotonic = 1
	clockBoottime  = 7
)

// asleep is for how long the machine has been suspended since it booted, or a little more:
// the clock that stands still meanwhile is read first, so that a thread which is held up
// between the two errs towards less time for claims.
func asleep() time.Duration {
	still := clock(clockMonotonic)
	return clock(clockBoottime) - still
}

func clock(id uintptr) time.Duration {
	var t syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return time.Duration(t.Nano())
}
