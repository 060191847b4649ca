package tend

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tend-go/tend/internal/said"
)

// Reason is why something failed, ended or is being stopped: an error together
// with what it said. That was asked once, where the error came from, and is
// bounded, valid UTF-8 and on one line; so events, status and logs never run user
// code. The zero Reason is none.
//
// A Reason is an error: errors.Is and errors.As look at Err, and run its code.
type Reason struct {
	// Err is the error itself: what a service returned, a [*PanicError], an error
	// of this package. It is nil of a Reason that came as JSON, unless it is a
	// panic or an error of this package, and of a failure without an error: the
	// service returned nil although it must not end.
	Err error
	// Text is what Err said. It may be missing in [SupervisorStopping] alone,
	// which does not wait for user code.
	Text string
}

// Reason asks err what it says, and has the Redact of [Spec] decide what may be told of
// that, as the tree does with all errors: for those who tell of errors that have not
// come through the tree. Asking an error runs user code: not while holding a lock. Of
// nil it is the zero Reason.
func (s *Supervisor) Reason(err error) Reason {
	s.made()
	if err == nil {
		return Reason{}
	}
	return Reason{err, s.redacted(err, said.Text(err))}
}

// NewReason is what [Supervisor.Reason] returns, of the supervisor of the service whose
// context ctx is, or comes from: for services that tell of errors themselves. Outside of
// a supervisor nothing is cut out of what err says.
func NewReason(ctx context.Context, err error) Reason {
	if r := runOf(ctx); r != nil {
		return r.node.sup.Reason(err)
	}
	return Reason{err, said.Text(err)}
}

// redacted is what may be told of the text of err: what is left when the supervisor
// and each above it has had its say. If one has none to say, because it panics, that is
// the type of the error. It may run user code.
func (s *Supervisor) redacted(err error, text string) string {
	for ; s != nil; s = s.above() {
		if redact := s.plan.spec.Redact; redact != nil {
			before := text
			text = said.Clean(said.By(err, func() string { return redact(before) }), said.MaxText)
		}
	}
	return text
}

// redacts: asking any error what it says runs code of users, here or above.
func (s *Supervisor) redacts() bool {
	for ; s != nil; s = s.above() {
		if s.plan.spec.Redact != nil {
			return true
		}
	}
	return false
}

// known is the Reason of an error of this package, which may be asked anywhere.
func known(err error) Reason { return Reason{err, err.Error()} }

// Error returns Text, or the type of Err if there is none.
func (r Reason) Error() string {
	if r.Text == "" && r.Err != nil {
		return fmt.Sprintf("%T", r.Err)
	}
	return r.Text
}

// Unwrap returns Err.
func (r Reason) Unwrap() error { return r.Err }

// IsZero reports whether there is no reason.
func (r Reason) IsZero() bool { return r.Err == nil && r.Text == "" }

// Stack is where a panic happened, as text; empty of anything else.
func (r Reason) Stack() string {
	if p := r.panicked(); p != nil {
		return p.Stack()
	}
	return ""
}

// panicked returns Err if it is a panic: that of the run itself, and not one that
// it got from elsewhere and wraps.
func (r Reason) panicked() *PanicError {
	p, _ := r.Err.(*PanicError) //nolint:errorlint // see above
	return p
}

// failureOf is a failure as an error: also of a service that must not end and has
// returned nil.
func failureOf(r Reason) error {
	if r.Err == nil {
		return r
	}
	return r.Err
}

// lasting is r for the history of a service: of a panic without its value, unless that
// is a string, or an error, as what a service returns is. Anything else may hold
// whatever was at hand, for as long as the service is there.
func (r Reason) lasting() Reason {
	p := r.panicked()
	if p == nil {
		return r
	}
	switch p.Value.(type) {
	case string, error:
		return r
	}
	return Reason{&PanicError{PCs: p.PCs, said: r.Text, stack: p.stack}, r.Text}
}

// Equal reports whether both say the same, and of panics whether they happened at
// the same place. It does not compare errors: a Reason that has travelled as JSON
// equals the one that it was.
func (r Reason) Equal(other Reason) bool {
	return r.Error() == other.Error() && r.Stack() == other.Stack()
}

// reasonJSON is how a Reason travels.
type reasonJSON struct {
	Text  string `json:"text"`
	Stack string `json:"stack,omitempty"` // of a panic
}

// MarshalJSON returns an object with text and, of a panic, stack.
func (r Reason) MarshalJSON() ([]byte, error) {
	return json.Marshal(reasonJSON{r.Error(), r.Stack()})
}

// UnmarshalJSON reads what MarshalJSON has written. Errors of this package and
// panics are such again.
func (r *Reason) UnmarshalJSON(data []byte) error {
	var in reasonJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Reason{Text: in.Text}
	for _, err := range sentinels {
		if in.Text == err.Error() {
			r.Err = err
		}
	}
	if in.Stack != "" {
		r.Err = &PanicError{said: in.Text, stack: in.Stack}
	}
	return nil
}

// sentinels are the errors of this package that a Reason may hold by themselves.
var sentinels = []error{
	ErrDoNotRestart, ErrTerminateTree, ErrRemoved, ErrSuspended, ErrRestartRequested, ErrSiblingFailed, ErrReplaced, ErrUnresponsive,
	ErrNotReady, ErrStopped, ErrGoexit, ErrTooManyServices, errServeReturned, errTooLate,
	errDelay, errPause, errTurn, errStart, errGroup, errLastRun, errNotServed, errStopping,
}
