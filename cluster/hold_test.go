package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// A service that failed while its process stood still does not begin anew under a claim
// whose deadline is past, though nobody has told it yet. If the lease lives it does.
func TestNothingBeginsPastTheDeadline(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(h *hold, stop context.CancelFunc)
		runs int
	}{
		{"it is told", func(h *hold, stop context.CancelFunc) { h.tell(ErrLost); stop() }, 0},
		{"its role stops", func(_ *hold, stop context.CancelFunc) { stop() }, 0},
		{"the lease lives", func(h *hold, _ context.CancelFunc) { h.lease.Store(int64(h.node.now() + time.Second)) }, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHold(&Node{clock: newTimekeeper()}, &post{news: make(chan struct{})}, Claim{}, &lifetime{})
			time.Sleep(time.Second)
			h.lease.Store(int64(h.node.now()))
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			runs, over := 0, make(chan error, 1)
			svc := owned{h, tend.Func("s", func(context.Context) error { runs++; return errLate })}
			go func() { over <- svc.Serve(ctx) }()
			time.Sleep(time.Second)
			synctest.Wait()
			if runs != 0 {
				t.Errorf("%s: it runs past the deadline", tt.name)
			}
			tt.then(h, stop)
			if err := <-over; errors.Is(err, errLate) != (tt.runs == 1) || runs != tt.runs {
				t.Errorf("%s: %d runs, %v", tt.name, runs, err)
			}
		})
	}
}

// Nor does a call: it is told that the shard is not here.
func TestNoCallBeginsPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHold(&Node{clock: newTimekeeper()}, &post{news: make(chan struct{})}, Claim{}, &lifetime{})
		h.run = &running{ready: true}
		h.lease.Store(int64(h.node.now() + time.Second))
		if run, _ := h.call(); run == nil {
			t.Error("none before the deadline")
		}
		time.Sleep(time.Second)
		if run, wait := h.call(); run != nil || wait || h.run.calls != 1 {
			t.Error("one at the deadline", wait, h.run.calls)
		}
	})
}
