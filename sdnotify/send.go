package sdnotify

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// maxMessage is what systemd reads of one message, in bytes (NOTIFY_BUFFER_MAX).
const maxMessage = 4096

// sendTimeout is how long Send waits for room in the queue of a reader that is
// behind. A manager that does not read for that long has other troubles, and the
// program must not hang with it.
const sendTimeout = time.Second

// Enabled reports whether somebody wants to be told: NOTIFY_SOCKET is set and
// this is Linux.
func Enabled() bool { return supported && os.Getenv("NOTIFY_SOCKET") != "" }

// Send sends assignments such as [Ready] or "ERRNO=2" in one message. It returns
// true if the message has been handed over, false and no error if nobody wants
// it; see [Enabled]. It waits at most a second.
//
// An error is about the assignments, which must be of the form NAME=value and
// together be at most 4,096 bytes long, about the address in NOTIFY_SOCKET, which
// must be a path or "@" and an abstract name, or about the socket.
func Send(state ...string) (bool, error) {
	message := strings.Join(state, "\n")
	if err := check(message); err != nil {
		return false, err
	}
	if !Enabled() {
		return false, nil
	}
	addr := os.Getenv("NOTIFY_SOCKET")
	if addr[0] != '/' && addr[0] != '@' || len(addr) == 1 {
		return false, fmt.Errorf("tend/sdnotify: NOTIFY_SOCKET is %q, neither a path nor an abstract name", addr)
	}
	if err := sendTo(addr, message, sendTimeout); err != nil {
		return false, fmt.Errorf("tend/sdnotify: NOTIFY_SOCKET %q: %w", addr, err)
	}
	return true, nil
}

// check finds what is wrong with a message.
func check(message string) error {
	if message == "" {
		return errors.New("tend/sdnotify: there is nothing to send")
	}
	if len(message) > maxMessage {
		return fmt.Errorf("tend/sdnotify: the message has %d bytes, more than %d", len(message), maxMessage)
	}
	for line := range strings.SplitSeq(message, "\n") {
		if name, _, ok := strings.Cut(line, "="); !ok || name == "" {
			return fmt.Errorf("tend/sdnotify: %.60q is not of the form NAME=value", line)
		}
	}
	return nil
}
