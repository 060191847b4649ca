package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tend-go/tend/lease"
)

// notification is one message that every sender has to get once.
type notification struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// What a store may answer.
var (
	errEmpty  = errors.New("nothing is due")
	errLocked = errors.New("somebody else works on it")
)

// store is where notifications wait. Several notifiers, on several machines, may
// share one; that is what the locks are for. Who owns a lock is named by the
// caller. Everything it says may be an error of the network.
type store interface {
	// next is the oldest notification that is due and not locked, or errEmpty.
	next(ctx context.Context) (notification, error)
	// size is how many there are, due or not.
	size(ctx context.Context) (int, error)

	// lock gets the lock of a notification for ttl, or errLocked. extend makes the
	// lock last for ttl from now, or says lease.ErrLost. unlock gives it back if it
	// still is the owner's.
	lock(ctx context.Context, id, owner string, ttl time.Duration) error
	extend(ctx context.Context, id, owner string, ttl time.Duration) error
	unlock(ctx context.Context, id, owner string) error

	// sent notes that a sender has got the notification; sentTo says which have.
	// Noting needs no lock: it is true whoever works on it by now.
	sent(ctx context.Context, id, sender string) error
	sentTo(ctx context.Context, id string) (map[string]bool, error)

	// finish removes a notification, postpone makes it due at a later time. Both
	// need the lock, and say lease.ErrLost without it.
	finish(ctx context.Context, id, owner string) error
	postpone(ctx context.Context, id, owner string, until time.Time) error
}

// memory is a store in this process.
type memory struct {
	mu      sync.Mutex
	entries []*entry // oldest first
}

type entry struct {
	notification
	due    time.Time
	owner  string
	locked time.Time // until then
	sent   map[string]bool
}

// load reads notifications: a JSON array.
func load(r io.Reader) (*memory, error) {
	var list []notification
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("reading notifications: %w", err)
	}
	m := &memory{}
	for _, n := range list {
		if err := m.add(n); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// add appends a notification. Its id must be new.
func (m *memory) add(n notification) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.ID == "" {
		return fmt.Errorf("notification %q has no id", n.Text)
	}
	if m.find(n.ID) >= 0 {
		return fmt.Errorf("notification %q is there already", n.ID)
	}
	m.entries = append(m.entries, &entry{notification: n, sent: map[string]bool{}})
	return nil
}

func (m *memory) find(id string) int {
	for i, e := range m.entries {
		if e.ID == id {
			return i
		}
	}
	return -1
}

// owned calls f with the entry if the lock is owner's.
func (m *memory) owned(id, owner string, f func(i int, e *entry)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(id)
	if i < 0 || !m.entries[i].lockedBy(owner) {
		return fmt.Errorf("notification %q: %w", id, lease.ErrLost)
	}
	f(i, m.entries[i])
	return nil
}

func (e *entry) isLocked() bool             { return time.Now().Before(e.locked) }
func (e *entry) lockedBy(owner string) bool { return e.owner == owner && e.isLocked() }

func (m *memory) next(context.Context) (notification, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if !e.isLocked() && !time.Now().Before(e.due) {
			return e.notification, nil
		}
	}
	return notification{}, errEmpty
}

func (m *memory) size(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries), nil
}

func (m *memory) lock(_ context.Context, id, owner string, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(id)
	if i < 0 || m.entries[i].isLocked() {
		return fmt.Errorf("notification %q: %w", id, errLocked)
	}
	m.entries[i].owner, m.entries[i].locked = owner, time.Now().Add(ttl)
	return nil
}

func (m *memory) extend(_ context.Context, id, owner string, ttl time.Duration) error {
	return m.owned(id, owner, func(_ int, e *entry) { e.locked = time.Now().Add(ttl) })
}

// unlock does nothing to a lock that is not the owner's any more.
func (m *memory) unlock(_ context.Context, id, owner string) error {
	_ = m.owned(id, owner, func(_ int, e *entry) { e.locked = time.Time{} })
	return nil
}

func (m *memory) sent(_ context.Context, id, sender string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.find(id); i >= 0 {
		m.entries[i].sent[sender] = true
	}
	return nil
}

func (m *memory) sentTo(_ context.Context, id string) (map[string]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent := map[string]bool{}
	if i := m.find(id); i >= 0 {
		for name := range m.entries[i].sent {
			sent[name] = true
		}
	}
	return sent, nil
}

func (m *memory) finish(_ context.Context, id, owner string) error {
	return m.owned(id, owner, func(i int, _ *entry) { m.entries = append(m.entries[:i], m.entries[i+1:]...) })
}

func (m *memory) postpone(_ context.Context, id, owner string, until time.Time) error {
	return m.owned(id, owner, func(_ int, e *entry) { e.due = until })
}
