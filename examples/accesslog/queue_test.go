package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

// However a worker ends while it has a value in hand, the value is there for the
// next one, as the first left it, and before the others.
func TestQueueTakesBack(t *testing.T) {
	failure := errors.New("failed")
	for name, end := range map[string]func() error{
		"error":  func() error { return failure },
		"panic":  func() error { panic("crashed") },
		"goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue[int](4, 1)
			for v := range 3 {
				if err := q.put(t.Context(), 10*v); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				_ = q.work(t.Context(), func(v *int) error {
					if *v == 10 {
						*v++
						return end()
					}
					return nil
				})
			}()
			<-ended
			if got := takeAll(t, q); !slices.Equal(got, []int{11, 20}) {
				t.Errorf("left are %v, want [11 20]", got)
			}
		})
	}
}

func TestQueueStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := errors.New("stopped")
		ctx, stop := context.WithCancelCause(t.Context())
		q := newQueue[int](1, 1)
		worked := make(chan error, 1)
		go func() { worked <- q.work(ctx, func(*int) error { return nil }) }()
		synctest.Wait()
		stop(stopped)
		if err := <-worked; !errors.Is(err, stopped) {
			t.Errorf("work returned %v, want the cause of the stop", err)
		}
		if err := q.put(t.Context(), 1); err != nil {
			t.Errorf("put: %v", err)
		}
		if err := q.put(ctx, 2); !errors.Is(err, stopped) {
			t.Errorf("put into a full queue returned %v, want the cause of the stop", err)
		}
		if got := takeAll(t, q); !slices.Equal(got, []int{1}) {
			t.Errorf("left are %v, want [1]", got)
		}
	})
}

// Workers that crash with every value, as often as the scheduler lets them, do
// not block putting back, and in the end each value was done with once.
func TestQueueConserves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type job struct{ id, tries int }
		const jobs, workers = 500, 4
		ctx, stop := context.WithCancel(t.Context())
		q := newQueue[job](3, workers)
		done := make(chan int, 2*jobs)
		for range workers {
			go func() {
				for ctx.Err() == nil {
					func() {
						defer func() { _ = recover() }()
						_ = q.work(ctx, func(j *job) error {
							runtime.Gosched()
							if j.tries++; j.tries < 3 {
								panic("crashed")
							}
							done <- j.id
							return nil
						})
					}()
				}
			}()
		}
		for id := range jobs {
			if err := q.put(ctx, job{id: id}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		stop()
		times := make([]int, jobs)
		for len(done) > 0 {
			times[<-done]++
		}
		for id, n := range times {
			if n != 1 {
				t.Errorf("job %d was done %d times", id, n)
			}
		}
	})
}

// takeAll takes what is in q.
func takeAll[T any](t *testing.T, q queue[T]) (all []T) {
	t.Helper()
	for len(q.back)+len(q.fresh) > 0 {
		v, err := q.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}
