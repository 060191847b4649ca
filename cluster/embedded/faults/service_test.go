//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/history"
)

// A worker is the service of a shard: it acts on the ledger all the time, and notes when it
// begins, is told and returns.
type worker struct {
	conduct
	*notes
	pen   *pen
	every time.Duration
	told  func(cluster.Claim) // called when it is told; may be nil
}

func (w worker) String() string { return "worker" }

func (w worker) Serve(ctx context.Context) error {
	c, ok := cluster.ClaimOf(ctx)
	if !ok {
		panic("there is no claim")
	}
	if !w.Helper {
		w.run(ctx, c)
		return nil
	}
	tend.Go(ctx, func(ctx context.Context) error {
		w.run(ctx, c)
		return nil
	})
	<-ctx.Done()
	return nil
}

// run is one run under a claim.
func (w worker) run(ctx context.Context, c cluster.Claim) {
	shard := shardName(c.Role, c.Shard)
	w.note(history.Record{What: history.Start, Shard: shard, Token: c.Token})
	defer w.note(history.Record{What: history.Stop, Shard: shard, Token: c.Token})
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		w.note(history.Record{What: history.Told, Shard: shard, Token: c.Token, Cause: context.Cause(ctx).Error()})
		if w.told != nil {
			w.told(c)
		}
	})
	w.work(ctx, shard, c.Token)
	if !stop() {
		<-ended
	}
}

func shardName(role string, shard int) string { return fmt.Sprintf("%s/%d", role, shard) }

func (w worker) work(ctx context.Context, shard string, token int64) {
	done := ctx.Done()
	if w.Stubborn {
		done = nil
	}
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	var enough <-chan time.Time
	for {
		select {
		case <-done:
			done, enough = nil, time.After(w.Lingers)
		case <-enough:
			return
		case <-tick.C:
		}
		if w.Check && cluster.Check(ctx) != nil {
			continue
		}
		time.Sleep(w.Work)
		if err := w.pen.act(shard, token); w.Heeds && errors.Is(err, errRefused) {
			<-ctx.Done()
			return
		}
	}
}
