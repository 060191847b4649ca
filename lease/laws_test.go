package lease_test

import (
	"context"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/lease"
	"github.com/tend-go/tend/tendtest"
)

// TestWorkUnderALockKeepsTheLawsOfServices, while it waits for the lock, too.
func TestWorkUnderALockKeepsTheLawsOfServices(t *testing.T) {
	for name, acquire := range map[string]func(context.Context) error{
		"holds": func(context.Context) error { return nil },
		"waits": func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			tendtest.TestService(t, func() tend.Service {
				fine := func(context.Context) error { return nil }
				l := lease.Lease{Acquire: acquire, Renew: fine, Release: fine, TTL: time.Minute}
				return tend.Func("work", func(ctx context.Context) error {
					return l.Hold(ctx, func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
				})
			})
		})
	}
}
