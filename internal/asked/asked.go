// Package asked asks a tree how it is, once for all who want to know. Probes may come
// at any rate, and a tree is user code to whoever asks it: it may be slow, hang or
// panic.
package asked

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// What Answer returns if there is no answer.
var (
	ErrNoAnswer = errors.New("the tree does not answer")
	ErrGoexit   = errors.New("the tree called runtime.Goexit when it was asked")
)

// DefaultPatience is the default of Question.Patience. A tree answers within
// microseconds for each service; one that does not in this time is sick.
const DefaultPatience = 5 * time.Second

// Question is put to a tree, in a goroutine that is there only while it is under way;
// there is one at most. The fields that are exported must be set before the first
// Answer.
type Question[T any] struct {
	// Ask puts the question. No lock is held while it runs.
	Ask func() T

	// Age is how long an answer is good for, from the moment when the question was
	// put. 0: nobody gets an answer that was there when he came.
	Age time.Duration

	// Patience is how long the tree may take before those who wait get ErrNoAnswer,
	// and those who come at once. Default: DefaultPatience. The question stays under
	// way, so that a tree that hangs costs one goroutine and not one for each who
	// asks.
	Patience time.Duration

	mu   sync.Mutex
	last *asking[T] // the last one, while somebody may still want its answer
}

// asking is one time that a question is put.
type asking[T any] struct {
	begun    time.Time
	late     chan struct{} // closed when patience is over
	answered chan struct{} // closed when the rest is known
	answer   T
	err      error
}

// Answer returns what Ask says: an answer that is still good, else that to the
// question under way, else that to a new one. All who share an answer get the same
// value, so they must not change what it refers to.
//
// The error is a [tend.Reason] with a [*tend.PanicError] if Ask has panicked, and
// good for as long as an answer; ErrGoexit, ErrNoAnswer, or the cause of the end of
// ctx.
func (q *Question[T]) Answer(ctx context.Context) (T, error) {
	a := q.put()
	if !a.over() {
		select {
		case <-a.answered:
		case <-a.late:
		case <-ctx.Done():
		}
	}
	var none T
	switch {
	case a.over(): // first: who was late has answered all the same
		return a.answer, a.err
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	}
	return none, ErrNoAnswer
}

// put returns the asking that has the answer, or will have it.
func (q *Question[T]) put() *asking[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.last; a != nil && (!a.over() || time.Since(a.begun) < q.Age) {
		return a
	}
	a := &asking[T]{begun: time.Now(), late: make(chan struct{}), answered: make(chan struct{}), err: ErrGoexit}
	q.last = a
	patience := q.Patience
	if patience == 0 {
		patience = DefaultPatience
	}
	late := time.AfterFunc(patience, func() { close(a.late) })
	go q.run(a, late)
	return a
}

// run asks. Until that has returned, the error is that it has called runtime.Goexit:
// after one there is nobody left to note it.
func (q *Question[T]) run(a *asking[T], late *time.Timer) {
	defer func() {
		late.Stop()
		close(a.answered)
		if q.Age == 0 {
			q.forget(a)
		}
	}()
	a.err = guard.Try(func() error {
		a.answer = q.Ask()
		return nil
	}, caught)
}

// forget drops an answer that nobody will want. The status of a large tree takes
// megabytes.
func (q *Question[T]) forget(a *asking[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == a { // else somebody has asked anew
		q.last = nil
	}
}

func (a *asking[T]) over() bool {
	select {
	case <-a.answered:
		return true
	default:
		return false
	}
}

// caught makes an error of a panic: one that can be shown to all without running user
// code again.
func caught(v any) error {
	p := &tend.PanicError{Value: v, PCs: goroutines.Callers(2)}
	return tend.Reason{Err: p, Text: said.Text(p)}
}
