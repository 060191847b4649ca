package main

import (
	"context"
	"errors"
)

// store is the service that owns the counts. Others ask it through messages.
//
// What it owns are plain fields that outlive its incarnations: tend never runs
// two of them at once, and what happened in one is visible in the next.
type store struct {
	inbox    chan message
	complete chan struct{} // closed when every line of the log is counted

	counts  counts
	settled settled
	lines   int // of the log, once the reader has seen its end; -1 before
}

func newStore() *store {
	return &store{
		inbox:    make(chan message),
		complete: make(chan struct{}),
		counts:   newCounts(),
		settled:  settled{next: 1, ahead: map[int]bool{}},
		lines:    -1,
	}
}

// Serve answers messages. One that was sent is answered even if this
// incarnation ends over it.
func (s *store) Serve(ctx context.Context) error {
	for {
		select {
		case m := <-s.inbox:
			m.handle(s)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// commit counts a line. It may be called again with a line of which the caller
// does not know whether it was counted: the store does.
func (s *store) commit(ctx context.Context, r result) error {
	_, err := ask(ctx, s, func(s *store) none {
		if s.settled.add(r.number) {
			s.counts.add(r)
			s.look()
		}
		return none{}
	})
	return err
}

// end tells how many lines the log has.
func (s *store) end(ctx context.Context, lines int) error {
	_, err := ask(ctx, s, func(s *store) none {
		s.lines = lines
		s.look()
		return none{}
	})
	return err
}

// snapshot returns a copy of the counts.
func (s *store) snapshot(ctx context.Context) (counts, error) {
	return ask(ctx, s, func(s *store) counts { return s.counts.clone() })
}

// look closes complete once there is nothing more to count.
func (s *store) look() {
	if s.lines < 0 || s.settled.next <= s.lines {
		return
	}
	select {
	case <-s.complete:
	default:
		close(s.complete)
	}
}

// message is a question to the store.
type message interface{ handle(*store) }

type none struct{}

// question is a message that is answered with a T. It runs on the store's
// goroutine, and must not touch anything that the asker may have left.
type question[T any] struct {
	do    func(*store) T
	reply chan T // of size 1: the asker may be gone
}

func (q question[T]) handle(s *store) {
	defer close(q.reply) // so the asker learns if do panicked
	q.reply <- q.do(s)
}

var errNoAnswer = errors.New("the store crashed over the question")

// ask waits for the store to be there and to answer, as long as ctx allows.
func ask[T any](ctx context.Context, s *store, do func(*store) T) (answer T, err error) {
	q := question[T]{do, make(chan T, 1)}
	select {
	case s.inbox <- q:
	case <-ctx.Done():
		return answer, context.Cause(ctx)
	}
	select {
	case answer, answered := <-q.reply:
		if !answered {
			return answer, errNoAnswer
		}
		return answer, nil
	case <-ctx.Done():
		return answer, context.Cause(ctx)
	}
}

// settled knows which lines have been counted: all before next, and those ahead.
// Lines come in nearly in order, so ahead stays about as small as the queues.
type settled struct {
	next  int
	ahead map[int]bool
}

// add says whether line n is new, and remembers it.
func (s *settled) add(n int) bool {
	if n < s.next || s.ahead[n] {
		return false
	}
	s.ahead[n] = true
	for s.ahead[s.next] {
		delete(s.ahead, s.next)
		s.next++
	}
	return true
}
