package tendprom

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tend-go/tend"
)

// survey is one look at a tree, sorted by the labels of the series to come. Paths
// and names need not be unique, but series must be: what shares labels is added
// up.
type survey struct {
	options     Options
	supervisors map[string]*supervisorGroup // by path
	services    map[serviceKey]*serviceGroup
	runs        map[tend.ServiceToken]runs
}

// serviceKey are the labels of a service.
type serviceKey struct{ supervisor, service string }

// supervisorGroup is a supervisor, with what is further below than Options.Depth.
type supervisorGroup struct {
	states           [tend.StateGone]int
	serving, ready   bool
	paused           bool
	level, threshold float64
}

// serviceGroup is a service, or those that share its name.
type serviceGroup struct {
	states        [tend.StateGone]int
	since, start  time.Time
	recent, limit int
}

// runs is what a service has counted.
type runs struct {
	at       string // the supervisor label
	key      serviceKey
	chosen   bool
	restarts uint64
	failures uint64
}

func newSurvey(o Options) *survey {
	return &survey{
		options:     o,
		supervisors: map[string]*supervisorGroup{},
		services:    map[serviceKey]*serviceGroup{},
		runs:        map[tend.ServiceToken]runs{},
	}
}

// supervisor looks at a supervisor that is so deep, below one with series at
// above.
func (s *survey) supervisor(status tend.Status, above string, depth int) {
	at := above
	if s.options.Depth == 0 || depth <= s.options.Depth {
		at = status.Path
		s.group(at).add(status)
	}
	for _, c := range status.Services {
		s.service(c, at)
		if c.Supervisor != nil {
			s.supervisor(*c.Supervisor, at, depth+1)
		}
	}
}

func (s *survey) group(path string) *supervisorGroup {
	g := s.supervisors[path]
	if g == nil {
		g = &supervisorGroup{serving: true, ready: true}
		s.supervisors[path] = g
	}
	return g
}

// add adds a supervisor to those of its path: the worst counts.
func (g *supervisorGroup) add(s tend.Status) {
	g.serving = g.serving && s.Serving
	g.ready = g.ready && s.Ready
	g.paused = g.paused || !s.PausedUntil.IsZero()
	if g.threshold == 0 || s.Count/s.Threshold > g.level/g.threshold {
		g.level, g.threshold = s.Count, s.Threshold
	}
}

// service looks at a service of a supervisor with series at a path.
func (s *survey) service(c tend.ServiceStatus, at string) {
	if int(c.State) >= len(s.group(at).states) {
		return // it has left
	}
	s.group(at).states[c.State]++
	r := runs{at: at, key: serviceKey{at, c.Name}, restarts: c.Restarts, failures: c.Failed}
	if s.options.Services != nil && s.options.Services(c) {
		r.chosen = true
		if s.services[r.key] == nil {
			s.services[r.key] = &serviceGroup{}
		}
		s.services[r.key].add(c)
	}
	s.runs[c.Token] = r
}

// add adds a service to those of its name.
func (g *serviceGroup) add(c tend.ServiceStatus) {
	g.states[c.State]++
	g.since = earliest(g.since, c.Since)
	g.start = earliest(g.start, c.WaitingUntil)
	g.recent += c.Recent
	g.limit += c.Limit
}

// earliest is the earlier one of two times that are not zero.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (g *supervisorGroup) collect(to chan<- prometheus.Metric, path string, t total) {
	for state, n := range g.states {
		to <- servicesByState.of(float64(n), path, tend.State(state).String())
	}
	to <- restarts.of(float64(t.restarts), path)
	to <- failures.of(float64(t.failures), path)
	to <- serving.of(truth(g.serving), path)
	to <- ready.of(truth(g.ready), path)
	to <- paused.of(truth(g.paused), path)
	to <- failureLevel.of(g.level, path)
	to <- failureThreshold.of(g.threshold, path)
}

func (g *serviceGroup) collect(to chan<- prometheus.Metric, k serviceKey, t total) {
	to <- serviceUp.of(float64(g.states[tend.StateRunning]), k.supervisor, k.service)
	for state, n := range g.states {
		if n > 0 {
			to <- serviceState.of(float64(n), k.supervisor, k.service, tend.State(state).String())
		}
	}
	to <- serviceSince.of(seconds(g.since), k.supervisor, k.service)
	if !g.start.IsZero() {
		to <- serviceStart.of(seconds(g.start), k.supervisor, k.service)
	}
	to <- serviceRestarts.of(float64(t.restarts), k.supervisor, k.service)
	to <- serviceFailures.of(float64(t.failures), k.supervisor, k.service)
	if g.limit > 0 {
		to <- serviceRecent.of(float64(g.recent), k.supervisor, k.service)
		to <- serviceLimit.of(float64(g.limit), k.supervisor, k.service)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a time as Prometheus writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
