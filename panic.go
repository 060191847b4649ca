package tend

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/said"
)

// PanicError is the failure of a service that panicked.
type PanicError struct {
	Value any       // that it panicked with; nil of one that came as JSON, and in a history unless it is a string or an error
	PCs   []uintptr // where: the innermost 64 program counters, see [runtime.CallersFrames]

	said  string // of one without a Value
	stack string // of one that came as JSON
}

// newPanicError must be called by run.broken.
func newPanicError(v any) *PanicError {
	if p, is := v.(*PanicError); is {
		return p // carried here from another goroutine: that is where it happened
	}
	return &PanicError{Value: v, PCs: goroutines.Callers(3)} // less this, broken, the deferred function
}

// Error says "panic: " and the value, which it asks each time: a [Reason] has what
// it said when it happened.
func (p *PanicError) Error() string {
	if p.said != "" {
		return p.said
	}
	return said.Panic(p.Value)
}

// isText: the value is a text, so that asking what it says runs no code of users.
func (p *PanicError) isText() bool {
	if p == nil {
		return false
	}
	_, is := p.Value.(string)
	return is
}

// Unwrap returns the value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Stack is where the panic happened: the innermost 64 functions, two lines each, as a
// traceback prints them, less those of the runtime before them, which made the panic,
// and those of this package after them, which called the service.
func (p *PanicError) Stack() string {
	if p.stack != "" {
		return p.stack
	}
	var b strings.Builder
	for _, f := range ofService(p.frames()) {
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

func (p *PanicError) frames() (list []runtime.Frame) {
	if len(p.PCs) == 0 {
		return nil
	}
	frames := runtime.CallersFrames(p.PCs)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			list = append(list, f)
		}
		if !more {
			return list
		}
	}
}

// ofService leaves of a stack what is the service's own; all, if nothing is.
func ofService(frames []runtime.Frame) []runtime.Frame {
	begin := slices.IndexFunc(frames, func(f runtime.Frame) bool { return !strings.HasPrefix(f.Function, "runtime.") })
	end := slices.IndexFunc(frames, func(f runtime.Frame) bool { return f.Function == callerOfServe || f.Function == callerOfHelper })
	if begin < 0 {
		return frames
	}
	if end < 0 {
		return frames[begin:] // there are more than are kept
	}
	for end > begin && slices.Contains(wrappersOfServe, frames[end-1].Function) {
		end--
	}
	if end == begin {
		return frames
	}
	return frames[begin:end]
}

// The functions between a service and the runtime.
const (
	callerOfServe  = "github.com/tend-go/tend.(*run).main"
	callerOfHelper = "github.com/tend-go/tend.(*run).help"
)

var wrappersOfServe = []string{
	"github.com/tend-go/tend.(*funcService).Serve", "github.com/tend-go/tend.Child.Serve", "github.com/tend-go/tend.(*Child).Serve",
}
