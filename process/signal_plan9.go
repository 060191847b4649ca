package process

import "fmt"

// Signal is the number of a signal that is never sent: Plan 9 has notes, which are
// texts.
type Signal int

// String returns "signal" and the number.
func (s Signal) String() string { return fmt.Sprintf("signal %d", int(s)) }

// Signal makes it an [os.Signal].
func (Signal) Signal() {}

const (
	sigTerm = Signal(15)
	sigKill = Signal(9)
)
