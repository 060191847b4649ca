package tend

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"text/tabwriter"
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

// status fills in what the plan knows, and returns for each service the
// supervisor that it is or serves, if any.
func (p *plan) status(now instant, s *Status) []*Supervisor {
	s.Serving, s.Ready = p.phase != idle, p.phase != idle && p.wasReady
	s.Strategy, s.Ordered = p.spec.Strategy, p.spec.Ordered
	s.Time, s.Count = p.wall(now), p.failures.level(now, p.spec.FailureDecay)
	s.Threshold, s.Decay = p.spec.FailureThreshold, p.spec.FailureDecay
	if p.paused {
		s.PausedUntil = p.wall(p.ends)
	}
	s.Services = make([]ServiceStatus, 0, p.size())
	var below []*Supervisor
	holder := p.holdup()
	for n := p.first; n != nil; n = n.next {
		status := p.serviceStatus(now, n, holder)
		status.Path = s.Path + "/" + n.name
		if sup := n.subtree(); sup != nil {
			below = append(below, make([]*Supervisor, len(s.Services)-len(below))...)
			below = append(below, sup)
		}
		s.Services = append(s.Services, status)
	}
	return below
}

// subtree is the supervisor that the service is or serves.
func (n *node) subtree() *Supervisor {
	if n.rare == nil {
		return nil
	}
	return cmp.Or(n.rare.serving, n.rare.holds)
}

// holdup is the service for which others have to wait now, nil if there is none.
func (p *plan) holdup() *node {
	if p.group == nil {
		return p.cursor
	}
	for n := p.last; n != nil && p.inGroup(n); n = n.prev {
		if n.run != nil || n.state == StateBackoff {
			return n
		}
	}
	return nil
}

// serviceStatus copies what there is to say about n.
func (p *plan) serviceStatus(now instant, n *node, holder *node) ServiceStatus {
	s := ServiceStatus{
		Name: n.name, Path: p.path + "/" + n.name, Token: ServiceToken{n},
		State: n.state, Since: p.wall(n.since), Restart: n.conf().Restart, Significant: n.conf().Significant,
		Incarnation: uint64(n.runs), Restarts: uint64(max(n.runs, 1) - 1), Failures: n.history(), Stopping: p.causeText(n),
	}
	if n.run != nil {
		s.Annotations = n.run.annotations()
	}
	if n.rare != nil {
		s.Failed = n.rare.failed
	}
	if n.ownBudget() {
		b := n.conf().Backoff
		s.Limit, s.Within = b.Limit, b.Within
		s.Recent = n.more().budget.count(b, now)
	}
	p.explainWait(n, holder, &s)
	return s
}

// explainWait says why n does not run although it should.
func (p *plan) explainWait(n, holder *node, s *ServiceStatus) {
	switch {
	case n.want != wantUp:
	case n.state == StateBackoff && n.ownBudget():
		s.WaitingFor, s.WaitingUntil = "its delay", p.wall(n.rare.until)
	case n.state == StateBackoff:
		s.WaitingFor, s.WaitingUntil = "the pause of its supervisor", p.wall(p.ends)
	case n.state == StateStuck:
		s.WaitingFor = "its last run to end"
	case n.state != StatePending:
	case p.phase == idle:
		s.WaitingFor = "its supervisor to be served"
	case p.phase == serving:
		s.WaitingFor = "its turn"
		if p.inGroup(n) {
			s.WaitingFor = "its group"
		}
		if holder != nil && holder != n {
			s.HeldBy = p.path + "/" + holder.name
		}
	}
}

// String prints the tree, one service a line: name, state and for how long,
// restarts, and what else there is to know.
func (s Status) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	state := "not served"
	if s.Serving {
		state = "serving"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t\t%s\n", s.Name, state, age(s.Time.Sub(s.Since)), s.note())
	s.print(w, "")
	_ = w.Flush() // a strings.Builder takes everything
	var trimmed strings.Builder
	for line := range strings.Lines(b.String()) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return trimmed.String()
}

// print writes the services, each line after indent.
func (s Status) print(w io.Writer, indent string) {
	for i, c := range s.Services {
		branch, below := "├─ ", "│  "
		if i == len(s.Services)-1 {
			branch, below = "└─ ", "   "
		}
		restarts := ""
		if c.Restarts > 0 {
			restarts = times(c.Restarts, "restart")
		}
		fmt.Fprintf(w, "%s%s%s\t%s\t%s\t%s\t%s\n", indent, branch, c.Name, c.State, age(s.Time.Sub(c.Since)), restarts, c.note(s.Time))
		if c.Supervisor != nil {
			c.Supervisor.print(w, indent+below)
		}
	}
}

// note is what else there is to know about a supervisor.
func (s Status) note() string {
	var notes []string
	if s.Serving && !s.Ready {
		notes = append(notes, "not ready")
	}
	if s.Count >= 0.05 {
		notes = append(notes, fmt.Sprintf("failures %.1f/%g", s.Count, s.Threshold))
	}
	if !s.PausedUntil.IsZero() {
		notes = append(notes, "pauses for "+age(s.PausedUntil.Sub(s.Time)))
	}
	return strings.Join(notes, "; ")
}

// note is what else there is to know about a service.
func (s ServiceStatus) note(now time.Time) string {
	var notes []string
	if s.Stopping != "" {
		notes = append(notes, "because: "+s.Stopping)
	}
	if s.WaitingFor != "" {
		wait := "waits for " + s.WaitingFor
		if !s.WaitingUntil.IsZero() {
			wait += ", " + age(s.WaitingUntil.Sub(now))
		}
		if s.HeldBy != "" {
			wait += ", held by " + s.HeldBy
		}
		notes = append(notes, wait)
	}
	if s.Limit > 0 && s.Recent > 0 {
		notes = append(notes, fmt.Sprintf("failures %d of %d", s.Recent, s.Limit))
	}
	if s.Supervisor != nil {
		if note := s.Supervisor.note(); note != "" {
			notes = append(notes, note)
		}
	}
	if n := len(s.Failures); n > 0 {
		notes = append(notes, "last failure: "+clean(s.Failures[n-1].Err, 80))
	}
	for _, a := range s.Annotations {
		notes = append(notes, a.Key+"="+clean(a.Value.String(), 80))
	}
	return strings.Join(notes, "; ")
}

// age is a duration with as much precision as matters.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
