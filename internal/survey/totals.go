package survey

// totals are sums that do not go back when a service leaves.
type totals struct {
	sums map[Key]sum
	seen map[uint64]run    // at the last look, by the ids of services
	left map[uint64]counts // of some that were seen before that
}

// sum is what all services of a group have counted, and of supervisors what has happened.
type sum struct {
	counts
	incidents Incidents
}

// counts are those of one service.
type counts struct{ restarts, failures uint64 }

// run is what a service has counted, and in which group. It is also in that of its
// supervisor if that is whole.
type run struct {
	key Key
	counts
}

// update adds what has happened since the last look, forgets the sums of groups
// that are gone, and puts those of the others into the view.
func (t *totals) update(l *look) {
	isNew := t.regroup(l)
	known := 0
	for id, now := range l.runs {
		last, is := t.seen[id]
		if is {
			known++
		} else {
			last.counts = t.back(id)
		}
		t.add(now.key, now.counts, last.counts, isNew)
		if l.options.Whole && now.key.chosen() {
			t.add(now.key.whole(), now.counts, last.counts, isNew)
		}
	}
	if known < len(t.seen) {
		t.part(l)
	}
	t.seen = l.runs
	for path, more := range l.heard {
		key := Key{Supervisor: l.home(path)}
		s := t.sums[key]
		s.incidents.add(more)
		t.sums[key] = s
	}
	for path, s := range l.view.Supervisors {
		of := t.sums[Key{Supervisor: path}]
		s.count(of.counts)
		s.Incidents = of.incidents
	}
	for key, g := range l.view.Services {
		g.count(t.sums[key].counts)
	}
}

// regroup keeps the sums of the groups of a look, and returns which are new.
func (t *totals) regroup(l *look) (isNew map[Key]bool) {
	before := t.sums
	t.sums, isNew = make(map[Key]sum, len(l.view.Supervisors)+len(l.view.Services)), map[Key]bool{}
	keep := func(key Key) {
		s, is := before[key]
		if t.sums[key] = s; !is {
			isNew[key] = true
		}
	}
	for path := range l.view.Supervisors {
		keep(Key{Supervisor: path})
	}
	for key := range l.view.Services {
		keep(key)
	}
	return isNew
}

// add adds to the sums of a group what a service has counted since it was seen last, in
// this group or in another one, or to those of a group that is new all that it ever has:
// for the others its past is over, whoever it was counted with.
func (t *totals) add(to Key, now, last counts, isNew map[Key]bool) {
	if isNew[to] {
		last = counts{}
	}
	if now == last {
		return
	}
	s := t.sums[to]
	s.restarts += grown(now.restarts, last.restarts)
	s.failures += grown(now.failures, last.failures)
	t.sums[to] = s
}

// grown is by how much a count has grown. That of restarts may be lower than it was: of a
// place whose latest run has left it to one before.
func grown(now, last uint64) uint64 { return max(now, last) - last }

// mostLeft is how many services are remembered that were not seen last.
const mostLeft = 10_000

// part remembers the services that were seen and are not any more. They may be again: of a
// supervisor that is added again, or of a group whose members are not all listed. By their
// ids, as a token of a service whose supervisor has left would hold that.
func (t *totals) part(l *look) {
	for id, last := range t.seen {
		if _, is := l.runs[id]; is || last.counts == (counts{}) {
			continue
		}
		if len(t.left) >= mostLeft {
			t.forgetOne()
		}
		if t.left == nil {
			t.left = map[uint64]counts{}
		}
		t.left[id] = last.counts
	}
}

func (t *totals) forgetOne() {
	for id := range t.left {
		delete(t.left, id)
		return
	}
}

// back returns what a service had counted that is seen again; nothing if it is new.
func (t *totals) back(id uint64) counts {
	had := t.left[id]
	delete(t.left, id)
	return had
}

func (g *Group) count(c counts) { g.Restarts, g.Failures = c.restarts, c.failures }
