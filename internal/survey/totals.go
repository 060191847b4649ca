package survey

import "github.com/tend-go/tend"

// totals are sums that do not go back when a service leaves.
type totals struct {
	sums map[Key]counts
	seen map[tend.ServiceToken]run // at the last look
}

type counts struct {
	restarts, failures uint64
	incidents          Incidents // of groups of supervisors
}

// run is what a service has counted, and in which group. It is also in that of its
// supervisor if that is whole.
type run struct {
	key Key
	counts
}

// update adds what has happened since the last look, forgets the sums of groups
// that are gone, and puts those of the others into the view.
func (t *totals) update(l *look) {
	before := t.sums
	t.sums = make(map[Key]counts, len(l.view.Supervisors)+len(l.view.Services))
	for path := range l.view.Supervisors {
		key := Key{Supervisor: path}
		t.sums[key] = before[key]
	}
	for key := range l.view.Services {
		t.sums[key] = before[key]
	}
	for token, now := range l.runs {
		last, whole := t.seen[token], l.options.Whole
		t.add(now.key, now, last, whole)
		if whole && now.key.chosen() {
			t.add(now.key.whole(), now, last, whole)
		}
	}
	t.seen = t.remembered(l)
	for path, more := range l.heard {
		key := Key{Supervisor: l.home(path)}
		sum := t.sums[key]
		sum.incidents.add(more)
		t.sums[key] = sum
	}
	for path, s := range l.view.Supervisors {
		sum := t.sums[Key{Supervisor: path}]
		s.count(sum)
		s.Incidents = sum.incidents
	}
	for key, g := range l.view.Services {
		g.count(t.sums[key])
	}
}

// mostUnlisted is how many services are remembered that were not listed last.
const mostUnlisted = 10_000

// remembered are the services that were seen. One that is not listed any more may be again:
// what it has counted before is not to be counted twice.
func (t *totals) remembered(l *look) map[tend.ServiceToken]run {
	if !l.someIdle {
		return l.runs
	}
	left := mostUnlisted
	for token, last := range t.seen {
		if _, is := l.runs[token]; !is && left > 0 && (last.restarts > 0 || last.failures > 0) {
			l.runs[token] = last
			left--
		}
	}
	return l.runs
}

// add adds to the sums of a group what a service has counted since the last look, or
// all that it ever has if it is new to the group.
func (t *totals) add(to Key, now, last run, whole bool) {
	if !last.in(to, whole) {
		last = run{}
	}
	sum := t.sums[to]
	sum.restarts += now.restarts - last.restarts
	sum.failures += now.failures - last.failures
	t.sums[to] = sum
}

func (r run) in(group Key, whole bool) bool {
	return group == r.key || whole && group == r.key.whole()
}

func (g *Group) count(c counts) { g.Restarts, g.Failures = c.restarts, c.failures }
