package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// overruns are the shards that Options.Overrun was called for, and when.
type overruns struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

func (o *overruns) note(c Claim) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, fmt.Sprint(time.Since(o.began), " ", c.Shard))
}

func (o *overruns) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprint(slices.Sorted(slices.Values(o.lines)))
}

// loopOf is the loop of a node that has five shards; those from 1 to 3 do not stop until free
// is closed.
func loopOf(ctx context.Context, over *overruns, free <-chan struct{}) *loop {
	n := Join(Options{Fleet: "f", Name: "n", Engine: struct{ Engine }{}, Overrun: over.note})
	r := NewRole(n, "orders", Spec{Shards: 5, Tree: tend.Spec{EventHook: func(tend.Event) {}}}, func(shard int) tend.Service {
		return tend.Func("s", func(ctx context.Context) error {
			<-ctx.Done()
			if shard%4 > 0 {
				<-free
			}
			return nil
		})
	})
	r.here.ServeBackground(ctx)
	l := newLoop(ctx, n, 0)
	l.plan.lease.granted(0, opened{lease: 1})
	l.carryOut(deadline{1, l.plan.lease.until()})
	for shard := range 5 {
		l.carryOut(start{Claim{Role: "orders", Shard: shard, Token: 7}, 1})
	}
	synctest.Wait()
	return l
}

// After a panic in the loop what it had is told, and overruns at the moment when it would have:
// nobody else looks at the time any more. What was told before is no exception; what has
// overrun does not do so again.
func TestCloseOverruns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, free := &overruns{began: time.Now()}, make(chan struct{})
		l := loopOf(t.Context(), over, free)
		for _, shard := range []int{0, 2, 3} {
			l.carryOut(tell{shardID{"orders", shard}, 7, ErrMoved})
		}
		l.carryOut(overrun{Claim{Role: "orders", Shard: 3, Token: 7}})
		synctest.Wait()
		if l.step(l.inbox.take()); len(l.ending) != 1 {
			t.Error("what has returned is kept", len(l.ending))
		}
		time.Sleep(time.Second)
		closed := make(chan struct{})
		go func() {
			l.close()
			close(closed)
		}()
		time.Sleep(time.Minute)
		close(free)
		<-closed
		if got := over.String(); got != "[0s 3 9.5s 1 9.5s 2]" {
			t.Error(got)
		}
	})
}
