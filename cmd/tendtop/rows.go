package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// order is how the rows are sorted.
type order int

const (
	byTree order = iota // each below its supervisor
	byRestarts
	byFailures
	byAge  // the latest change first
	byLast // the latest failure first
	orders
)

func (o order) String() string {
	return [...]string{"tree", "restarts", "failures", "age", "last failure"}[o]
}

// choice is what of a tree is shown, and in which order.
type choice struct {
	order   order
	query   string
	trouble bool // only what is in trouble
}

// identity says which service is meant: an id alone is another one after another start of
// the program.
type identity struct {
	id   uint64
	path string // as it is shown
}

// row is a service as it is shown. Nothing in it controls the terminal.
type row struct {
	identity
	depth            int
	name, state      string
	age              time.Duration
	restarts, failed uint64
	failedAt         time.Time // zero: never, as far as is kept
	note             string
	trouble          bool
}

// Bytes of a text that is shown, and of one of many in a line.
const (
	maxText       = 300
	maxAnnotation = 80
)

// rowsOf are the services of a tree that are chosen.
func rowsOf(s tend.Status, c choice) (list []row) {
	for depth, service := range s.All() {
		r := newRow(service, depth, s.Time)
		if c.order != byTree {
			r.depth, r.name = 0, strings.TrimPrefix(r.path, s.Path+"/")
		}
		if c.chooses(r) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, c.order.compare)
	return list
}

func newRow(s *tend.ServiceStatus, depth int, now time.Time) row {
	r := row{
		identity: identity{s.Token.ID(), said.Clean(s.Path, maxText)}, depth: depth, name: said.Clean(s.Name, maxText), state: s.State.String(),
		age: now.Sub(s.Since), restarts: s.Restarts, failed: s.Failed, note: said.Clean(noteOf(s, now), maxText), trouble: s.InTrouble(),
	}
	if n := len(s.Failures); n > 0 {
		r.failedAt = s.Failures[n-1].Time
	}
	return r
}

// supervisorOf is the supervisor that a service below s is, if it pauses, or else the one
// that it is a service of; and the id of that, which is id if it is s. It is nil if the
// service is not there.
func supervisorOf(s *tend.Status, id, service uint64) (uint64, *tend.Status) {
	for i := range s.Services {
		c := &s.Services[i]
		switch {
		case c.Token.ID() == service && c.Supervisor != nil && !c.Supervisor.PausedUntil.IsZero():
			return service, c.Supervisor
		case c.Token.ID() == service:
			return id, s
		case c.Supervisor != nil:
			if id, found := supervisorOf(c.Supervisor, c.Token.ID(), service); found != nil {
				return id, found
			}
		}
	}
	return 0, nil
}

// noteOf is what else there is to know at a glance: why it waits or stops, what runs beside
// it, what failed last, of an actor how its messages do and, where there is room for it, what it has noted itself.
func noteOf(s *tend.ServiceStatus, now time.Time) string {
	var notes []string
	if !s.Stopping.IsZero() {
		notes = append(notes, "because: "+s.Stopping.Error())
	}
	if !s.WaitingFor.IsZero() {
		wait := "waits for " + s.WaitingFor.Error()
		if !s.WaitingUntil.IsZero() {
			wait += ", " + said.Age(s.WaitingUntil.Sub(now))
		}
		notes = append(notes, wait)
	}
	if b := s.Beside; b.Incarnation > 0 {
		notes = append(notes, fmt.Sprintf("run %d beside it is %v for %s", b.Incarnation, b.State, said.Age(now.Sub(b.Since))))
	}
	if sub := s.Supervisor; sub != nil && !sub.PausedUntil.IsZero() {
		notes = append(notes, "pauses for "+said.Age(sub.PausedUntil.Sub(now)))
	}
	if sub := s.Supervisor; sub != nil && sub.Idle > 0 {
		notes = append(notes, fmt.Sprintf("%d more, idle", sub.Idle))
	}
	if n := len(s.Failures); n > 0 {
		f := s.Failures[n-1]
		notes = append(notes, fmt.Sprintf("%s ago: %s", said.Age(now.Sub(f.Time)), f.Err.Error()))
	}
	if mail := mailOf(s.Mailbox, now); mail != "" {
		notes = append(notes, mail)
	}
	for _, a := range s.Annotations {
		notes = append(notes, a.Key+"="+said.Note(a.Value, now, maxAnnotation))
	}
	return strings.Join(notes, "; ")
}

// mailOf is what there is to say of the messages of an actor.
func mailOf(m *tend.Mailbox, now time.Time) string {
	if m == nil {
		return ""
	}
	return said.Mail(m.Waiting, m.Size, said.Since(now, m.Oldest), said.Since(now, m.Handling), m.Open, m.Lost)
}

func (c choice) chooses(r row) bool {
	if c.trouble && !r.trouble {
		return false
	}
	for word := range strings.FieldsSeq(strings.ToLower(c.query)) {
		if !strings.Contains(strings.ToLower(r.path+" "+r.state+" "+r.note), word) {
			return false
		}
	}
	return true
}

// compare puts the worst first.
func (o order) compare(a, b row) int {
	switch o {
	case byRestarts:
		return cmp.Compare(b.restarts, a.restarts)
	case byFailures:
		return cmp.Compare(b.failed, a.failed)
	case byAge:
		return cmp.Compare(a.age, b.age)
	case byLast:
		return b.failedAt.Compare(a.failedAt)
	case byTree, orders:
	}
	return 0
}

// counts says how many services are in which state, those in trouble first. A nested
// supervisor is one, as on the page and in metrics.
func counts(s tend.Status) string {
	n, idle := map[tend.State]int{}, s.Idle
	for _, service := range s.All() {
		n[service.State]++
		if service.Supervisor != nil {
			idle += service.Supervisor.Idle
		}
	}
	var parts []string
	for _, state := range []tend.State{
		tend.StateFailed, tend.StateStuck, tend.StateBackoff, tend.StateStopping, tend.StateStarting, tend.StatePending,
		tend.StateSuspended, tend.StateDone, tend.StateRunning,
	} {
		if n[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n[state], state))
		}
	}
	if idle > 0 {
		parts = append(parts, fmt.Sprintf("%d idle", idle))
	}
	return strings.Join(parts, ", ")
}
