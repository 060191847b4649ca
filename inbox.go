package tend

import "sync"

// inbox is how everything reaches a supervisor. It is a queue rather than a
// channel because who tells a fact must never wait: a million services that end at
// once would be a million goroutines parked on the send, and a message must not
// be lost between one loop's end and the next one's start. A queue under a lock
// also hands over many messages at a time.
//
// Facts are bounded by what there is: each run ends once and is ready once. Wishes
// are not, so who asks for something waits while the queue is crowded. The reader
// waits for nobody.
type inbox struct {
	sync.Mutex               // also owns the plan while no loop is reading
	reading    bool          // a loop is
	queue      []message     // for the loop
	spare      []message     // the loop's previous batch, to be used again
	wake       chan struct{} // has a token when the queue may not be empty
	taken      chan struct{} // closed when the reader takes the queue; nil: nobody waits for that
}

// crowded is how many messages make those wait who wish for more: some 5 MB, and
// less than a tenth of a second's work.
const crowded = 1 << 16

// push takes m for the reader. It returns false if there is none, and b stays
// locked then. An add gets its number here: in the order in which they are added.
func (b *inbox) push(m message, patient bool) bool {
	b.Lock()
	for patient && b.reading && len(b.queue) >= crowded {
		b.awaitTake()
	}
	number(m)
	if !b.reading {
		return false
	}
	b.queue = append(b.queue, m)
	first := len(b.queue) == 1
	b.Unlock()
	if first {
		b.poke()
	}
	return true
}

// number gives those whom m adds their numbers.
func number(m message) {
	switch m := m.(type) { //nolint:gochecksumtype // others add nobody
	case enter:
		m.n.id = lastID.Add(1)
	case add:
		m.n.id = lastID.Add(1)
	case addAll:
		for _, n := range m.nodes {
			n.id = lastID.Add(1)
		}
	}
}

// poke makes the reader look up, though there may be nothing in the queue.
func (b *inbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// await waits for a poke, or until done is closed. Most have no such channel, see
// term.direct, and to wait for one thing takes a third of what waiting for either takes.
func (b *inbox) await(done <-chan struct{}) {
	if done == nil {
		<-b.wake
		return
	}
	select {
	case <-b.wake:
	case <-done:
	}
}

// awaitTake unlocks b, waits until the reader has taken the queue, or is none any
// more, and locks b again.
func (b *inbox) awaitTake() {
	if b.taken == nil {
		b.taken = make(chan struct{})
	}
	taken := b.taken
	b.Unlock()
	<-taken
	b.Lock()
}

// take returns the messages that have come, valid until the next call.
func (b *inbox) take() []message {
	b.Lock()
	defer b.Unlock()
	return b.takeLocked()
}

func (b *inbox) takeLocked() []message {
	batch := b.queue
	b.queue, b.spare = reuse(b.spare), batch
	if b.taken != nil {
		close(b.taken)
		b.taken = nil
	}
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

// close ends that. The last thing that the reader does is what last does with the
// messages that have come meanwhile: however fast they come, they cannot keep it.
func (b *inbox) close(last func(rest []message)) {
	b.Lock()
	defer b.Unlock()
	last(b.takeLocked())
	b.reading = false
}
