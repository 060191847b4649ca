package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/conformance"
	"github.com/tend-go/tend/cluster/internal/store"
)

// etcd does what the engine in memory does, on which all else is tested.
func TestConformance(t *testing.T) {
	conformance.Run(t, serve(t, embedded.New(alone(t))).ready().engine(), "/tend/1/conformance/", time.Sleep)
}

// Nodes on etcd do what they do on the engine in memory.
func TestFleet(t *testing.T) {
	conformance.Fleet(t, serve(t, embedded.New(alone(t))).ready().engine())
}

// A singleton of two nodes is handed over when the first leaves.
func TestHandOver(t *testing.T) {
	engine, f := serve(t, embedded.New(alone(t))).ready().engine(), newFleet(t, 0)
	stop := f.join("a", engine)
	first := f.next()
	f.join("b", engine)
	go stop()
	second := f.next()
	if first.claim.Owner.Name != "a" || second.claim.Owner.Name != "b" || second.claim.Token <= first.claim.Token {
		t.Error(first, second)
	}
}

// all is what there is under a prefix.
func all(t *testing.T, e cluster.Engine, prefix string) (found store.Batch) {
	t.Helper()
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	_ = e.Watch(ctx, prefix, enough, func(b store.Batch) {
		found = b
		cancel()
	})
	return found
}

// A restart on the same directory forgets nothing: leases, claims and tokens go on, and so
// do the nodes. The engine is back for those that had it as soon as it is up.
func TestRestart(t *testing.T) {
	o := alone(t)
	v := serve(t, embedded.New(o)).ready()
	engine, f := v.engine(), newFleet(t, 0)
	lease, _, err := engine.Open(soon(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Create(soon(t), "/tend/1/other/k", "v", lease, store.Guard{}); err != nil {
		t.Fatal(err)
	}
	f.join("a", engine)
	first := f.next()
	before := all(t, engine, "/tend/1/other/")
	v.stop()
	f.says(cluster.KindEngineLost)
	serve(t, embedded.New(o)).ready()
	up := time.Now()
	f.says(cluster.KindEngineBack)
	t.Log("back after", time.Since(up))
	after := all(t, engine, "/tend/1/other/")
	if len(after.Changes) != 1 || after.Changes[0] != before.Changes[0] || after.Cluster != before.Cluster || after.Revision < before.Revision {
		t.Errorf("%+v after %+v", after, before)
	}
	if _, err := engine.Renew(soon(t), lease); err != nil {
		t.Error(err)
	}
	a, err := engine.Create(soon(t), "/tend/1/other/l", "v", lease, store.Guard{})
	if err != nil || a.Entry.Token <= first.claim.Token {
		t.Errorf("%+v, %v after token %d", a, err, first.claim.Token)
	}
}

// A server whose directory was wiped has forgotten the tokens: all is told, Serve fails each
// time, and nothing runs until the engine is past the revisions that had been seen.
func TestWipedDirectory(t *testing.T) {
	o := alone(t)
	v := serve(t, embedded.New(o)).ready()
	engine, f := v.engine(), newFleet(t, 0)
	for i := range 10 {
		v.put(fmt.Sprint(i))
	}
	f.join("a", engine)
	first, before := f.next(), all(t, engine, "")
	v.stop()
	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	v = serve(t, embedded.New(o)).ready()
	if now := all(t, engine, ""); now.Cluster == before.Cluster {
		t.Error("it has the identity of the old one:", now.Head, before.Head) // and would be taken for it later on
	}
	if cause := wait(t, "it is told", first.ended); !errors.Is(cause, cluster.ErrLost) {
		t.Error("told", cause)
	}
	for range 3 { // each time that the tree tries
		if e := f.says(cluster.KindEngineChanged); e.Err == nil || !strings.Contains(e.Err.Error(), "etcdutl snapshot restore --bump-revision") {
			t.Error(e.Err)
		}
	}
	f.idle("on an engine that has forgotten")
	for range first.claim.Token + 10 {
		v.put("k")
	}
	if next := f.next(); next.claim.Token <= first.claim.Token {
		t.Errorf("token %d after %d", next.claim.Token, first.claim.Token)
	}
}
