package embedded_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/store"
	"github.com/tend-go/tend/cluster/tendetcd"
)

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
