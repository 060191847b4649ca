package tend

import (
	"log/slog"
	"time"
)

// State says where a service is in its life.
type State uint8

// The states of a service; see the package documentation.
const (
	// StatePending: added; the supervisor is not running or its turn has not come.
	StatePending State = iota
	// StateStarting: launched, not ready yet.
	StateStarting
	// StateRunning: launched, and ready.
	StateRunning
	// StateBackoff: failed; waits for its own delay or the end of a pause.
	StateBackoff
	// StateStopping: its context is cancelled; it has not returned.
	StateStopping
	// StateStuck: it did not return within its timeout.
	StateStuck
	// StateSuspended: stopped on request, kept.
	StateSuspended
	// StateDone: ended by its own will, kept.
	StateDone
	// StateFailed: used up its own budget, kept with its history.
	StateFailed
	// StateGone: left the tree. Only events and Self mention it.
	StateGone
)

// String returns the lower-case word: "pending", "starting" …
func (s State) String() string {
	return enum(s, "pending", "starting", "running", "backoff", "stopping", "stuck",
		"suspended", "done", "failed", "gone")
}

// MarshalText returns what String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Status is a copy of what a supervisor knew at one moment. Nested supervisors
// are asked one after the other, so the tree as a whole is not one moment.
type Status struct {
	Name string `json:"name"`
	Path string `json:"path"`
	// Serving: Serve has begun and not returned. Ready: all services have been
	// running at once since then.
	Serving  bool      `json:"serving"`
	Ready    bool      `json:"ready"`
	Since    time.Time `json:"since"` // when Serving last changed
	Strategy Strategy  `json:"strategy"`
	Ordered  bool      `json:"ordered"`
	// Count is the failure count at Time, which halves every Decay; over
	// Threshold the supervisor pauses or escalates.
	Time      time.Time     `json:"time"`
	Count     float64       `json:"count"`
	Threshold float64       `json:"threshold"`
	Decay     time.Duration `json:"decay"`
	// PausedUntil is when the pause ends; zero when there is none.
	PausedUntil time.Time       `json:"paused_until,omitzero"`
	Services    []ServiceStatus `json:"services"` // in the order added; never null
}

// ServiceStatus is what a supervisor knew of one service.
type ServiceStatus struct {
	Name        string       `json:"name"`
	Path        string       `json:"path"`
	Token       ServiceToken `json:"id"`
	State       State        `json:"state"`
	Since       time.Time    `json:"since"` // when it came into State
	Restart     Restart      `json:"restart"`
	Significant bool         `json:"significant,omitempty"`
	Incarnation uint64       `json:"incarnation"` // runs so far
	Restarts    uint64       `json:"restarts"`    // runs so far, less the first
	Failed      uint64       `json:"failed"`      // failures so far
	// Failures are the last few, oldest first.
	Failures []Failure `json:"failures,omitempty"`
	// WaitingUntil is when it is started again at the soonest, WaitingFor why it
	// does not run: "its delay", "the pause of its supervisor", "its turn" …;
	// HeldBy is the path of the service that it waits for.
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
	WaitingFor   string    `json:"waiting_for,omitempty"`
	HeldBy       string    `json:"held_by,omitempty"`
	// Stopping is why it is being stopped, in states stopping and stuck.
	Stopping string `json:"stopping,omitempty"`
	// Limit and Within are its own budget's; Recent is how many failures count
	// against Limit.
	Limit       int           `json:"limit,omitempty"`
	Within      time.Duration `json:"within,omitempty"`
	Recent      int           `json:"recent,omitempty"`
	Annotations []slog.Attr   `json:"-"` // in JSON an object "annotations"
	// Supervisor is the subtree if the service is a supervisor, or serves one.
	Supervisor *Status `json:"supervisor,omitempty"`
}

// Failure is one entry of a service's history.
type Failure struct {
	Time        time.Time
	Incarnation uint64
	Err         string // bounded and cleaned of control characters
	panicked    *PanicError
}

// Stack is where a panic happened, as text; empty for other failures.
func (f Failure) Stack() string { return "" }

// Unstopped is a service that did not return in time after it was asked to.
type Unstopped struct {
	Path     string // from the root
	Token    ServiceToken
	Service  Service
	Since    time.Time // when it was asked to stop
	Stopping string    // why
	Stacks   string    // of its goroutines when it was reported; a word why if there are none
}
