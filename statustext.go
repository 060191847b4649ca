package tend

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

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
