package health

import (
	"fmt"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/said"
)

// owner is what errors of this package begin with.
const owner = "tend/health"

// fault is an error of this package. By itself it has the prefix of the package; what
// stands in a report, or in an [UnhealthyError] that has the prefix already, is the
// text without it.
type fault struct {
	text string
	err  error // that it wraps, if any
}

func (f *fault) Error() string { return owner + ": " + f.text }

func (f *fault) Unwrap() error { return f.err }

// prefixed makes a fault of an error that goes out of the package. What is inside of
// it has no prefixes, so that nothing says "tend/health" twice.
func prefixed(err error) error {
	if err == nil {
		return nil
	}
	return &fault{err.Error(), err}
}

// with is f together with the particulars.
func (f *fault) with(format string, args ...any) *fault {
	return &fault{f.text + " (" + fmt.Sprintf(format, args...) + ")", f}
}

// reasonOf takes what err says: cleaned, and bounded to less than a [tend.Reason]
// usually is, because there may be many probes. Asking an error runs user code, but
// for a fault: reasonOf of anything else must not be called with the lock held.
func reasonOf(err error) tend.Reason {
	switch own := err.(type) { //nolint:errorlint // an error that wraps a fault says more than the fault
	case nil:
		return tend.Reason{}
	case *fault:
		return tend.Reason{Err: own, Text: said.Clean(own.text, maxText)}
	}
	return tend.Reason{Err: err, Text: said.Clean(said.Text(err), maxText)}
}

// caught makes an error of a panic, for guard.Try.
func caught(v any) error { return &tend.PanicError{Value: v, PCs: goroutines.Callers(2)} }
