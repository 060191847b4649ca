package survey

import (
	"time"

	"github.com/tend-go/tend"
)

// View is what a look at a tree has found.
type View struct {
	Supervisors map[string]*Supervisor // by path
	Services    map[Key]*Group         // those that were chosen
	Unstopped   int                    // services of the tree that should have stopped
}

// Key is the labels of a [Group]: the path of its supervisor and the name of its
// services.
type Key struct{ Supervisor, Service string }

// Supervisor is a supervisor, or those that share its path: the worst counts. Its
// group is of its services and of all that are further below than Options.Depth.
type Supervisor struct {
	Group
	Serving, Ready, Paused bool
	Level, Threshold       float64 // of failures, where they are closest to each other
}

// Group is the services of one set of labels.
type Group struct {
	States [tend.StateGone]int // how many are in each

	// Since is when the first of them came into its state, Start when the next of
	// those that wait will start: zero if none waits for a known time.
	Since, Start time.Time
	// InState and UntilStart are how long ago and how far away that is, by the
	// clock of the supervisors: the longest, and the shortest.
	InState, UntilStart time.Duration

	Recent, Limit int // of their own budgets

	// Restarts and Failures never go back as long as there is the group.
	Restarts, Failures uint64
}

// look is one look at a tree.
type look struct {
	options Options
	view    View
	runs    map[tend.ServiceToken]run
}

// supervisor looks at a supervisor that is so deep, below one with labels of its
// own at above.
func (l *look) supervisor(status tend.Status, above string, depth int) {
	at := above
	if l.options.Depth == 0 || depth <= l.options.Depth {
		at = status.Path
		if l.view.Supervisors[at] == nil {
			l.view.Supervisors[at] = &Supervisor{Serving: true, Ready: true}
		}
		l.view.Supervisors[at].add(status)
	}
	for _, c := range status.Services {
		if c.State < tend.StateGone {
			l.service(c, at, status.Time)
		}
		if c.Supervisor != nil {
			l.supervisor(*c.Supervisor, at, depth+1)
		}
	}
}

func (s *Supervisor) add(status tend.Status) {
	s.Serving = s.Serving && status.Serving
	s.Ready = s.Ready && status.Ready
	s.Paused = s.Paused || !status.PausedUntil.IsZero()
	if s.Threshold == 0 || status.Count/status.Threshold > s.Level/s.Threshold {
		s.Level, s.Threshold = status.Count, status.Threshold
	}
}

// service looks at a service of a supervisor with labels at.
func (l *look) service(c tend.ServiceStatus, at string, now time.Time) {
	key := Key{Supervisor: at}
	if l.options.Services != nil && l.options.Services(c) {
		key.Service = c.Name
		if l.view.Services[key] == nil {
			l.view.Services[key] = &Group{}
		}
		l.view.Services[key].add(c, now)
	}
	if l.options.Whole || !key.chosen() {
		l.view.Supervisors[at].Group.add(c, now)
	}
	l.runs[c.Token] = run{key, counts{c.Restarts, c.Failed}}
}

// chosen: it is of services and not of a supervisor. No service is without a name.
func (k Key) chosen() bool { return k.Service != "" }

// whole is the key of the supervisor.
func (k Key) whole() Key { return Key{Supervisor: k.Supervisor} }

func (g *Group) add(c tend.ServiceStatus, now time.Time) {
	g.States[c.State]++
	g.Since = earliest(g.Since, c.Since)
	g.InState = max(g.InState, now.Sub(c.Since))
	if !c.WaitingUntil.IsZero() {
		left := max(0, c.WaitingUntil.Sub(now))
		if g.Start.IsZero() || left < g.UntilStart {
			g.UntilStart = left
		}
		g.Start = earliest(g.Start, c.WaitingUntil)
	}
	g.Recent += c.Recent
	g.Limit += c.Limit
}

// earliest is the earlier one of two times that are not zero.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
