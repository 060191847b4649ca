package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/conformance"
	"github.com/tend-go/tend/cluster/internal/store"
	"github.com/tend-go/tend/cluster/tendetcd"
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

// An engine without space keeps what there is: leases, what runs, releases. What is released
// is not taken, and an event says so, until there is space again.
func TestNoSpace(t *testing.T) {
	v := serve(t, embedded.New(alone(t)).With(func(c *embed.Config) { c.QuotaBackendBytes = 1 << 20 })).ready()
	engine, operator, f := v.engine(), v.client(), newFleet(t, 0)
	stop := f.join("a", engine)
	first := f.next()
	f.join("b", engine)
	f.says(cluster.KindMemberJoined)
	var err error
	for i := 0; err == nil; i++ {
		_, err = operator.Put(soon(t), fmt.Sprint("filler/", i), strings.Repeat("x", 100_000))
	}
	if !errors.Is(err, rpctypes.ErrNoSpace) {
		t.Fatal(err)
	}
	if _, _, err := engine.Open(soon(t), time.Hour); !errors.Is(err, store.ErrFull) {
		t.Error(err)
	}
	if _, err := engine.Renew(soon(t), leaseOf(t, engine, "a")); err != nil {
		t.Error(err)
	}
	stop()
	_ = wait(t, "a returns", first.ended)
	for e := (cluster.Event{}); e.Member != "b"; { // a says it too, whose farewell is refused
		if e = f.says(cluster.KindEngineFull); !errors.Is(e.Err, rpctypes.ErrNoSpace) {
			t.Error(e.Err)
		}
	}
	f.idle("without space")
	makeSpace(t, operator)
	if next := f.next(); next.node != "b" || next.claim.Token <= first.claim.Token {
		t.Errorf("%+v after %+v", next.claim, first.claim)
	}
}

func leaseOf(t *testing.T, e cluster.Engine, node string) store.LeaseID {
	t.Helper()
	for _, c := range all(t, e, "/tend/1/f/m/"+node).Changes {
		return c.Lease
	}
	t.Fatal(node, "is no member")
	return 0
}

// makeSpace is what an operator does.
func makeSpace(t *testing.T, c *clientv3.Client) {
	t.Helper()
	r, err := c.Delete(soon(t), "filler/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compact(soon(t), r.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Defragment(soon(t), c.Endpoints()[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AlarmDisarm(soon(t), &clientv3.AlarmMember{}); err != nil {
		t.Fatal(err)
	}
}

// A user with rights on its fleet alone is enough for all that a node does, and etcd may be
// away when it is named.
func TestUserOfOneFleet(t *testing.T) {
	server := embedded.New(alone(t)).With(func(c *embed.Config) { c.BcryptCost = 4 }) // each renewal costs one
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))             // until the nodes have left
	t.Cleanup(cancel)
	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: []string{server.Near()}, Username: "shop", Password: "secret", Context: ctx})
	if err != nil {
		t.Fatal(err)
	}
	v := serve(t, server).ready()
	c := v.client()
	for _, step := range []func() error{
		func() error { _, err := c.UserAdd(soon(t), "root", "root"); return err },
		func() error { _, err := c.UserGrantRole(soon(t), "root", "root"); return err },
		func() error { _, err := c.UserAdd(soon(t), "shop", "secret"); return err },
		func() error { _, err := c.RoleAdd(soon(t), "shop"); return err },
		func() error {
			_, err := c.RoleGrantPermission(soon(t), "shop", "/tend/1/f/", "/tend/1/f0", clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := c.UserGrantRole(soon(t), "shop", "shop"); return err },
		func() error { _, err := c.AuthEnable(soon(t)); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	f := newFleet(t, 0)
	stop := f.join("a", engine)
	f.next()
	f.join("b", engine)
	f.says(cluster.KindMemberJoined)
	stop()
	if r := f.next(); r.node != "b" {
		t.Error(r)
	}
	lease, _, err := engine.Open(soon(t), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Create(soon(t), "/tend/1/others/k", "v", lease, store.Guard{}); !errors.Is(err, rpctypes.ErrPermissionDenied) {
		t.Error(err)
	}
}
