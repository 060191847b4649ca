package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend"
)

// worker has one order in hand at a time, and has the bank charge for it.
type worker struct {
	name   string
	store  *store
	charge charge
}

// newWorkers is a pool. Each worker answers for itself: that one crashes does not slow
// down the others, and it is tried again for ever, more and more slowly.
func newWorkers(n int, s *store, c charge) *tend.Supervisor {
	pool := tend.New("workers", tend.Spec{})
	for i := range n {
		w := &worker{fmt.Sprintf("worker-%d", i+1), s, c}
		pool.Add(tend.Child{Name: w.name, Service: w, Backoff: tend.Backoff{Min: 100 * time.Millisecond, Max: 10 * time.Second}})
	}
	return pool
}

// Serve begins from a known state: what the run before this one had in hand is given
// back, however that run ended.
func (w *worker) Serve(ctx context.Context) error {
	if err := w.store.giveBack(ctx, w.name); err != nil {
		return err
	}
	for {
		news := w.store.news.wait() // before looking, so as to miss nothing
		o, err := w.store.take(ctx, w.name)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			select {
			case <-news:
			case <-ctx.Done():
				return nil
			}
		case err != nil:
			return err
		default:
			if err := w.serve(ctx, o); err != nil {
				return err
			}
		}
	}
}

func (w *worker) serve(ctx context.Context, o order) error {
	err := w.charge(ctx, o)
	// What has become of it is written down, stop or no stop: the database outlives the workers.
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	switch {
	case err == nil:
		return w.store.settle(write, o, "paid")
	case errors.Is(err, errRefused):
		return w.store.settle(write, o, "refused")
	case ctx.Err() != nil:
		return w.store.putBack(write, o)
	default:
		return fmt.Errorf("order %d: %w", o.ID, err)
	}
}
