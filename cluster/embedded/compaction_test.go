package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/store"
)

// A watch that missed what has been compacted ends, and the next begins with all there is.
func TestCompactionDuringAWatch(t *testing.T) {
	v := serve(t, embedded.New(alone(t))).ready()
	engine := v.engine()
	v.put("k/1")
	batches := 0
	err := engine.Watch(soon(t), "k/", enough, func(store.Batch) {
		batches++
		for i := range 5 {
			v.put(fmt.Sprint("k/", i))
		}
		r, err := v.client().Get(soon(t), "k/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.client().Compact(soon(t), r.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
			t.Fatal(err)
		}
	})
	if batches != 1 || !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("after %d batches: %v", batches, err)
	}
	if b := all(t, engine, "k/"); len(b.Changes) != 5 || !b.Snapshot {
		t.Errorf("%+v", b)
	}
}

// A slow engine has the first batch of a node's watch come late.
type slow struct {
	cluster.Engine
	arrived chan int // how many watches there have been
	on      chan bool
	watches int
}

func (s *slow) Watch(ctx context.Context, prefix string, silence time.Duration, saw func(store.Batch)) error {
	s.watches++
	s.arrived <- s.watches
	return s.Engine.Watch(ctx, prefix, silence, func(b store.Batch) {
		if s.watches == 1 {
			<-s.on
		}
		saw(b)
	})
}

// A node whose watch has missed what was compacted sees it all the same, in a new one.
func TestNodeOutlivesCompaction(t *testing.T) {
	v := serve(t, embedded.New(alone(t))).ready()
	late := &slow{Engine: v.engine(), arrived: make(chan int, 100), on: make(chan bool)}
	f := newFleet(t, 2)
	f.join("a", late)
	f.join("b", v.engine())
	f.next()
	f.next() // a is not up, so b has both
	wait(t, "a watches", late.arrived)
	if _, err := v.client().Compact(soon(t), all(t, v.engine(), "").Revision); err != nil {
		t.Fatal(err)
	}
	close(late.on)
	for r := range f.runs() {
		if r.node == "a" {
			break
		}
	}
	if n := wait(t, "a watches again", late.arrived); n != 2 {
		t.Error(n)
	}
}
