package tend

import "fmt"

// TooManyFailures is what Serve returns after a supervisor with [Spec].Escalate
// has failed too often. It unwraps to the last failure.
type TooManyFailures struct {
	Supervisor string  `json:"supervisor"` // its path
	Service    string  `json:"service"`    // the name of the service that failed last
	Count      float64 `json:"count"`
	Threshold  float64 `json:"threshold"`
	Last       Reason  `json:"last"` // what that service failed with
}

// Error says the last failure first, as what is shown of a text may be its beginning, and
// then the supervisor and the numbers.
func (e *TooManyFailures) Error() string {
	return fmt.Sprintf("tend: %s: %s; too many failures of %s (%.1f, threshold %g)", e.Service, e.Last.Error(), e.Supervisor, e.Count, e.Threshold)
}

// Unwrap returns what the service returned that failed last; nil if that was nil.
func (e *TooManyFailures) Unwrap() error { return e.Last.Err }

// contextEnded is what Serve returns because its context has ended with a cause that
// is user code. It has been asked what it says, once for the whole tree: whoever
// asks this asks nobody.
type contextEnded struct {
	err  error  // both
	how  string // the context's own error
	text string // set when Serve returns
}

func (e *contextEnded) Error() string { return e.text }
func (e *contextEnded) Unwrap() error { return e.err }

// treeEnded is why a supervisor stopped that a service has ended: by asking for
// it, or by being the last significant one.
type treeEnded struct {
	path        string // of the service
	significant bool   // the last one has ended
	last        Reason // what it returned; none if it is the last one
	is          error  // in the sense of errors.Is
}

func (e *treeEnded) Error() string {
	if e.significant {
		return "tend: " + e.path + ", the last significant service of its supervisor, has ended"
	}
	return "tend: " + e.path + " ended the tree: " + e.last.Error()
}

func (e *treeEnded) Unwrap() error { return e.is }
