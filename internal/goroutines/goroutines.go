// Package goroutines finds out where goroutines are.
package goroutines

import (
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
)

// Bounds of looking up goroutines. It stops the program for about 9 µs for each that
// there is.
const (
	maxGoroutines = 100_000
	maxText       = 64 << 10 // bytes about one value of a label
)

// TooManyError is that there are too many goroutines to look them up.
type TooManyError struct{ Goroutines, Limit int }

// Error says how many there are and may be.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("the program has %d goroutines, more than %d", e.Goroutines, e.Limit)
}

// Check returns a [*TooManyError] if there are so many goroutines that to look at
// all would hold up the program too long.
func Check() error { return check(runtime.NumGoroutine(), maxGoroutines) }

func check(n, limit int) error {
	if n > limit {
		return &TooManyError{n, limit}
	}
	return nil
}

// Find returns the stacks of the goroutines with the pprof label key, for each of
// its values that is wanted and found, as a traceback prints them: for each group of
// goroutines with the same stack how many they are, and two lines for each function.
// They come in the order of a profile, the largest groups first. Of one value 64 KiB
// are kept; how many stacks there were more is said then. What Check says is an
// error.
//
// Wanted is called for each stack, while nobody is held up any more. However many
// goroutines there are, only what is wanted is in memory.
func Find(key string, wanted func(value string) bool) (map[string]string, error) {
	return find(key, wanted, maxGoroutines)
}

func find(key string, wanted func(string) bool, limit int) (map[string]string, error) {
	if err := check(runtime.NumGoroutine(), limit); err != nil {
		return nil, err
	}
	f := newFilter(key, wanted)
	if err := pprof.Lookup("goroutine").WriteTo(f, 1); err != nil {
		return nil, err
	}
	return f.texts(), nil
}

// buffers are for program counters: too big for the stack that a goroutine begins
// with.
var buffers = sync.Pool{New: func() any { return new([64]uintptr) }}

// Callers returns the program counters of the innermost 64 functions of the calling
// goroutine, for runtime.CallersFrames, without the first skip: with 0 they begin
// with the caller of Callers. In a function that guard.Try has called because of a
// panic, 2 is where the panic began.
func Callers(skip int) []uintptr {
	buffer := buffers.Get().(*[64]uintptr)
	defer buffers.Put(buffer)
	n := runtime.Callers(skip+2, buffer[:])
	return slices.Clone(buffer[:n])
}
