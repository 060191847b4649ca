//go:build !plan9

package process

import "syscall"

// Signal is [syscall.Signal], under a name that there is on Plan 9 too. Plan 9 has no
// such signals, and nothing runs there.
type Signal = syscall.Signal

// What package syscall has on all other systems.
const (
	sigTerm = syscall.SIGTERM
	sigKill = syscall.SIGKILL
)
