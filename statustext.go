package tend

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// maxShown bounds names in the text of a status, in bytes: a long one would push aside
// what all others have to say.
const maxShown = 48

// String prints the tree below headings, one service a line: name, state and for how
// long, restarts, and what else there is to know. Long names are cut. The last line says
// how many services are in which state, first those in trouble.
func (s Status) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	state := "not served"
	switch {
	case !s.Stopping.IsZero():
		state = "stopping"
	case s.Serving:
		state = "serving"
	}
	fmt.Fprintln(w, "service\tstate\tfor\trestarts\tnotes")
	fmt.Fprintf(w, "%s\t%s\t%s\t\t%s\n", said.Short(s.Name, maxShown), state, said.Age(s.Time.Sub(s.Since)), s.note(s.Ready()))
	s.print(w, "")
	_ = w.Flush() // a strings.Builder takes everything
	var trimmed strings.Builder
	for line := range strings.Lines(b.String()) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	trimmed.WriteString(s.sum() + "\n")
	return trimmed.String()
}

// summed are the states in the order in which a sum has them.
var summed = [...]State{
	StateFailed, StateStuck, StateBackoff, StateStopping, StateStarting, StatePending, StateSuspended, StateDone, StateRunning,
}

// sum says how many services are in which state.
func (s Status) sum() string {
	in, all, idle := map[State]int{}, 0, s.Idle
	for _, c := range s.All() {
		in[c.State]++
		all++
		if c.Supervisor != nil {
			idle += c.Supervisor.Idle
		}
	}
	var parts []string
	for _, state := range summed {
		if in[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", in[state], state))
		}
	}
	if idle > 0 {
		parts = append(parts, fmt.Sprintf("%d idle", idle))
	}
	return strings.TrimRight(said.Times(all+idle, "service")+": "+strings.Join(parts, ", "), ": ")
}

// print writes the services, each line after indent.
func (s Status) print(w io.Writer, indent string) {
	for i := range s.Services {
		c := &s.Services[i]
		branch, below := "├─ ", "│  "
		if i == len(s.Services)-1 && s.Idle == 0 {
			branch, below = "└─ ", "   "
		}
		restarts := ""
		if c.Restarts > 0 {
			restarts = strconv.FormatUint(c.Restarts, 10)
		}
		fmt.Fprintf(w, "%s%s%s\t%s\t%s\t%s\t%s\n", indent, branch, said.Short(c.Name, maxShown), c.State, said.Age(s.Time.Sub(c.Since)), restarts, c.note(s.Time))
		if c.Supervisor != nil {
			c.Supervisor.print(w, indent+below)
		}
	}
	if s.Idle > 0 {
		fmt.Fprintf(w, "%s└─ and %d more\tidle\t\t\t\n", indent, s.Idle)
	}
}

// note is what else there is to know about a supervisor.
func (s Status) note(notReady error) string {
	var notes []string
	switch {
	case !s.Stopping.IsZero():
		notes = append(notes, "because: "+s.Stopping.Error())
	case s.Serving && notReady != nil:
		notes = append(notes, "not ready")
	}
	if s.Count >= 0.05 {
		notes = append(notes, fmt.Sprintf("failure count %.1f of %g", s.Count, s.Threshold))
	}
	if !s.PausedUntil.IsZero() {
		notes = append(notes, "pauses for "+said.Age(s.PausedUntil.Sub(s.Time)))
	}
	return strings.Join(notes, "; ")
}

// note is what else there is to know about a service.
func (s *ServiceStatus) note(now time.Time) string {
	var notes []string
	if !s.Stopping.IsZero() {
		notes = append(notes, "because: "+s.Stopping.Error())
	}
	if wait := s.wait(now); wait != "" {
		notes = append(notes, wait)
	}
	if b := s.Beside; b.Incarnation > 0 {
		notes = append(notes, fmt.Sprintf("beside it run %d is %v for %s", b.Incarnation, b.State, said.Age(now.Sub(b.Since))))
	}
	if s.Limit.N > 0 && s.Recent > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s", s.Recent, said.Times(s.Limit.N, "failure")))
	}
	if s.Supervisor != nil {
		if note := s.Supervisor.note(s.Supervisor.Ready()); note != "" {
			notes = append(notes, note)
		}
	}
	if n := len(s.Failures); n > 0 {
		notes = append(notes, "last failure: "+said.Short(s.Failures[n-1].Err.Error(), 80))
	}
	if note := s.Mailbox.note(now); note != "" {
		notes = append(notes, note)
	}
	for _, a := range s.Annotations {
		notes = append(notes, a.Key+"="+said.Note(a.Value, now, 80))
	}
	return strings.Join(notes, "; ")
}

// note is what there is to say of messages, if there is.
func (m *Mailbox) note(now time.Time) string {
	if m == nil {
		return ""
	}
	return said.Mail(m.Waiting, m.Size, said.Since(now, m.Oldest), said.Since(now, m.Handling), m.Open, m.Lost)
}
