package tend

import (
	"cmp"
	"fmt"
	"time"

	"github.com/tend-go/tend/internal/words"
	"github.com/thejerf/abtime"
)

// Strategy says which services a failure concerns.
type Strategy uint8

// The strategies are OTP's.
const (
	// OneForOne restarts the service that failed and no other.
	OneForOne Strategy = iota
	// OneForAll stops all others, in reverse order, and starts all again in order.
	OneForAll
	// RestForOne does that with the services added after the one that failed. It
	// implies Ordered.
	RestForOne
)

var strategies = words.New[Strategy]("tend", "one for one", "one for all", "rest for one")

// String returns "one for one", "one for all" or "rest for one".
func (s Strategy) String() string { return strategies.Of(s) }

// MarshalText returns what String does.
func (s Strategy) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (s *Strategy) UnmarshalText(text []byte) error { return strategies.Read(s, text) }

// Spec says how a [Supervisor] behaves. The zero value of every field is the
// default; the default numbers are suture's, which many programs have run with.
type Spec struct {
	// FailureDecay is the half-life of the failure count. Default 30s.
	FailureDecay time.Duration

	// FailureThreshold: when a failure brings the count over it, the supervisor
	// pauses, or escalates. Default 5: the sixth failure at once.
	FailureThreshold float64

	// FailureBackoff is how long a pause lasts. Default 15s.
	FailureBackoff time.Duration

	// MaxFailureBackoff, if it is more than FailureBackoff, lets pauses grow: one
	// that begins within the length of the last one plus twice FailureDecay of
	// its end is twice as long, up to this. Zero: they do not grow.
	MaxFailureBackoff time.Duration

	// Jitter is the part of a pause, 0.2 for 20 %, up to which a random time is
	// added to it, so that a fleet of supervisors that failed together does not
	// start together; at most 1. Default 0.5. Less than 0: none.
	Jitter float64

	// Escalate: over the threshold, stop all services and return
	// [*TooManyFailures] from Serve instead of pausing.
	Escalate bool

	// Strategy says which services a failure concerns. Default [OneForOne].
	Strategy Strategy

	// Ordered: start services one after another, in the order added, each when the
	// last is running; stop them in reverse, one at a time. RestForOne implies it.
	Ordered bool

	// MaxStarting is how many services may be starting at once: those with a
	// [Child].ReadyTimeout, and supervisors. Others wait for their turn to start, first come
	// first served, whenever they would be started: when the supervisor is served (in the
	// order added), after a pause, with their group, after a failure. Zero: no limit.
	MaxStarting int

	// Timeout is how long each service may take to stop. Default 10s.
	Timeout time.Duration

	// StopWithin, if positive, bounds a whole stop of the supervisor with all that
	// is below it. Each supervisor keeps a twentieth of its time for itself and
	// gives the rest to those below.
	StopWithin time.Duration

	// MaxServices is how many services there may be. Zero: no limit.
	MaxServices int

	// PassThroughPanics lets a panic in a service crash the program, as it would
	// without a supervisor.
	PassThroughPanics bool

	// KeepTermination: an [ErrTerminateTree] from below stops this supervisor but
	// not the one above.
	KeepTermination bool

	// NoLabels leaves the pprof label "tend.service" (the path and the token's number,
	// "shop/db/pool#17") off the services' goroutines. That saves some bytes each; stacks
	// of a service that hangs cannot be found then.
	NoLabels bool

	// EventHook is called with each event of the supervisor and of all below it,
	// one after the other, in order, on a goroutine of its own. It may block, panic
	// or call any method of the tree: what it misses meanwhile is counted
	// ([EventsDropped]). Default: a supervisor that is not below another logs to
	// slog.Default, one that is does nothing, as its events go up. [LogHook] is that log,
	// for a hook that does more, and [Supervisor.AddHook] adds hooks beside this one. The log
	// is not told of events at level debug while slog.Default does not want them, and takes
	// notice within a tenth of a second that it does.
	EventHook func(Event)

	// Redact, if set, decides what may be told of an error: it gets what one says, of
	// services here and of all supervisors below, and what it returns is what logs,
	// status, pages and traces get to see. What was cut out is nowhere kept but in the
	// error itself, which programs get as it is ([Reason].Err). It runs where the
	// error came from, by any number of goroutines at once, once for each error; if it
	// panics, the type of the error is told. Texts of this package that hold an
	// error's come by once more on their way up, so it should leave alone what it has
	// made. Default: all may be told.
	Redact func(text string) string

	// Clock is where the time comes from. Default: that of the supervisor above,
	// or the real one, which under testing/synctest is all that a test needs.
	//
	// With [abtime.NewManual] nothing happens by itself: Advance changes what time it is
	// and lets no timer fire; Trigger of an id of package tendtest lets the time come for
	// one purpose, such as tendtest.BackoffTimer.
	Clock abtime.AbstractTime
}

// withDefaults fills in what is zero and panics at what makes no sense.
func (s Spec) withDefaults(name string) Spec {
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"FailureDecay", s.FailureDecay},
		{"FailureBackoff", s.FailureBackoff},
		{"MaxFailureBackoff", s.MaxFailureBackoff},
		{"Timeout", s.Timeout},
		{"StopWithin", s.StopWithin},
	} {
		if d.value < 0 {
			panic(fmt.Sprintf("tend: supervisor %q: Spec.%s is negative: %v", name, d.field, d.value))
		}
	}
	for _, n := range []struct {
		field string
		value int
	}{{"MaxServices", s.MaxServices}, {"MaxStarting", s.MaxStarting}} {
		if n.value < 0 {
			panic(fmt.Sprintf("tend: supervisor %q: Spec.%s is negative: %d", name, n.field, n.value))
		}
	}
	if invalid(s.FailureThreshold) {
		panic(fmt.Sprintf("tend: supervisor %q: Spec.FailureThreshold is %v", name, s.FailureThreshold))
	}
	if badJitter(s.Jitter) {
		panic(fmt.Sprintf("tend: supervisor %q: Spec.Jitter is %v", name, s.Jitter))
	}
	if s.Strategy > RestForOne {
		panic(fmt.Sprintf("tend: supervisor %q: Spec.Strategy is %v", name, s.Strategy))
	}
	s.FailureDecay = cmp.Or(s.FailureDecay, 30*time.Second)
	s.FailureThreshold = cmp.Or(s.FailureThreshold, 5)
	s.Jitter = cmp.Or(s.Jitter, 0.5)
	s.FailureBackoff = cmp.Or(s.FailureBackoff, 15*time.Second)
	if s.MaxFailureBackoff > 0 && s.MaxFailureBackoff < s.FailureBackoff {
		panic(fmt.Sprintf("tend: supervisor %q: Spec.MaxFailureBackoff is %v, less than FailureBackoff %v",
			name, s.MaxFailureBackoff, s.FailureBackoff))
	}
	s.Timeout = cmp.Or(s.Timeout, 10*time.Second)
	s.Ordered = s.Ordered || s.Strategy == RestForOne
	return s
}
