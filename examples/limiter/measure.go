package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// measure has clients ask for tokens, tells what that takes, and waits until their buckets
// sleep.
func measure(ctx context.Context, out io.Writer, clients int) error {
	buckets := newBuckets()
	root := tend.New("limiter", tend.Spec{EventHook: func(tend.Event) {}})
	root.Add(buckets)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := root.ServeBackground(ctx)
	names := make([]string, clients)
	for i := range names {
		names[i] = "client-" + strconv.Itoa(i)
	}
	before := inUse()
	for round := range 3 {
		began := time.Now()
		given, err := askAll(ctx, buckets, names)
		if err != nil {
			return err
		}
		took := time.Since(began)
		fmt.Fprintf(out, "round %d: %d of %d have a token, %v for each; %d buckets\n", round+1, given, clients, took/time.Duration(clients), buckets.Len())
	}
	fmt.Fprintf(out, "%d bytes and %.1f goroutines for each bucket\n", (inUse()-before)/int64(clients), float64(runtime.NumGoroutine())/float64(clients))
	for buckets.Len() > 0 {
		fmt.Fprintf(out, "%d buckets; they sleep when they have been idle for %v\n", buckets.Len(), burst*time.Second/rate)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	fmt.Fprintf(out, "all sleep, and %d kB are in use more than before\n", max(0, inUse()-before)/1000)
	cancel()
	<-done
	return nil
}

// askAll has one goroutine for each processor ask for a token for each client.
func askAll(ctx context.Context, buckets *actor.Group[string, take], names []string) (int64, error) {
	var all sync.WaitGroup
	var given atomic.Int64
	var failed atomic.Pointer[error]
	n := runtime.GOMAXPROCS(0)
	for i := range n {
		all.Go(func() {
			for j := i; j < len(names); j += n {
				ok, err := actor.Ask(ctx, buckets.To(names[j]), func(r actor.Reply[bool]) take { return take{r} })
				switch {
				case err != nil:
					failed.Store(&err)
					return
				case ok:
					given.Add(1)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return given.Load(), nil
}

// inUse is how many bytes are, when all else has been collected.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
