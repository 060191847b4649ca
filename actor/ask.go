package actor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/tend-go/tend/internal/said"
)

// ErrFailed: whom Ask asked had the message in hand, or kept its [Reply], when its run
// ended: it is perhaps half done. It wraps what the run failed with, or why it was stopped
// and, if it is stuck, which is not to be waited for, [context.DeadlineExceeded];
// whatever that is, it is none of [ErrGone], [ErrFull] and [ErrDeadlock].
var ErrFailed = errors.New("tend/actor: the actor has failed with the question")

// Address is where messages of type M can be sent. The set is sealed.
type Address[M any] interface {
	Send(ctx context.Context, m M) error
	TrySend(m M) error

	send(ctx context.Context, m M, q *question) error
	watch(w watcher) (stop func())
	target() waiter // nil: there is no one whom alone a wait is for
}

// Ask sends what message makes of a [Reply], and waits for the answer. It ends with what
// Reply.Send or Reply.Fail was given, or with an error that is
//   - [ErrFailed], when the run that had the message in hand or had kept its Reply is over,
//     or is reported as stuck;
//   - [ErrGone], when the message was lost before it was begun; [ErrFull], when it had to
//     make room for others (see [Spec].DropOldest);
//   - [ErrDeadlock], at once, when a handler asks with its own context whom only it could
//     let go on;
//   - the cause of ctx, when that ends first. A message that was taken is handled all the
//     same, and what is answered then is dropped.
//
// When the mailbox is full it waits as [Actor.Send] does. A message that is handled without
// an answer is no end. It panics if ctx or message is nil.
func Ask[M, R any](ctx context.Context, to Address[M], message func(Reply[R]) M) (R, error) {
	if ctx == nil || message == nil {
		panic(fmt.Sprintf("tend/actor: Ask of %v with a nil context or message", to))
	}
	r := &reply[R]{}
	q := &r.question
	over, err := waitFor(ctx, to, q)
	if err != nil {
		return *new(R), err
	}
	defer over.end()
	q.kept = over
	if err := to.send(ctx, message(Reply[R]{r}), q); err != nil {
		q.end(err)
		return *new(R), err
	}
	q.await(ctx)
	if q.of != nil { // else it was answered on this goroutine
		q.of.forget(q)
	}
	return r.value, q.err
}

// Reply is where the answer to a question goes. It is made by [Ask], goes into the message,
// and may be kept, passed on, compared and used from anywhere. The zero Reply is of nobody.
type Reply[R any] struct{ r *reply[R] }

// Send answers with v. It returns false if nobody waits any more, or there is an answer.
func (r Reply[R]) Send(v R) bool {
	if r.r == nil || !r.r.claim() {
		return false
	}
	r.r.value = v
	r.r.finish()
	return true
}

// Fail answers with an error, which Ask returns; of nil, with the zero value.
func (r Reply[R]) Fail(err error) bool { return r.r != nil && r.r.end(err) }

// Open reports whether somebody still waits. Under load, work for which nobody waits is
// left out.
func (r Reply[R]) Open() bool { return r.r != nil && r.r.state.Load()&claimed == 0 }

type reply[R any] struct {
	question
	value R // set before it is finished
}

// question is what an Ask waits for.
type question struct {
	state atomic.Uint32 // claimed, finished and awaited, in any order
	done  chan struct{} // of one that is awaited: few are answered so late
	err   error         // set before it is finished

	// Of the list of the actor that took the message, and guarded as that.
	of         interface{ forget(q *question) }
	number     uint64 // of the message
	prev, next *question
	listed     bool
	kept       wait // to be ended when its Reply is kept: then nobody is waited for
	chained    bool // there is that

	// movedTo is the member of a pool that has taken the message, whose list it is in then;
	// guarded by the mailbox that it came from.
	movedTo interface{ forget(q *question) }
}

// What may have happened to a question.
const (
	claimed  uint32 = 1 << iota // somebody ends it
	finished                    // and has
	awaited                     // it has a channel
)

// claim makes the caller the one who ends the question.
func (q *question) claim() bool { return q.state.Or(claimed)&claimed == 0 }

// finish: the answer is there, as the one who has claimed the question says.
func (q *question) finish() {
	if q.state.Or(finished)&awaited != 0 {
		close(q.done)
	}
}

// IsOver: who asks need not wait any more.
func (q *question) IsOver() bool { return q.state.Load()&finished != 0 }

// await waits until it is finished, or the end of ctx finishes it.
func (q *question) await(ctx context.Context) {
	if q.state.Load()&finished == 0 {
		runtime.Gosched() // mostly the answer comes in a moment, and to be parked costs more
	}
	if q.state.Load()&finished != 0 {
		return
	}
	q.done = make(chan struct{})
	if q.state.Or(awaited)&finished != 0 {
		return
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		q.end(context.Cause(ctx))
		<-q.done
	}
}

