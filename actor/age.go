package actor

import (
	"time"

	"github.com/tend-go/tend/internal/latent"
)

// How long messages wait, and one is in hand, is known to within a turn: what a message
// costs is a few nanoseconds, and to read a clock would cost more. So the first message
// that comes after a turn has taken those that waited notes the moment, which its worker
// has, and so does a turn that goes on with those that another one has left.

// mark: messages from this number on have come at that moment or later.
type mark struct {
	number uint64
	at     time.Duration
}

// mark notes when the next message comes.
func (b *box[M]) mark(now time.Duration) {
	next := mark{b.put + 1, now}
	switch n := len(b.marks); {
	case n > 0 && b.marks[n-1].number == next.number:
		b.marks[n-1] = next
	case n == 0 || b.marks[n-1].at != now:
		b.marks = append(b.marks, next)
	}
}

// unmark forgets what is known of messages that wait no more, and keeps one mark at least
// for those that do.
func (b *box[M]) unmark() {
	n := 0
	for n+1 < len(b.marks) && b.marks[n+1].number <= b.begun+1 {
		n++
	}
	if n > 0 {
		b.marks = b.marks[:copy(b.marks, b.marks[n:])]
	}
}

// oldestMark is what is known of the oldest message that waits. There is a mark.
func (b *box[M]) oldestMark() (at time.Duration) {
	for i, m := range b.marks {
		if i == 0 || m.number <= b.busy.number+1 {
			at = m.at
		}
	}
	return at
}

// remark: it is known now in which tree the actor is, and what waits may have come at any
// time before.
func (b *box[M]) remark(now time.Duration) {
	if len(b.marks) > 0 {
		b.marks = append(b.marks[:0], mark{b.marks[0].number, now})
	}
}

// pace is how fast a turn goes. Where messages take their time the clock is read for each,
// which they do not feel, and what is known is exact.
type pace struct {
	began time.Duration // the turn
	at    time.Duration // the moment noted last
	slow  bool
}

// slowly is how long the messages of a slow turn take, or longer.
const slowly = 100 * time.Microsecond

// look finds out how fast the turn goes. There is a message in hand.
func (w *turn[M]) look() {
	now := w.link.Note()
	w.pace.slow = now-w.pace.at >= slowly
	w.pace.at = now
	if !w.pace.slow && w.vigil == nil {
		return
	}
	w.a.mu.Lock()
	defer w.a.mu.Unlock()
	w.giveLocked()
	w.b.mark(now)
	w.b.unmark()
	w.begins(0)
}

// longest is how long a turn takes while others wait for theirs, or one message more.
const longest = time.Millisecond

// isLong: the turn is to go on when others have had theirs.
func (w *turn[M]) isLong() bool {
	return w.pace.slow && w.pace.at-w.pace.began >= longest && w.link.IsCrowded()
}

// moment is the time of the tree, to within a turn; 0 before it is known which tree that is.
func (a *Actor[M]) moment() time.Duration {
	if a.link == nil {
		return 0
	}
	return a.link.Moment()
}

// busy is since when the actor has something in hand.
type busy struct {
	is     bool
	since  time.Duration
	taken  int    // of the places of the mailbox that are taken, those of what is in hand already
	number uint64 // of the message in hand, or the last one that was
}

// begins: the turn takes something in hand. The caller holds mu.
func (w *turn[M]) begins(taken int) {
	w.b.busy = busy{true, w.pace.at, taken, w.b.begun}
	w.vigil.Begin(w.pace.at)
}

// rests: it has nothing in hand. The caller holds mu.
func (w *turn[M]) rests() {
	w.b.busy = busy{}
	w.vigil.Rest()
}

// resumes: the turn takes in hand what is left of what was taken over, if there is some.
// The caller holds mu.
func (w *turn[M]) resumes() {
	w.rests()
	if w.b.next < len(w.b.out) {
		w.begins(1)
		w.b.busy.number++
	}
}

// status is what there is to say of the messages. The caller holds mu.
func (a *Actor[M]) status() latent.Mailbox {
	m := latent.Mailbox{Size: a.spec.size()}
	if a.spec.pool != nil { // that has it
		m.Size = 0
	}
	b := a.box
	if b == nil {
		return m
	}
	m.Waiting, m.Open = max(0, b.used-b.busy.taken), int(b.asks.n.Load())
	if b.rare != nil {
		m.Lost = b.tally.all
	}
	if a.link == nil {
		return m
	}
	if m.Waiting > 0 && len(b.marks) > 0 {
		m.Oldest = a.link.When(b.oldestMark())
	}
	if b.busy.is {
		m.Handling = a.link.When(b.busy.since)
	}
	return m
}
