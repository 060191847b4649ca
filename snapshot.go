package tend

import (
	"slices"
	"sync"
)

// Status returns a snapshot of the whole tree below s.
func (s *Supervisor) Status() Status {
	return s.statusAt(s.Path())
}

// ServiceStatus is what [Supervisor.Status] says of one service, and costs as much as
// that; the subtree of a nested supervisor is left out. For a service that has left it
// returns [ErrRemoved].
func (s *Supervisor) ServiceStatus(t ServiceToken) (ServiceStatus, error) {
	n, err := s.find(t)
	if err != nil {
		return ServiceStatus{}, err
	}
	status := n.sup.statusOf(n.holder)
	if status.State == StateGone {
		return ServiceStatus{}, ErrRemoved
	}
	return status, nil
}

// Nested returns the supervisor that a service is, or serves, as [ServiceStatus] has its
// Status: for those who know a tree by its status alone, to end a pause, say. It is nil
// if the service is none. For a service that has left it returns [ErrRemoved].
func (s *Supervisor) Nested(t ServiceToken) (nested *Supervisor, err error) {
	n, err := s.find(t)
	if err != nil {
		return nil, err
	}
	if n.gone.has() {
		return nil, ErrRemoved
	}
	n.sup.query(func(*plan, instant) { nested = n.holder().shown().subtree() })
	return nested, nil
}

// statusOf is the status of one service of s, which is asked for when the plan can be.
func (s *Supervisor) statusOf(which func() *node) (status ServiceStatus) {
	var r *run
	var box mailbox
	path := s.Path() // the plan's may be that of another place, while it is not served
	s.query(func(p *plan, now instant) {
		n := which()
		run := n.shown()
		status, r, box = p.serviceStatus(now, n, path, p.holdup()), run.run, run.mailbox()
	})
	if r != nil {
		status.Annotations = r.noted()
	}
	status.Mailbox = mailboxOf(box)
	return status
}

// statusAt is Status for a supervisor that is at a path. What runs have noted, and
// what is below, is asked when the plan has answered: that takes locks.
func (s *Supervisor) statusAt(path string) Status {
	snap := s.snapshots.at(s, path)
	status := snap.copy()
	for _, m := range snap.more {
		c := &status.Services[m.i]
		if m.run != nil {
			c.Annotations = m.run.noted()
		}
		c.Mailbox = mailboxOf(m.mailbox)
		if m.sup == nil {
			continue
		}
		at := c.Path
		if !m.sup.isServiceOf(s) { // served by something that has not declared it
			at = m.sup.Path()
		}
		sub := m.sup.statusAt(at)
		if !c.Wanted { // nor is anything below it
			for _, below := range sub.All() {
				below.Wanted = false
			}
		}
		c.Supervisor = &sub
	}
	return status
}

// snapshots lets all who ask while a question waits for its answer share that: a
// thousand goroutines that ask for the status of ten thousand services cost the
// supervisor one look at each batch of its messages, and themselves a copy.
type snapshots struct {
	mu   sync.Mutex
	next *snapshot // which the supervisor has not begun; nil: there is none
}

// snapshot is what a supervisor knew when it got to the question.
type snapshot struct {
	status Status
	more   []moreOf // to be asked elsewhere
	taken  chan struct{}
	shared bool // by several who ask
}

// moreOf is where there is more to know about a service.
type moreOf struct {
	i       int // its place in the list
	sup     *Supervisor
	run     *run
	mailbox mailbox
}

// at returns a snapshot of s, which is at a path, that is not older than the call.
func (q *snapshots) at(s *Supervisor, path string) *snapshot {
	q.mu.Lock()
	if snap := q.next; snap != nil && snap.status.Path == path {
		snap.shared = true
		q.mu.Unlock()
		<-snap.taken
		return snap
	}
	snap := &snapshot{status: Status{Name: s.name, Path: path}, taken: make(chan struct{})}
	q.next = snap
	q.mu.Unlock()
	s.query(func(p *plan, now instant) {
		q.begin(snap)
		snap.take(s, p, now)
	})
	close(snap.taken)
	return snap
}

// begin ends the time in which others may share snap: they want to know what is
// later.
func (q *snapshots) begin(snap *snapshot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == snap {
		q.next = nil
	}
}

func (snap *snapshot) take(s *Supervisor, p *plan, now instant) {
	snap.status.Since = p.wall(s.since)
	p.status(now, &snap.status, func(i int, n *node) {
		noted := n.run != nil && n.run.more.Load() != nil
		if sup, box := n.subtree(), n.mailbox(); noted || sup != nil || box != nil {
			snap.more = append(snap.more, moreOf{i, sup, n.run, box})
		}
	})
}

// copy returns the status, for the caller to keep and change.
func (snap *snapshot) copy() Status {
	status := snap.status
	if !snap.shared {
		return status
	}
	status.Services = slices.Clone(status.Services)
	for i := range status.Services {
		status.Services[i].Failures = slices.Clone(status.Services[i].Failures)
	}
	return status
}
