package main

import "context"

// auditor is the singleton: one in the whole fleet closes the days of the bank.
type auditor struct {
	books books
	notes *notes
}

func (a *auditor) String() string { return "auditor" }

// Serve closes days, until the role moves or is lost.
func (a *auditor) Serve(ctx context.Context) error {
	return a.notes.witness(ctx, func(ctx context.Context) error {
		b, err := a.books.open(ctx)
		if err != nil {
			return err
		}
		return a.books.closeDays(ctx, b.Day+1)
	})
}
