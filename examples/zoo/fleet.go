package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tend-go/tend"
)

// newFleet makes n services in groups of a hundred, of which all together some
// fail each second.
func newFleet(n int, failuresPerSecond float64) *tend.Supervisor {
	fleet := tend.New("fleet", tend.Spec{})
	errs := []error{
		errors.New("read tcp 10.0.0.7:443: connection reset by peer"),
		errors.New("context deadline exceeded"),
		errors.New("unexpected EOF"),
	}
	var group *tend.Supervisor
	for i := range n {
		if i%100 == 0 {
			group = tend.New(fmt.Sprintf("group-%03d", i/100), tend.Spec{})
			fleet.Add(group)
		}
		group.Add(tend.Child{
			Service: tend.Func(fmt.Sprintf("game-%05d", i), func(ctx context.Context) error {
				life := rand.ExpFloat64() * float64(n) / failuresPerSecond
				if !sleep(ctx, time.Duration(min(life, 1e9)*float64(time.Second))) {
					return ctx.Err()
				}
				return errs[rand.IntN(len(errs))]
			}),
			Backoff: tend.Backoff{Min: 500 * time.Millisecond, Max: 10 * time.Second, Jitter: 0.5, Reset: time.Minute},
		})
	}
	return fleet
}
