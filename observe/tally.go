package observe

import "time"

// A tally covers the last hour in minutes and at most maxTallied services: what
// the plot in the detail pane shows.
const (
	tallyMinutes = 60
	maxTallied   = 10_000
)

// tally counts failures per service and minute. It belongs to the hub's lock.
type tally struct {
	services map[uint64]*minutes
	whole    minutes // of all services, also those for which there was no room
	swept    int64   // Unix minute in which what is old was last forgotten
}

func newTally() tally { return tally{services: map[uint64]*minutes{}} }

// minutes is a ring of counts; the count of minute m is at m%tallyMinutes.
type minutes struct {
	last   int64 // Unix minute of the newest count
	counts [tallyMinutes]uint32
}

// add counts a failure of service id. When there are too many services it forgets
// those that have not failed for an hour; if that makes no room, it ignores new
// ones.
func (t *tally) add(id uint64, at time.Time) {
	now := at.Unix() / 60
	t.whole.add(now)
	m := t.services[id]
	if m == nil {
		if len(t.services) >= maxTallied {
			t.sweep(now)
		}
		if len(t.services) >= maxTallied {
			return
		}
		m = &minutes{last: now}
		t.services[id] = m
	}
	m.add(now)
}

// add counts a failure in minute now.
func (m *minutes) add(now int64) {
	m.advance(now)
	if m.last-now < tallyMinutes { // clocks may step back
		m.counts[slot(now)]++
	}
}

// sweep forgets what is older than an hour, at most once a minute.
func (t *tally) sweep(now int64) {
	if now == t.swept {
		return
	}
	t.swept = now
	for id, m := range t.services {
		if now-m.last >= tallyMinutes {
			delete(t.services, id)
		}
	}
}

// advance moves the ring on to minute now.
func (m *minutes) advance(now int64) {
	for range min(now-m.last, tallyMinutes) {
		m.last++
		m.counts[slot(m.last)] = 0
	}
	m.last = max(m.last, now)
}

// sum is how often the services failed in each of the last 60 minutes, oldest
// first.
func (t *tally) sum(ids []uint64, at time.Time) []uint32 {
	now := at.Unix() / 60
	total := make([]uint32, tallyMinutes)
	for _, id := range ids {
		if m := t.services[id]; m != nil {
			m.addTo(total, now)
		}
	}
	return total
}

// addTo adds the counts of the minutes up to now, oldest first.
func (m *minutes) addTo(total []uint32, now int64) {
	for i := range total {
		minute := now - tallyMinutes + 1 + int64(i)
		if minute <= m.last && m.last-minute < tallyMinutes {
			total[i] += m.counts[slot(minute)]
		}
	}
}

func slot(minute int64) int64 {
	return (minute%tallyMinutes + tallyMinutes) % tallyMinutes
}
