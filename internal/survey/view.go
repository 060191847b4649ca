package survey

import (
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/treepath"
)

// View is what a look at a tree has found.
type View struct {
	Supervisors map[string]*Supervisor // by path
	Services    map[Key]*Group         // those that were chosen
	Unstopped   int                    // services of the tree that should have stopped
	LeftOut     int                    // supervisors that are more than Options.Most
	Dropped     uint64                 // events that were not counted
}

// Key is the labels of a [Group]: the path of its supervisor and the name of its
// services.
type Key struct{ Supervisor, Service string }

// Supervisor is a supervisor, or those that share its path: the worst counts. Its
// group is of its services and of all that are further below than Options.Depth.
type Supervisor struct {
	Group
	Incidents        // also those of what has left since the last look
	Serving, Paused  bool
	HasActors        bool    // some of its services are, also if they have a group of their own
	Ready            bool    // as [tend.Status.Ready] says of each as the root of its own part
	Level, Threshold float64 // of failures, where they are closest to each other
}

// HasMail: it has actors, chosen or not, or had some that have lost messages.
func (s *Supervisor) HasMail() bool { return s.HasActors || s.Lost > 0 }

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

	Mail Mail // of those that are actors

	// Restarts and Failures never go back as long as there is the group.
	Restarts, Failures uint64
}

// Mail is the messages of actors.
type Mail struct {
	Actors        int
	Waiting, Open int     // messages, and questions without an answer
	Full          float64 // the part of its mailbox that is taken, of the one that is fullest
	// Oldest and Handling are for how long one waits, and is in hand, by the clock of the
	// supervisors: the longest.
	Oldest, Handling time.Duration
}

func (m *Mail) add(box *tend.Mailbox, now time.Time) {
	if box == nil {
		return
	}
	m.Actors++
	m.Waiting += box.Waiting
	m.Open += box.Open
	if box.Size > 0 {
		m.Full = max(m.Full, float64(box.Waiting)/float64(box.Size))
	}
	m.Oldest = max(m.Oldest, age(box.Oldest, now))
	m.Handling = max(m.Handling, age(box.Handling, now))
}

// age is how long ago a time was; 0 if that is none.
func age(of, now time.Time) time.Duration {
	if of.IsZero() {
		return 0
	}
	return now.Sub(of)
}

// look is one look at a tree.
type look struct {
	options Options
	view    View
	runs    map[uint64]run // by the ids of services
	heard   map[string]Incidents
	root    string          // its path
	chosen  map[string]bool // the supervisors that are told apart
}

// place is where services of a supervisor are counted.
type place struct {
	at  string    // the path in their labels: that supervisor's, or one's above it
	now time.Time // by the clock of the supervisor
}

// tree looks at a supervisor and at all that is below it.
func (l *look) tree(root tend.Status) {
	l.root = root.Path
	l.choose(root)
	places := []place{l.supervisor(root, "")} // of services by depth
	for depth, c := range root.All() {
		here := places[depth]
		if c.State < tend.StateGone {
			l.service(c, here)
		}
		if !c.IsLeaf() {
			places = append(places[:depth+1], l.supervisor(*c.Supervisor, here.at))
		}
	}
}

// choose chooses the supervisors that are told apart, level by level from the root, so
// that one whose services are in no group of their own has none below that are.
func (l *look) choose(root tend.Status) {
	l.chosen = map[string]bool{}
	level := []*tend.Status{&root}
	for depth := 0; len(level) > 0 && (l.options.Depth == 0 || depth < l.options.Depth); depth++ {
		var next []*tend.Status
		for _, s := range level {
			if !l.chosen[s.Path] && l.options.Most >= 0 && len(l.chosen) >= l.options.Most {
				l.view.LeftOut++
			} else {
				l.chosen[s.Path] = true
			}
			for i := range s.Services {
				if below := s.Services[i].Supervisor; below != nil {
					next = append(next, below)
				}
			}
		}
		level = next
	}
}

// home is the path of the supervisor with which one is counted that may have left.
func (l *look) home(path string) string {
	for ; path != ""; path = treepath.Parent(path) {
		if l.chosen[path] {
			return path
		}
	}
	return l.root
}

// supervisor looks at a supervisor, and returns the place of its services: at above if
// it was not chosen.
func (l *look) supervisor(status tend.Status, above string) place {
	if !l.chosen[status.Path] {
		return l.idle(status, place{above, status.Time})
	}
	if l.view.Supervisors[status.Path] == nil {
		l.view.Supervisors[status.Path] = &Supervisor{Serving: true, Ready: true}
	}
	l.view.Supervisors[status.Path].add(status)
	return l.idle(status, place{status.Path, status.Time})
}

// idle counts the services of a supervisor that are not listed: they run, or will when it
// is served.
func (l *look) idle(status tend.Status, here place) place {
	state := tend.StateRunning
	if !status.Serving {
		state = tend.StatePending
	}
	l.view.Supervisors[here.at].States[state] += status.Idle
	return here
}

func (s *Supervisor) add(status tend.Status) {
	s.Serving = s.Serving && status.Serving
	s.Ready = s.Ready && status.Ready() == nil
	s.Paused = s.Paused || !status.PausedUntil.IsZero()
	if s.Threshold == 0 || status.Count/status.Threshold > s.Level/s.Threshold {
		s.Level, s.Threshold = status.Count, status.Threshold
	}
}

func (l *look) service(c *tend.ServiceStatus, here place) {
	key := Key{Supervisor: here.at}
	above := l.view.Supervisors[here.at]
	above.HasActors = above.HasActors || c.Mailbox != nil
	if l.options.Services != nil && l.options.Services(*c) {
		key.Service = c.Name
		if l.view.Services[key] == nil {
			l.view.Services[key] = &Group{}
		}
		l.view.Services[key].add(c, here.now)
	}
	if l.options.Whole || !key.chosen() {
		above.Group.add(c, here.now)
	}
	l.runs[c.Token.ID()] = run{key, counts{restarts: c.Restarts, failures: c.Failed}}
}

// chosen: it is of services and not of a supervisor. No service is without a name.
func (k Key) chosen() bool { return k.Service != "" }

// whole is the key of the supervisor.
func (k Key) whole() Key { return Key{Supervisor: k.Supervisor} }

func (g *Group) add(c *tend.ServiceStatus, now time.Time) {
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
	g.Limit += c.Limit.N
	g.Mail.add(c.Mailbox, now)
}

// earliest is the earlier one of two times that are not zero.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
