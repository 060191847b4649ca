package lease_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend/lease"
)

// A lock in some store, held while the work lasts.
func ExampleLease_Hold() {
	owner := ""
	lock := lease.Lease{
		TTL:     10 * time.Minute,
		Acquire: func(context.Context) error { owner = "me"; return nil },
		Renew:   func(context.Context) error { return nil }, // UPDATE … SET until = now() + 10 min WHERE owner = 'me'
		Release: func(context.Context) error { owner = ""; return nil },
	}
	err := lock.Hold(context.Background(), func(context.Context) error {
		fmt.Printf("working, the lock is %q's\n", owner)
		return nil
	})
	fmt.Printf("%v, the lock is %q's\n", err, owner)
	// Output:
	// working, the lock is "me"'s
	// <nil>, the lock is ""'s
}

// Work that outlasts its lock learns it from its context.
func ExampleErrLost() {
	lock := lease.Lease{
		TTL:     time.Minute,
		Every:   time.Millisecond,
		Renew:   func(context.Context) error { return fmt.Errorf("another host has it: %w", lease.ErrLost) },
		Release: func(context.Context) error { return nil },
	}
	err := lock.Hold(context.Background(), func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, lease.ErrLost))
	// Output:
	// another host has it: tend/lease: the lock is lost
	// true
}
