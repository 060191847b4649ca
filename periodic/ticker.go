package periodic

import (
	"context"
	"fmt"
	"time"

	"github.com/tend-go/tend"
)

// Ticker makes a service that calls f each time that the period is over, for the
// first time after one period. Calls do not overlap: while one takes longer, ticks
// are left out. An error of f is a failure of the service, which then starts
// anew. The context of f is the service's. Each call is a sign of life for
// Child.Watchdog, if that is set to more than the period and a call.
//
// It is a [time.Ticker] under a supervisor and no more. A [Job] begins at once, may
// have jitter and changing intervals, counts from one start to the next rather than
// in steps of the period, and takes care of failures itself.
//
// It panics if f is nil or the period is not positive.
func Ticker(name string, period time.Duration, f func(ctx context.Context) error) tend.Child {
	if f == nil {
		panic(fmt.Sprintf("tend/periodic: Ticker %q: the function is nil", name))
	}
	if period <= 0 {
		panic(fmt.Sprintf("tend/periodic: Ticker %q: the period is %v", name, period))
	}
	return tend.Child{Name: name, Service: tend.Func(name, func(ctx context.Context) error {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			if ctx.Err() != nil { // both, and select has no favourite
				return nil
			}
			tend.Alive(ctx)
			if err := f(ctx); err != nil {
				return err
			}
		}
	})}
}
