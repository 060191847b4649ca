package tend

import (
	"sync"
)

// inbox is how everything reaches a supervisor. It is a queue rather than a
// channel because its senders must never wait: a million services that end at
// once would be a million goroutines parked on the send, and a message must not
// be lost between one loop's end and the next one's start. A queue under a lock
// also hands over many messages at a time.
type inbox struct {
	sync.Mutex               // also owns the plan while no loop is reading
	reading    bool          // a loop is
	queue      []message     // for the loop
	spare      []message     // the loop's previous batch, to be used again
	wake       chan struct{} // has a token when the queue may not be empty
}

// push takes m for the reader; false if there is none, and b stays locked then. An
// add gets its number here: in the order in which they are added.
func (b *inbox) push(m message) bool {
	b.Lock()
	if m, is := m.(add); is {
		m.n.id = lastID.Add(1)
	}
	if !b.reading {
		return false
	}
	b.queue = append(b.queue, m)
	first := len(b.queue) == 1
	b.Unlock()
	if first {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take returns the messages that have come, valid until the next call.
func (b *inbox) take() []message {
	b.Lock()
	defer b.Unlock()
	batch := b.queue
	b.queue, b.spare = reuse(b.spare), batch
	return batch
}

// reuse empties a slice for the next use, unless it got big in a rush.
func reuse[T any](s []T) []T {
	if cap(s) > 4096 {
		return nil
	}
	clear(s)
	return s[:0]
}

// open makes the caller the reader, which owns the plan from then on; false if
// there is one.
func (b *inbox) open() bool {
	b.Lock()
	defer b.Unlock()
	if b.reading {
		return false
	}
	b.reading = true
	return true
}

// close ends that, with last as the last thing the reader does, unless there are
// messages left.
func (b *inbox) close(last func()) bool {
	b.Lock()
	defer b.Unlock()
	if len(b.queue) > 0 {
		return false
	}
	last()
	b.reading = false
	return true
}
