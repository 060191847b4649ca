package sdnotify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a program says of itself; see sd_notify(3).
const (
	// Ready: it has started, or has finished loading its configuration again.
	Ready = "READY=1"
	// Stopping: it is about to end.
	Stopping = "STOPPING=1"
	// Alive: to be sent at least as often as [WatchdogInterval] says.
	Alive = "WATCHDOG=1"
	// Dead: treat the program as if it had not been alive in time (systemd 243).
	Dead = "WATCHDOG=trigger"
)

// maxStatus bounds the text of a status, in bytes: it is one line for people,
// and a whole message has to fit into maxMessage.
const maxStatus = 1 << 10

// Status says in one line for people what the program is doing. The text is cut
// to 1 KiB of valid UTF-8, as systemd ignores any other, and control characters
// become spaces.
func Status(text string) string {
	if len(text) > maxStatus {
		text = text[:maxStatus-len("…")] + "…" // what is left of a rune in the middle is not valid and goes
	}
	return "STATUS=" + strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, ""))
}

// ExtendTimeout asks for more time to start or to stop: d from now on, if that
// is later than the limit so far. It has to be sent again before d has passed.
// It panics if d is less than a microsecond.
func ExtendTimeout(d time.Duration) string {
	if d < time.Microsecond {
		panic(fmt.Sprintf("tend/sdnotify: ExtendTimeout by %v", d))
	}
	return "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10)
}

// Reloading says that the program begins now to load its configuration again;
// [Ready] must follow when that is done. It holds the time that units of
// Type=notify-reload need (systemd 253).
func Reloading() string {
	const reloading = "RELOADING=1"
	now, ok := monotonic()
	if !ok {
		return reloading
	}
	return reloading + "\nMONOTONIC_USEC=" + strconv.FormatInt(now.Microseconds(), 10)
}
