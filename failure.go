package tend

import "fmt"

// TooManyFailures is what Serve returns after a supervisor with
// [Spec].Escalate has failed too often. It unwraps to the last failure.
type TooManyFailures struct {
	Supervisor       string // its path
	Service          string // the name of the service that failed last
	Count, Threshold float64
	Last             error // what that service returned; nil if it returned nil

	text string // of Last
}

// Error names the supervisor, the numbers and the last failure.
func (e *TooManyFailures) Error() string {
	return fmt.Sprintf("tend: supervisor %q: too many failures (%.1f, threshold %g); the last was of %q: %s",
		e.Supervisor, e.Count, e.Threshold, e.Service, e.text)
}

// Unwrap returns the last failure.
func (e *TooManyFailures) Unwrap() error { return e.Last }

// stopError is why a supervisor stopped: a text, and what it is in the sense of
// errors.Is.
type stopError struct {
	text string
	err  error
}

func (e *stopError) Error() string { return e.text }

func (e *stopError) Unwrap() error { return e.err }
