package tend

import (
	"errors"
	"iter"
	"time"
)

// Status is a copy of what a supervisor knew at one moment. Nested supervisors
// are asked one after the other, so the tree as a whole is not one moment. In JSON,
// which can be read again, durations are nanoseconds and zero times are left out.
type Status struct {
	Name string `json:"name"`
	// Path is the names from the root down, with slashes between; in a name "/" is
	// written %2F, and "%" is written %25.
	Path string `json:"path"`
	// Serving: Serve has begun and not returned.
	Serving bool `json:"serving"`
	// Started: all services have been running at once since then. Whether they do
	// now, [Status.Ready] says.
	Started bool `json:"started"`
	// Stopping is why it is being stopped, from the beginning of the stop until
	// Serve has returned.
	Stopping Reason    `json:"stopping,omitzero"`
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
	PausedUntil time.Time `json:"paused_until,omitzero"`
	// Idle is how many services are not in Services: of an actor.Group those members, over a
	// thousand, that are in no trouble.
	Idle     int             `json:"idle,omitempty"`
	Services []ServiceStatus `json:"services"` // in the order added; never null
}

// ServiceStatus is what a supervisor knew of one service.
type ServiceStatus struct {
	Name        string       `json:"name"`
	Path        string       `json:"path"` // as [Status].Path
	Token       ServiceToken `json:"id"`
	State       State        `json:"state"`
	Since       time.Time    `json:"since"` // when it came into State
	Restart     Restart      `json:"restart"`
	Significant bool         `json:"significant,omitempty"`
	// Wanted: it should run; it is not done, nor has anybody suspended or removed it,
	// or a supervisor above it.
	Wanted      bool   `json:"wanted"`
	Incarnation uint64 `json:"incarnation"` // runs so far
	Restarts    uint64 `json:"restarts"`    // runs so far, less the first
	Failed      uint64 `json:"failed"`      // failures so far
	// Failures are the last few, oldest first; among them those on the way down:
	// [ServiceEnded].Unclean.
	Failures []Failure `json:"failures,omitempty"`
	// WaitingFor says why it does not run although it should: its delay, the pause
	// of its supervisor, its turn, its turn to start, its group, its last run to end, its supervisor to
	// be served; or its supervisor is stopping. WaitingUntil is when it will, if that
	// is known; HeldBy the path of the service that it waits for.
	WaitingUntil time.Time `json:"waiting_until,omitzero"`
	WaitingFor   Reason    `json:"waiting_for,omitzero"`
	HeldBy       string    `json:"held_by,omitempty"`
	// Stopping is why it is being stopped, in states stopping and stuck.
	Stopping Reason `json:"stopping,omitzero"`
	// StopBy is when it is taken as stuck, in state stopping, or was, in state stuck.
	StopBy time.Time `json:"stop_by,omitzero"`
	// Limit is its own budget's; Recent is how many failures count against it.
	Limit  Limit `json:"limit,omitzero"`
	Recent int   `json:"recent,omitempty"`
	// Annotations are what the run has noted with [Annotate], a list of
	// [slog.Attr]; in JSON an object.
	Annotations annotations `json:"annotations,omitempty"`
	// Beside is the other run of a service that is being replaced, [Supervisor.ReplaceWhenReady]:
	// that of the new one until it is ready, then that of the old one until it has returned.
	Beside Beside `json:"beside,omitzero"`
	// Mailbox is what there is to say of the messages of an actor; nil of other services.
	Mailbox *Mailbox `json:"mailbox,omitempty"`
	// Supervisor is the subtree if the service is a supervisor, or serves one.
	Supervisor *Status `json:"supervisor,omitempty"`
}

// Beside is a run beside another one. The zero value is none.
type Beside struct {
	State       State     `json:"state"`
	Since       time.Time `json:"since"` // when it came into State
	Incarnation uint64    `json:"incarnation"`
}

// Mailbox is what there is to say of the messages of an actor.
type Mailbox struct {
	Waiting int `json:"waiting"`        // messages that wait, about: see actor.Spec
	Size    int `json:"size"`           // how many may
	Open    int `json:"open,omitempty"` // questions without an answer, but for one that the asker is answering itself (actor.Spec.Inline)
	// Oldest is since when the oldest of them waits, Handling since when the message in hand
	// is, or New or Stop; zero if there is none, or it is in hand on the goroutine of one who
	// asks (actor.Spec.Inline). They are right to within a turn of the actor, and never too
	// late: a message waits, or is in hand, for at most so long.
	Oldest   time.Time `json:"oldest,omitzero"`
	Handling time.Time `json:"handling,omitzero"`
	Lost     uint64    `json:"lost,omitempty"` // messages so far that were taken and not handled to their end
}

// Failure is one entry of a service's history.
type Failure struct {
	Time        time.Time `json:"time"`
	Incarnation uint64    `json:"incarnation"`
	Err         Reason    `json:"error"` // as in [ServiceFailed], but a panic only has its Value if that is an error
}

// What a service may wait for: [ServiceStatus].WaitingFor.
var (
	errDelay     = errors.New("its delay")
	errPause     = errors.New("the pause of its supervisor")
	errTurn      = errors.New("its turn")
	errStart     = errors.New("its turn to start") // Spec.MaxStarting
	errGroup     = errors.New("its group")
	errLastRun   = errors.New("its last run to end")
	errNotServed = errors.New("its supervisor to be served")
	errStopping  = errors.New("its supervisor, which is stopping")
)

// InTrouble: it waits after a failure, has failed for good, or did not stop in
// time.
func (s *ServiceStatus) InTrouble() bool { return inTrouble(s.State) }

func inTrouble(s State) bool { return s == StateBackoff || s == StateFailed || s == StateStuck }

// IsLeaf: it is no supervisor, and serves none.
func (s *ServiceStatus) IsLeaf() bool { return s.Supervisor == nil }

// All yields every service of the tree with its depth, 0 for those of the
// supervisor itself: each before those below it, in the order added. What it yields
// is the Status's own and may be changed. Whoever counts services counts these: a
// nested supervisor is one, and may be what has failed.
func (s *Status) All() iter.Seq2[int, *ServiceStatus] {
	return func(yield func(int, *ServiceStatus) bool) { s.walk(0, yield) }
}

func (s *Status) walk(depth int, yield func(int, *ServiceStatus) bool) bool {
	for i := range s.Services {
		c := &s.Services[i]
		if !yield(depth, c) || c.Supervisor != nil && !c.Supervisor.walk(depth+1, yield) {
			return false
		}
	}
	return true
}
