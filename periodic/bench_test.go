package periodic_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend/periodic"
)

// What a run costs apart from its work and from waiting for its time: alone, and
// as the last of several at a gate whose turns are far away.
func BenchmarkRun(b *testing.B) {
	for _, others := range []int{-1, 0, 1, 99} {
		name := "alone"
		if others >= 0 {
			name = fmt.Sprintf("gate=%d", 1+others)
		}
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			gate := new(periodic.Gate)
			for range others {
				j := &periodic.Job{Interval: time.Hour, InitialDelay: time.Hour, Run: func(context.Context) error { return nil }}
				gate.Join(j)
				wg.Go(func() { _ = j.Serve(ctx) })
			}
			n := 0
			j := &periodic.Job{Interval: time.Hour}
			j.Run = func(context.Context) error {
				if n++; n >= b.N {
					cancel()
				}
				j.Trigger()
				return nil
			}
			if others >= 0 {
				gate.Join(j)
			}
			b.ReportAllocs()
			b.ResetTimer()
			_ = j.Serve(ctx)
			wg.Wait()
		})
	}
}