// end ends the question with an error, if it has not ended.
func (q *question) end(err error) bool {
	if !q.claim() {
		return false
	}
	q.err = err
	q.finish()
	return true
}

// keep: its Reply is kept, and who asks waits for nobody of whom that is known.
func (q *question) keep() {
	if q.kept != nil {
		q.kept.end()
		q.kept = nil
	}
}

// questions is a list of those that are open, by the number of their message.
type questions struct {
	first, last *question
	at          *question // the first whose message may be in hand; nil: none
	// Changed as all, and read by the turn: how many there are, and of those who wait as handlers.
	n, chained atomic.Int64
	// Changed by the turn: no message up to this number waits; of those after it that are begun
	// nobody asks.
	begun atomic.Uint64
}

// add puts q where its number has it: one that was handled on the goroutine of its asker comes
// after those that were asked meanwhile.
func (l *questions) add(q *question) {
	before := l.last
	for before != nil && before.number > q.number {
		before = before.prev
	}
	q.prev, q.next, q.listed = before, l.first, true
	if before != nil {
		q.next = before.next
		before.next = q
	} else {
		l.first = q
	}
	if q.next != nil {
		q.next.prev = q
	} else {
		l.last = q
	}
	if l.at == nil || l.at.number > q.number {
		l.at = q
	}
	l.n.Add(1)
	if q.chained = q.kept != nil; q.chained {
		l.chained.Add(1)
	}
}

// of is the one of a message that is in hand; nil if it has none. Messages only go up.
func (l *questions) of(number uint64) *question {
	for l.at != nil && l.at.number < number {
		l.at = l.at.next
	}
	if l.at != nil && l.at.number == number {
		return l.at
	}
	return nil
}

func (l *questions) remove(q *question) {
	if !q.listed {
		return
	}
	if q.prev == nil {
		l.first = q.next
	} else {
		q.prev.next = q.next
	}
	if q.next == nil {
		l.last = q.prev
	} else {
		q.next.prev = q.prev
	}
	if l.at == q {
		l.at = q.next
	}
	q.prev, q.next, q.listed = nil, nil, false
	l.n.Add(-1)
	if q.chained {
		l.chained.Add(-1)
	}
}

// end ends those of the messages from and to these numbers.
func (l *questions) end(from, to uint64, err error) {
	for q := l.first; q != nil && q.number <= to; {
		next := q.next
		if q.number >= from {
			l.remove(q)
			q.end(err)
		}
		q = next
	}
}

// forget takes a question that has ended out of the list.
func (a *Actor[M]) forget(q *question) {
	isNew := false
	a.mu.Lock()
	if to := q.movedTo; to != nil && a.spec.front != nil {
		a.mu.Unlock()
		to.forget(q)
		return
	}
	if b := a.box; b != nil && q.listed {
		b.asks.remove(q)
		isNew = a.is(launched) && !a.is(listed) && a.rest(true)
	}
	link := a.link
	a.mu.Unlock()
	if isNew {
		link.Keep((*turns[M])(a))
	}
}

// failBegun ends the questions of all messages that were begun: their run is over.
func (b *box[M]) failBegun(why error) {
	if b.asks.n.Load() > 0 {
		b.asks.end(0, b.begun, &failedError{why})
	}
}

// overdueError is why questions end of a run that is stuck: it was asked to stop, and did
// not in time.
type overdueError struct{ cause error }

func (e *overdueError) Error() string {
	return "the actor is stuck, which was to stop: " + said.Text(e.cause)
}

func (e *overdueError) Unwrap() []error { return []error{context.DeadlineExceeded, e.cause} }

// Stuck ends the question in hand, and those whose Reply is kept: the run may never end.
// If it is the last one, those that wait end, too.
func (s *service[M]) Stuck(number uint64) {
	a := (*Actor[M])(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box
	if b == nil || b.rare == nil || a.number() != number {
		return
	}
	begun := b.asks.begun.Load()
	if a.is(launched) { // else it is over, but for helpers
		b.asks.end(0, begun, &failedError{&overdueError{b.wish().Cause}})
	}
	if a.is(closed) {
		b.asks.end(begun+1, b.put, a.gone())
	}
}

// failedError is ErrFailed with the reason. What it wraps is looked for with Is and As,
// but that a message was gone, or met a full mailbox, is nothing that the asker may take
// for the fate of its own.
type failedError struct{ why error }

func (e *failedError) Error() string {
	if e.why == nil {
		return ErrFailed.Error()
	}
	return ErrFailed.Error() + ": " + said.Text(e.why)
}

func (e *failedError) Is(target error) bool {
	switch target {
	case ErrFailed:
		return true
	case ErrGone, ErrFull, ErrDeadlock:
		return false
	default:
		return e.why != nil && errors.Is(e.why, target)
	}
}

func (e *failedError) As(target any) bool { return e.why != nil && errors.As(e.why, target) }
