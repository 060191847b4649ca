package retry_test

import (
	"context"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// What Do adds to a call that succeeds.
func BenchmarkDoSuccess(b *testing.B) {
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = retry.Do(ctx, exact, func(context.Context) error { return nil })
	}
}

// What a failure costs, apart from the wait.
func BenchmarkDoFailure(b *testing.B) {
	n := 0
	b.ReportAllocs()
	_ = retry.Do(b.Context(), tend.Backoff{Min: 1}, func(context.Context) error {
		if n++; n <= b.N {
			return errDown
		}
		return nil
	})
}

func BenchmarkDelay(b *testing.B) {
	p := retry.Policy{Backoff: tend.Backoff{Min: 1, Max: 1 << 62}}
	for b.Loop() {
		_ = p.Delay(1000)
	}
}

func BenchmarkSleep(b *testing.B) {
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = retry.Sleep(ctx, time.Nanosecond)
	}
}
