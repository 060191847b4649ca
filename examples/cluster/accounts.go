package main

import (
	"context"
	"sync"
)

// accounts is the service of one shard. It alone keeps the accounts whose names belong to
// the shard, so it may have them in memory and write what it knows to be so.
type accounts struct {
	books books
	notes *notes

	mu   sync.Mutex
	book *book // nil: it has to be read
}

// Serve closes the days of the shard, until it moves or is lost.
func (a *accounts) Serve(ctx context.Context) error {
	return a.notes.witness(ctx, func(ctx context.Context) error {
		a.forget()
		b, err := a.read(ctx)
		if err != nil {
			return err
		}
		return a.books.closeDays(ctx, b.Day+1)
	})
}

func (a *accounts) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.book = nil
}

func (a *accounts) read(ctx context.Context) (book, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.load(ctx)
	if err != nil {
		return book{}, err
	}
	return *a.book, nil
}

// load reads the book if that has not been done. The lock is held.
func (a *accounts) load(ctx context.Context) error {
	if a.book != nil {
		return nil
	}
	b, err := a.books.open(ctx)
	if err == nil {
		a.book = &b
	}
	return err
}

// balance is called through Role.Do: ctx is under the claim of the shard.
func (a *accounts) balance(ctx context.Context, name string) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.load(ctx); err != nil {
		return 0, err
	}
	return a.book.Accounts[name].Balance, nil
}

// A deposit has a number, by which it is known if it comes twice: whoever gets no answer
// cannot know whether it was made, and sends it again.
type deposit struct{ Number, Amount int }

// deposit is called through Role.Do, too.
func (a *accounts) deposit(ctx context.Context, name string, d deposit) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.load(ctx); err != nil {
		return 0, err
	}
	now := a.book.Accounts[name]
	if d.Number <= now.Last {
		return now.Balance, nil
	}
	next := account{Balance: now.Balance + d.Amount, Last: d.Number}
	if err := a.books.put(ctx, name, next); err != nil {
		a.book = nil // who knows whether it was written
		return 0, err
	}
	a.book.Accounts[name] = next
	return next.Balance, nil
}
