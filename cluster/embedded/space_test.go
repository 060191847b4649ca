package embedded_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/store"
)

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
