package lease_test

import (
	"context"
	"testing"
	"time"

	"github.com/tend-go/tend/lease"
)

// What holding a lock adds to work that needs none of it: a goroutine and a timer.
func BenchmarkHold(b *testing.B) {
	nothing := func(context.Context) error { return nil }
	ls := lease.Lease{TTL: time.Minute, Acquire: nothing, Renew: nothing, Release: nothing}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := ls.Hold(ctx, nothing); err != nil {
			b.Fatal(err)
		}
	}
}
