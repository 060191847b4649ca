package process

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// note is one message of a process on its notify socket; sd_notify(3) has the
// protocol.
type note struct {
	ready, alive, trigger bool // READY=1, WATCHDOG=1, WATCHDOG=trigger
	status                string
	hasStatus             bool
	extend                time.Duration // EXTEND_TIMEOUT_USEC; 0: not given
	watchdog              time.Duration // WATCHDOG_USEC; 0: not given

	mark bool // it is ours: what was sent before it has been read

	files []int // descriptors that came along
}

// maxNote is the size of a message in bytes; systemd ignores longer ones too.
const maxNote = 4096

// maxStatus bounds the status that is shown, in bytes.
const maxStatus = 512

// parseNote reads a message: lines of KEY=value. What is unknown or malformed
// is passed over.
func parseNote(message []byte) note {
	var n note
	for line := range strings.Lines(string(message)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "READY":
			n.ready = value == "1"
		case "WATCHDOG":
			n.alive = value == "1"
			n.trigger = value == "trigger"
		case "STATUS":
			n.status, n.hasStatus = cleanStatus(value), true
		case "EXTEND_TIMEOUT_USEC":
			n.extend = microseconds(value)
		case "WATCHDOG_USEC":
			n.watchdog = microseconds(value)
		}
	}
	return n
}

func cleanStatus(s string) string {
	return said.Clean(escapes.ReplaceAllString(s, ""), maxStatus-len("…"))
}

// microseconds saturates; it is 0 if s is not a number.
func microseconds(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil:
		return 0
	case n > math.MaxInt64/uint64(time.Microsecond):
		return math.MaxInt64
	}
	return time.Duration(n) * time.Microsecond
}
