package process

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/said"
)

// ExitError says how a process failed. While it was being stopped, or was
// stopped because it failed otherwise (not ready in time, a silent watchdog, a
// panic in Output), errors.Is and errors.As also find the reason.
type ExitError struct {
	Name string // of the Command
	Pid  int

	Code   int    // exit code; -1 if a signal ended it
	Signal Signal // that ended it, 0 if none did
	Core   bool   // the kernel wrote a core dump, or handed one over

	// Forced: it, or another of its group, did not stop in time when it was asked to,
	// and the group got SIGKILL.
	Forced bool
	// Unsent is why a signal that was to stop it was not sent; nil if each was.
	Unsent error
	// Ready says whether it had been ready.
	Ready bool
	// Cause is why it was being stopped; nil if it ended by itself.
	Cause error

	// Tail is the last of what it wrote to both streams, about 4096 bytes of valid
	// UTF-8 but otherwise as it is, from the beginning of a line if there is one. If a Go program
	// crashed with more than that, the line that says why comes first.
	Tail string

	User, System time.Duration // CPU time of it and the children it waited for
	MaxRSS       int64         // in bytes, 0 if unknown

	deaf  bool          // StopSignal was ignored when it was started
	grace time.Duration // that it was given before SIGKILL, if Forced
}

// Error is one line: the name, why it was stopped, how it ended and the line of
// the tail that says most, as a terminal would show it but without controls.
func (e *ExitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tend/process: %s: ", e.Name)
	if e.Cause != nil {
		fmt.Fprintf(&b, "%v: ", e.Cause)
	}
	b.WriteString(e.how())
	switch {
	case e.Forced && e.Unsent != nil:
		fmt.Fprintf(&b, ", it did not stop within %s and could not be killed: %v", said.Brief(e.grace), e.Unsent)
	case e.Unsent != nil:
		fmt.Fprintf(&b, ", it could not be signalled: %v", e.Unsent)
	case e.Forced && e.Signal != sigKill:
		fmt.Fprintf(&b, ", but others of its group were killed because they did not stop within %s", said.Brief(e.grace))
	case e.Forced:
		fmt.Fprintf(&b, " because it did not stop within %s", said.Brief(e.grace))
	case e.Cause == nil && !e.Ready:
		b.WriteString(" before it was ready")
	}
	if e.Forced && e.deaf {
		b.WriteString(" (the calling program ignores its StopSignal, and so did it from its start)")
	}
	if line := tellingLine(e.Tail); line != "" {
		fmt.Fprintf(&b, ": %s", line)
	}
	return b.String()
}

func (e *ExitError) how() string {
	if e.Signal == 0 {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	s := "signal: " + e.Signal.String()
	if e.Core {
		s += " (core dumped)"
	}
	return s
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Cause }

func newExitError(name string, s *os.ProcessState, tail string) *ExitError {
	e := &ExitError{
		Name: name, Pid: s.Pid(), Code: s.ExitCode(), Tail: tail,
		User: s.UserTime(), System: s.SystemTime(), MaxRSS: maxRSS(s),
	}
	e.Signal, e.Core = termSignal(s)
	return e
}

// tellingLine is the last line of a tail, or the one with which a Go program
// says why it crashed: the last lines are a stack then.
func tellingLine(tail string) string {
	const most = 200
	var telling string
	for line := range strings.Lines(tail) {
		line = shown(line)
		if isCrash(line) {
			telling = line
			break
		}
		if line != "" {
			telling = line
		}
	}
	return said.Clean(telling, most)
}

// escapes are what makes a terminal show colors, move its cursor or take a title:
// sequences that begin with ESC [ or ESC ], or with ESC and end after one more.
var escapes = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[ -/]*[0-~])|\x07")

// shown is what a terminal shows of a line in the end: without escapes, and after a
// return only what was written over the rest, as a progress bar does.
func shown(line string) string {
	line = strings.TrimSpace(escapes.ReplaceAllString(line, ""))
	return strings.TrimSpace(line[strings.LastIndexByte(line, '\r')+1:])
}

// panicked is the failure of a run in which code of the caller's panicked with v; the
// process is stopped. It must be called where that is caught. (A panic in Setup is
// none: it goes on in the caller of Serve, as there is no process yet.)
func panicked(in string, v any) error {
	return fmt.Errorf("%s: %w", in, &tend.PanicError{Value: v, PCs: goroutines.Callers(3)})
}
