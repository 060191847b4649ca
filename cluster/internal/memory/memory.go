// Package memory is an engine's data and rules without time, goroutines or network: the
// deterministic engine of clustertest, and the fault suite's schedules, run on it.
package memory

import (
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

// Memory is what an engine keeps. Its methods take what time it is, as a duration since
// some moment, and are for one goroutine at a time.
type Memory struct {
	head    store.Head
	entries map[string]store.Entry
	leases  []*lease // as they were opened
	opened  store.LeaseID
	log     []store.Batch
}

type lease struct {
	id       store.LeaseID
	ttl, end time.Duration
}

// New returns an engine that has nothing.
func New(cluster uint64) *Memory {
	return &Memory{
		head:    store.Head{Cluster: cluster, Revision: 1},
		entries: map[string]store.Entry{},
	}
}

// Forget has it lose all it had, and its revision, but not which leases it has granted: the id
// of one is never used again.
func (m *Memory) Forget() {
	*m = Memory{head: store.Head{Cluster: m.head.Cluster, Revision: 1}, entries: map[string]store.Entry{}, opened: m.opened}
}

// Head is where the engine is.
func (m *Memory) Head() store.Head { return m.head }

// Log is one batch for each revision after the first. It only grows, but for Forget.
func (m *Memory) Log() []store.Batch { return m.log }

// Snapshot is all there is under the prefix, sorted by key.
func (m *Memory) Snapshot(prefix string) store.Batch {
	b := store.Batch{Head: m.head, Snapshot: true}
	for key, e := range m.entries {
		if strings.HasPrefix(key, prefix) {
			b.Changes = append(b.Changes, store.Change{Entry: e})
		}
	}
	slices.SortFunc(b.Changes, byKey)
	return b
}

// Pass ends all leases whose time is over, in the order of their ends.
func (m *Memory) Pass(now time.Duration) {
	for {
		l := m.first()
		if l == nil || l.end > now {
			return
		}
		m.end(l)
	}
}

// Next is when the next lease ends.
func (m *Memory) Next() (time.Duration, bool) {
	l := m.first()
	if l == nil {
		return 0, false
	}
	return l.end, true
}

// Restart gives every lease its whole TTL again, as an engine does that has a new leader.
func (m *Memory) Restart(now time.Duration) {
	for _, l := range m.leases {
		l.end = now + l.ttl
	}
}

// Open grants a lease.
func (m *Memory) Open(now, ttl time.Duration) (store.LeaseID, store.Head) {
	m.opened++
	m.leases = append(m.leases, &lease{m.opened, ttl, now + ttl})
	return m.opened, m.head
}

// Renew gives a lease its TTL again.
func (m *Memory) Renew(now time.Duration, id store.LeaseID) (store.Head, error) {
	m.Pass(now)
	l := m.lease(id)
	if l == nil {
		return m.head, store.ErrNoLease
	}
	l.end = now + l.ttl
	return m.head, nil
}

// Revoke ends a lease.
func (m *Memory) Revoke(id store.LeaseID) error {
	l := m.lease(id)
	if l == nil {
		return store.ErrNoLease
	}
	m.end(l)
	return nil
}

// Create is store.Store's.
func (m *Memory) Create(now time.Duration, key, value string, id store.LeaseID, guard store.Guard) (store.Answer, error) {
	m.Pass(now)
	if m.lease(id) == nil {
		return store.Answer{Head: m.head}, store.ErrNoLease
	}
	if e, ok := m.entries[key]; ok {
		return store.Answer{Head: m.head, Entry: e}, nil
	}
	if guard != (store.Guard{}) && m.entries[guard.Key].Value != guard.Value {
		return store.Answer{Head: m.head}, nil
	}
	e := store.Entry{Key: key, Value: value, Lease: id, Token: m.head.Revision + 1}
	m.write(store.Change{Entry: e})
	return store.Answer{Head: m.head, Done: true, Entry: e}, nil
}

// Update is store.Store's.
func (m *Memory) Update(key, value string, token int64) store.Answer {
	e, ok := m.entries[key]
	if !ok || e.Token != token {
		return store.Answer{Head: m.head, Entry: e}
	}
	e.Value = value
	m.write(store.Change{Entry: e})
	return store.Answer{Head: m.head, Done: true, Entry: e}
}

// Delete is store.Store's.
func (m *Memory) Delete(key string, token int64) store.Answer {
	e, ok := m.entries[key]
	if !ok || e.Token != token {
		return store.Answer{Head: m.head, Entry: e}
	}
	m.write(store.Change{Entry: store.Entry{Key: key}, Gone: true})
	return store.Answer{Head: m.head, Done: true}
}

// SetIfNone is store.Store's.
func (m *Memory) SetIfNone(key, value, prefix string) store.Answer {
	e, ok := m.entries[key]
	for other := range m.entries {
		if strings.HasPrefix(other, prefix) {
			return store.Answer{Head: m.head, Entry: e}
		}
	}
	if !ok {
		e = store.Entry{Key: key, Token: m.head.Revision + 1}
	}
	e.Value = value
	m.write(store.Change{Entry: e})
	return store.Answer{Head: m.head, Done: true, Entry: e}
}

// first is the lease that ends first; among equals the one that was opened first.
func (m *Memory) first() (found *lease) {
	for _, l := range m.leases {
		if found == nil || l.end < found.end {
			found = l
		}
	}
	return found
}

func (m *Memory) lease(id store.LeaseID) *lease {
	for _, l := range m.leases {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (m *Memory) end(l *lease) {
	m.leases = slices.DeleteFunc(m.leases, func(other *lease) bool { return other == l })
	var gone []store.Change
	for _, e := range m.entries {
		if e.Lease == l.id {
			gone = append(gone, store.Change{Entry: store.Entry{Key: e.Key}, Gone: true})
		}
	}
	if len(gone) > 0 {
		slices.SortFunc(gone, byKey)
		m.write(gone...)
	}
}

func (m *Memory) write(changes ...store.Change) {
	m.head.Revision++
	for _, c := range changes {
		if c.Gone {
			delete(m.entries, c.Key)
			continue
		}
		m.entries[c.Key] = c.Entry
	}
	m.log = append(m.log, store.Batch{Head: m.head, Changes: changes})
}

func byKey(a, b store.Change) int { return strings.Compare(a.Key, b.Key) }
