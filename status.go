package tend

import (
	"encoding/json"
	"log/slog"
	"math"
	"time"
)

// Status is a copy of what a supervisor knew at one moment. Nested supervisors
// are asked one after the other, so the tree as a whole is not one moment. In JSON
// durations are nanoseconds and zero times are left out.
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
	// WaitingFor says why it does not run although it should: "its delay", "the
	// pause of its supervisor", "its turn", "its group", "its last run to end", "its
	// supervisor to be served". WaitingUntil is when it will, if that is known;
	// HeldBy the path of the service that it waits for.
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
	WaitingFor   string    `json:"waiting_for,omitempty"`
	HeldBy       string    `json:"held_by,omitempty"`
	// Stopping is why it is being stopped, in states stopping and stuck.
	Stopping string `json:"stopping,omitempty"`
	// Limit and Within are its own budget's; Recent is how many failures count
	// against Limit.
	Limit  int           `json:"limit,omitempty"`
	Within time.Duration `json:"within,omitempty"`
	Recent int           `json:"recent,omitempty"`
	// Annotations are what the run has noted with [Annotate]; in JSON an object.
	Annotations []slog.Attr `json:"-"`
	// Supervisor is the subtree if the service is a supervisor, or serves one.
	Supervisor *Status `json:"supervisor,omitempty"`
}

// Failure is one entry of a service's history.
type Failure struct {
	Time        time.Time
	Incarnation uint64
	Err         string // bounded, and on one line

	panicked *PanicError
}

// Stack is where a panic happened, as text; empty for other failures.
func (f Failure) Stack() string {
	if f.panicked == nil {
		return ""
	}
	return f.panicked.Stack()
}

// MarshalJSON returns an object with time, incarnation, error and, of a panic,
// stack.
func (f Failure) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Time        time.Time `json:"time"`
		Incarnation uint64    `json:"incarnation"`
		Err         string    `json:"error"`
		Stack       string    `json:"stack,omitempty"`
	}{f.Time, f.Incarnation, f.Err, f.Stack()})
}

// MarshalJSON returns the fields, with the annotations as an object.
func (s ServiceStatus) MarshalJSON() ([]byte, error) {
	type fields ServiceStatus // without this method
	var noted map[string]any
	for _, a := range s.Annotations {
		if noted == nil {
			noted = map[string]any{}
		}
		noted[a.Key] = a.Value.Any()
		if a.Value.Kind() == slog.KindFloat64 && invalid(math.Abs(a.Value.Float64())) {
			noted[a.Key] = a.Value.String() // JSON has no word for it
		}
	}
	return json.Marshal(struct {
		fields
		Annotations map[string]any `json:"annotations,omitempty"`
	}{fields(s), noted})
}

// Status returns a snapshot of the whole tree below s.
func (s *Supervisor) Status() Status {
	return s.statusAt(s.Path())
}

// statusAt is Status for a supervisor that is at a path.
func (s *Supervisor) statusAt(path string) Status {
	status := Status{Name: s.name, Path: path}
	var below []*Supervisor // by service
	s.query(func(p *plan, now instant) {
		status.Since = s.since
		below = p.status(now, &status)
	})
	for i, sup := range below {
		if sup == nil {
			continue
		}
		at := status.Services[i].Path
		if sup.holder.Load() != s { // served by something that is not itself a supervisor
			at = sup.Path()
		}
		sub := sup.statusAt(at)
		status.Services[i].Supervisor = &sub
	}
	return status
}
