package cluster

import "sync"

// An inbox keeps messages for a loop. Whoever puts one never waits.
type inbox struct {
	mu       sync.Mutex
	messages []message
	some     chan struct{}
}

func newInbox() *inbox { return &inbox{some: make(chan struct{}, 1)} }

func (i *inbox) put(m message) {
	i.mu.Lock()
	i.messages = append(i.messages, m)
	i.mu.Unlock()
	select {
	case i.some <- struct{}{}:
	default:
	}
}

func (i *inbox) take() []message {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.messages
	i.messages = nil
	return m
}
