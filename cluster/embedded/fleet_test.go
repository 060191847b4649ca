package embedded_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
)

// A run is one of an owned service.
type run struct {
	node  string
	claim cluster.Claim
	ended chan error // why
}

// A fleet is the nodes of a test, and a role of theirs: a singleton, or shards.
type fleet struct {
	t      *testing.T
	shards int
	began  chan run
	events chan cluster.Event

	mu     sync.Mutex
	owners map[int]string
}

func newFleet(t *testing.T, shards int) *fleet {
	return &fleet{t: t, shards: shards, began: make(chan run, 1000), events: make(chan cluster.Event, 10000), owners: map[int]string{}}
}

// join runs a node until the end of the test, or until stop is called.
func (f *fleet) join(name string, e cluster.Engine) (stop func()) {
	n := cluster.Join(cluster.Options{
		Fleet: "f", Name: name, Engine: e, TTL: 5 * time.Second, Settle: 100 * time.Millisecond,
		EventHook: func(e cluster.Event) { f.events <- e },
	})
	root := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}, FailureBackoff: 100 * time.Millisecond})
	root.Add(n)
	root.Add(cluster.NewRole(n, "role", cluster.Spec{Shards: f.shards}, func(shard int) tend.Service {
		return tend.Func(fmt.Sprint(shard), func(ctx context.Context) error { return f.serve(ctx, name) })
	}))
	ctx, cancel := context.WithCancel(context.Background())
	done := root.ServeBackground(ctx)
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	f.t.Cleanup(stop)
	return stop
}

// serve is the owned service: it notes who else is at it.
func (f *fleet) serve(ctx context.Context, name string) error {
	c, _ := cluster.ClaimOf(ctx)
	r := run{name, c, make(chan error, 1)}
	f.enter(c.Shard, name)
	f.began <- r
	<-ctx.Done()
	f.leave(c.Shard)
	r.ended <- context.Cause(ctx)
	return nil
}

func (f *fleet) enter(shard int, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.owners[shard]; other != "" {
		f.t.Errorf("%s begins shard %d beside %s", name, shard, other)
	}
	f.owners[shard] = name
}

func (f *fleet) leave(shard int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owners[shard] = ""
}

// next waits for the next run of any.
func (f *fleet) next() run {
	f.t.Helper()
	return wait(f.t, "a service begins", f.began)
}

// runs are all that begin.
func (f *fleet) runs() iter.Seq[run] {
	return func(yield func(run) bool) {
		for yield(f.next()) {
		}
	}
}

// idle fails if anything has begun.
func (f *fleet) idle(when string) {
	f.t.Helper()
	select {
	case r := <-f.began:
		f.t.Errorf("%s begins shard %d %s", r.node, r.claim.Shard, when)
	default:
	}
}

// says waits for an event of the kind.
func (f *fleet) says(kind cluster.Kind) cluster.Event {
	f.t.Helper()
	late := time.After(enough)
	for {
		select {
		case e := <-f.events:
			if e.Kind == kind {
				return e
			}
		case <-late:
			f.t.Fatal("nobody says ", kind)
		}
	}
}
