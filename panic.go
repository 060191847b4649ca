package tend

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// PanicError is the failure of a service that panicked.
type PanicError struct {
	Value any // that it panicked with

	text string    // taken once
	pcs  []uintptr // where; made to text when somebody asks
}

// callers are buffers for program counters: too big for the stack that a goroutine
// begins with.
var callers = sync.Pool{New: func() any { return new([64]uintptr) }}

// newPanicError must be called by run.broken.
func newPanicError(v any) *PanicError {
	buffer := callers.Get().(*[64]uintptr)
	defer callers.Put(buffer)
	n := runtime.Callers(4, buffer[:]) // less Callers, this, broken, the deferred function
	return &PanicError{Value: v, text: "panic", pcs: slices.Clone(buffer[:n])}
}

// Error says "panic: " and the value, as it was printed when it happened.
func (p *PanicError) Error() string { return p.text }

// Unwrap returns the value if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Stack is where the panic happened: the innermost 64 functions, two lines each, as a
// traceback prints them.
func (p *PanicError) Stack() string {
	var b strings.Builder
	frames := runtime.CallersFrames(p.pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}
