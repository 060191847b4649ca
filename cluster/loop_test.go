package cluster

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// After a panic in the loop what it had is told, and overruns at the moment when it would have:
// nobody else looks at the time any more. What was told before is no exception; what has
// overrun does not do so again.
func TestCloseOverruns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var over []string
		n := Join(Options{Fleet: "f", Name: "n", Engine: struct{ Engine }{}, Overrun: func(c Claim) {
			over = append(over, fmt.Sprint(time.Since(began), " ", c.Shard))
		}})
		free := make(chan struct{})
		r := Shards(n, "orders", 4, func(shard int) tend.Service {
			return tend.Func("s", func(ctx context.Context) error {
				<-ctx.Done()
				if shard > 0 {
					<-free
				}
				return nil
			})
		})
		ctx, stop := context.WithCancel(t.Context())
		here := r.here.ServeBackground(ctx)
		l := newLoop(ctx, n, 0)
		l.plan.lease.granted(0, opened{lease: 1})
		l.carryOut(deadline{1, l.plan.lease.until()})
		for shard := range 4 {
			l.carryOut(start{Claim{Role: "orders", Shard: shard, Token: 7}, 1})
		}
		synctest.Wait()
		l.carryOut(tell{shardID{"orders", 2}, 7, ErrMoved})
		l.carryOut(tell{shardID{"orders", 3}, 7, ErrMoved})
		l.carryOut(overrun{Claim{Role: "orders", Shard: 3, Token: 7}})
		time.Sleep(time.Second)
		closed := make(chan struct{})
		go func() {
			l.close()
			close(closed)
		}()
		time.Sleep(time.Minute)
		close(free)
		<-closed
		slices.Sort(over)
		if got := fmt.Sprint(over); got != "[0s 3 9.5s 1 9.5s 2]" {
			t.Error(got)
		}
		stop()
		<-here
	})
}
