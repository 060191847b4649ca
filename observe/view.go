package observe

import (
	"cmp"
	"slices"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/treepath"
)

// view is the whole tree at one moment, as rows. It is immutable once made.
type view struct {
	taken  time.Time
	status tend.Status
	rows   []row          // parents before children, siblings in the order of their ids
	up     []int          // place of the supervisor that a row is a service of; the root's is its own
	size   []int          // of the branch that begins at a row, itself included
	place  map[uint64]int // of an id in rows
}

// newView flattens s. Siblings are ordered by id, which is the order in which
// they were added, so that a page can put a new row in its place. old, if not
// nil, is an earlier view, likely of the same size.
func newView(s tend.Status, taken time.Time, old *view) *view {
	v := &view{taken: taken, status: s}
	if old != nil {
		n := len(old.rows) + len(old.rows)/16
		v.rows, v.up, v.size = make([]row, 0, n), make([]int, 0, n), make([]int, 0, n)
	}
	v.add(0, rootRow(&s))
	v.addServices(0, &s)
	v.place = make(map[uint64]int, len(v.rows))
	for i := range v.rows {
		v.place[v.rows[i].ID] = i
	}
	return v
}

func (v *view) add(up int, r row) {
	v.rows = append(v.rows, r)
	v.up = append(v.up, up)
	v.size = append(v.size, 1)
}

// addServices adds the branch below the row at place up.
func (v *view) addServices(up int, s *tend.Status) {
	byID := func(a, b tend.ServiceStatus) int { return cmp.Compare(a.Token.ID(), b.Token.ID()) }
	services := s.Services
	if !slices.IsSortedFunc(services, byID) {
		services = slices.SortedFunc(slices.Values(services), byID)
	}
	var sum [len(stateNames)]int32
	if sum[tend.StateRunning] = int32(s.Idle); !s.Serving { // for those that are not listed
		sum[tend.StateRunning], sum[tend.StatePending] = 0, int32(s.Idle)
	}
	for i := range services {
		at := len(v.rows)
		v.add(up, serviceRow(v.rows[up].ID, &services[i], s.Time))
		sum[v.rows[at].State]++
		if nested := services[i].Supervisor; nested != nil {
			v.addServices(at, nested)
			for s, n := range v.rows[at].Branch.States {
				sum[s] += n
			}
		}
	}
	v.rows[up].Branch.States = sum
	v.size[up] = len(v.rows) - up
}

// changes are the rows of v that are new or differ from old, parents first, and
// the ids that are gone. It gives up, with ok false, after more than most. A row
// of which only the failure count decayed gets the values it had in old, as the
// page knows by itself how a count decays.
func (v *view) changes(old *view, most int) (changed []row, gone []uint64, ok bool) {
	known := 0 // rows that are in both
	for i := range v.rows {
		if j, ok := old.place[v.rows[i].ID]; ok {
			known++
			v.rows[i].settle(&old.rows[j])
			if v.rows[i] == old.rows[j] {
				continue
			}
		}
		if changed = append(changed, v.rows[i]); len(changed) > most {
			return nil, nil, false
		}
	}
	if known == len(old.rows) {
		return changed, nil, true
	}
	for i := range old.rows {
		if _, ok := v.place[old.rows[i].ID]; ok {
			continue
		}
		if gone = append(gone, old.rows[i].ID); len(gone) > most {
			return nil, nil, false
		}
	}
	return changed, gone, true
}

// services calls f with the place of each service of the supervisor at place up
// whose id is greater than after, until f returns false.
func (v *view) services(up int, after uint64, f func(int) bool) {
	for i := up + 1; i < up+v.size[up]; i += v.size[i] {
		if v.rows[i].ID > after && !f(i) {
			return
		}
	}
}

// above are the places of the supervisors above place i, the root first.
func (v *view) above(i int) (places []int) {
	for i != 0 {
		i = v.up[i]
		places = append(places, i)
	}
	slices.Reverse(places)
	return places
}

// isLarge: it is not sent as a whole.
func (v *view) isLarge() bool { return len(v.rows) > maxView }

// beginning are at most most rows to open a page of a large tree with: the
// services of the root, then whole lists of services, first those on the way to
// the service wanted, then those in trouble, then from the top down. What is left
// out is fetched when somebody opens its branch.
func (v *view) beginning(most int, wanted uint64) []row {
	if len(v.rows) <= most {
		return v.rows
	}
	way := map[int]bool{}
	if i, ok := v.place[wanted]; ok {
		for _, j := range v.above(i) {
			way[j] = true
		}
	}
	taken := []row{v.rows[0]}
	next := []int{0} // supervisors whose services come next
	for len(next) > 0 {
		var below []int
		for _, up := range next {
			if up != 0 && !way[up] && v.rows[up].Branch.Services > most-len(taken) {
				continue
			}
			v.services(up, 0, func(i int) bool {
				if len(taken) == most {
					return false
				}
				taken = append(taken, v.rows[i])
				if v.rows[i].Branch.Supervisor {
					below = append(below, i)
				}
				return true
			})
		}
		slices.SortStableFunc(below, func(a, b int) int {
			return cmp.Compare(v.urgency(b, way), v.urgency(a, way))
		})
		next = below
	}
	return taken
}

func (v *view) urgency(i int, way map[int]bool) int {
	switch {
	case way[i]:
		return 2
	case v.rows[i].Branch.troubled() > 0:
		return 1
	}
	return 0
}

// idAt is the id of the first service with a path below s, 0 if there is none.
func idAt(s *tend.Status, path string) uint64 {
	for i := range s.Services {
		c := &s.Services[i]
		if c.Path == path {
			return c.Token.ID()
		}
		if c.Supervisor == nil || !treepath.Below(path, c.Path) {
			continue
		}
		if id := idAt(c.Supervisor, path); id != 0 {
			return id
		}
	}
	return 0
}
