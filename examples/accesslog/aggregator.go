package main

import "context"

// aggregator is the service that brings results to the store.
type aggregator struct {
	results queue[result]
	store   *store
}

// Serve commits results until it is stopped, or the store does not answer.
func (a *aggregator) Serve(ctx context.Context) error {
	return a.results.work(ctx, func(r *result) error { return a.store.commit(ctx, *r) })
}
