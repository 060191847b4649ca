package tendprom

import "github.com/tend-go/tend"

// counters are totals that do not go back when a service leaves.
type counters struct {
	supervisors map[string]total
	services    map[serviceKey]total
	seen        map[tend.ServiceToken]runs // at the last collection
}

type total struct{ restarts, failures uint64 }

// update adds what has happened since the last survey, and forgets the totals of
// what is gone.
func (c *counters) update(s *survey) {
	supervisors := make(map[string]total, len(s.supervisors))
	for path := range s.supervisors {
		supervisors[path] = c.supervisors[path]
	}
	services := make(map[serviceKey]total, len(s.services))
	for key := range s.services {
		services[key] = c.services[key]
	}
	for token, now := range s.runs {
		before := c.seen[token]
		supervisors[now.at] = supervisors[now.at].plus(now, before)
		if !now.chosen {
			continue
		}
		if !before.chosen { // it has been chosen just now
			before = runs{}
		}
		services[now.key] = services[now.key].plus(now, before)
	}
	c.supervisors, c.services, c.seen = supervisors, services, s.runs
}

func (t total) plus(now, before runs) total {
	return total{t.restarts + now.restarts - before.restarts, t.failures + now.failures - before.failures}
}
