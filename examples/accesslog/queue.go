package main

import "context"

// queue hands values from services that make them to services that work on
// them, and loses none when one of those crashes: what a worker has in hand
// and did not finish goes back, and is taken first. It outlives the services at
// both its ends, and needs no lock and no goroutine of its own.
type queue[T any] struct {
	fresh chan T
	back  chan T
}

// newQueue makes a queue that holds up to room values for up to that many
// workers.
//
// Each worker has one value in hand, and takes a fresh one only after it saw
// that none had come back. So there are never more than workers values in hand
// and in back together: putting one back never waits.
func newQueue[T any](room, workers int) queue[T] {
	return queue[T]{make(chan T, room), make(chan T, workers)}
}

// put waits for room. When it returns an error, the value is not in the queue.
func (q queue[T]) put(ctx context.Context, v T) error {
	select {
	case q.fresh <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work takes one value after another and calls do with it, until ctx is done or
// do fails; it returns why. A value is done with when do returned nil. In any
// other case, a panic and runtime.Goexit included, it goes back as do left it.
func (q queue[T]) work(ctx context.Context, do func(*T) error) error {
	for {
		v, err := q.take(ctx)
		if err == nil {
			err = q.try(&v, do)
		}
		if err != nil {
			return err
		}
	}
}

func (q queue[T]) take(ctx context.Context) (v T, err error) {
	select {
	case v = <-q.back:
		return v, nil
	default:
	}
	select {
	case v = <-q.back:
	case v = <-q.fresh:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return v, err
}

func (q queue[T]) try(v *T, do func(*T) error) error {
	done := false
	defer func() {
		if !done {
			q.back <- *v
		}
	}()
	err := do(v)
	done = err == nil
	return err
}
