package tendotel

import (
	"time"

	"github.com/tend-go/tend"
)

// survey is one look at a tree, sorted by attributes. Paths and names need not be
// unique, but sets of attributes must be: what shares one is added up.
type survey struct {
	options     MetricOptions
	supervisors map[string]*supervisorGroup // by path
	services    map[serviceKey]*serviceGroup
	runs        map[tend.ServiceToken]runs
}

// serviceKey are the attributes of a service; without a name they are of all
// services of a supervisor that have not been chosen.
type serviceKey struct{ supervisor, service string }

// supervisorGroup is a supervisor, or those that share its path: the worst counts.
type supervisorGroup struct {
	serving, ready, paused bool
	level, threshold       float64
}

// serviceGroup is the services of one set of attributes.
type serviceGroup struct {
	states        [tend.StateGone]int
	inState       time.Duration // the longest
	waits         bool
	untilStart    time.Duration // the shortest, if waits
	recent, limit int
}

// runs is what a service has counted.
type runs struct {
	key                serviceKey
	restarts, failures uint64
}

func newSurvey(o MetricOptions) *survey {
	return &survey{
		options:     o,
		supervisors: map[string]*supervisorGroup{},
		services:    map[serviceKey]*serviceGroup{},
		runs:        map[tend.ServiceToken]runs{},
	}
}

// supervisor looks at a supervisor that is so deep, below one with attributes at
// above.
func (s *survey) supervisor(status tend.Status, above string, depth int) {
	at := above
	if s.options.Depth == 0 || depth <= s.options.Depth {
		at = status.Path
		if s.supervisors[at] == nil {
			s.supervisors[at] = &supervisorGroup{serving: true, ready: true}
		}
		s.supervisors[at].add(status)
		s.group(serviceKey{supervisor: at}) // also if it has none
	}
	for _, c := range status.Services {
		s.service(c, at, status.Time)
		if c.Supervisor != nil {
			s.supervisor(*c.Supervisor, at, depth+1)
		}
	}
}

func (g *supervisorGroup) add(s tend.Status) {
	g.serving = g.serving && s.Serving
	g.ready = g.ready && s.Ready
	g.paused = g.paused || !s.PausedUntil.IsZero()
	if g.threshold == 0 || s.Count/s.Threshold > g.level/g.threshold {
		g.level, g.threshold = s.Count, s.Threshold
	}
}

// service looks at a service of a supervisor with attributes at.
func (s *survey) service(c tend.ServiceStatus, at string, now time.Time) {
	key := serviceKey{supervisor: at}
	if s.options.Services != nil && s.options.Services(c) {
		key.service = c.Name
	}
	g := s.group(key)
	if int(c.State) >= len(g.states) {
		return // it has left
	}
	g.add(c, now)
	s.runs[c.Token] = runs{key, c.Restarts, c.Failed}
}

func (s *survey) group(key serviceKey) *serviceGroup {
	g := s.services[key]
	if g == nil {
		g = &serviceGroup{}
		s.services[key] = g
	}
	return g
}

func (g *serviceGroup) add(c tend.ServiceStatus, now time.Time) {
	g.states[c.State]++
	g.inState = max(g.inState, now.Sub(c.Since))
	if !c.WaitingUntil.IsZero() {
		left := max(0, c.WaitingUntil.Sub(now))
		if !g.waits || left < g.untilStart {
			g.waits, g.untilStart = true, left
		}
	}
	g.recent += c.Recent
	g.limit += c.Limit
}

// totals are sums that do not go back when a service leaves.
type totals struct {
	sums map[serviceKey]total
	seen map[tend.ServiceToken]runs // at the last collection
}

type total struct{ restarts, failures uint64 }

// update adds what has happened since the last survey, and forgets the totals of
// what is gone.
func (t *totals) update(s *survey) {
	sums := make(map[serviceKey]total, len(s.services))
	for key := range s.services {
		sums[key] = t.sums[key]
	}
	for token, now := range s.runs {
		before := t.seen[token]
		if before.key != now.key { // it is new here
			before = runs{}
		}
		sum := sums[now.key]
		sum.restarts += now.restarts - before.restarts
		sum.failures += now.failures - before.failures
		sums[now.key] = sum
	}
	t.sums, t.seen = sums, s.runs
}
