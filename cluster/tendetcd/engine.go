package tendetcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/store"
)

// Engine connects to etcd, sooner or later: an etcd that is away is no error, only settings
// are that make no sense. The connection is closed when Config.Context ends, and lasts until
// the program does without one, which is what a program wants: nodes and roles use it to the
// end, and then the engine ends their leases by itself if they have not.
func Engine(c clientv3.Config) (cluster.Engine, error) {
	if err := check(c); err != nil {
		return nil, fmt.Errorf("tend/tendetcd: %w", err)
	}
	client, err := dial(complete(c))
	if err != nil {
		return nil, fmt.Errorf("tend/tendetcd: %w", err)
	}
	if c.Context != nil {
		context.AfterFunc(c.Context, func() { client.Close() })
	}
	return &engine{client}, nil
}

// dial makes a client without waiting for etcd. One that has a password would ask etcd for
// a token first; with a token it does not, and asks when that one is refused.
func dial(c clientv3.Config) (*clientv3.Client, error) {
	if c.Username == "" || c.Token != "" {
		return clientv3.New(c)
	}
	name, password := c.Username, c.Password
	c.Username, c.Password, c.Token = "", "", "none yet"
	client, err := clientv3.New(c)
	if err == nil {
		client.Username, client.Password, client.Token = name, password, ""
	}
	return client, err
}

type engine struct{ client *clientv3.Client }

func head(h *etcdserverpb.ResponseHeader) store.Head {
	return store.Head{Cluster: h.GetClusterId(), Revision: h.GetRevision()}
}

// known makes of etcd's words those of the seam.
func known(err error) error {
	switch {
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return store.ErrNoLease
	case errors.Is(err, rpctypes.ErrNoSpace):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

func (e *engine) Open(ctx context.Context, ttl time.Duration) (store.LeaseID, store.Head, error) {
	r, err := e.client.Grant(ctx, int64(ttl/time.Second))
	if err != nil {
		return 0, store.Head{}, known(err)
	}
	if granted := time.Duration(r.TTL) * time.Second; granted != ttl {
		_, _ = e.client.Revoke(ctx, r.ID) // it ends by itself
		return 0, store.Head{}, fmt.Errorf("tend/tendetcd: etcd grants a TTL of %v instead of %v: its elections take too long for that", granted, ttl)
	}
	return store.LeaseID(r.ID), head(r.ResponseHeader), nil
}

func (e *engine) Renew(ctx context.Context, id store.LeaseID) (store.Head, error) {
	r, err := e.client.KeepAliveOnce(ctx, clientv3.LeaseID(id))
	if err != nil {
		return store.Head{}, known(err)
	}
	return head(r.ResponseHeader), nil
}

func (e *engine) Revoke(ctx context.Context, id store.LeaseID) error {
	_, err := e.client.Revoke(ctx, clientv3.LeaseID(id))
	return known(err)
}

func (e *engine) Create(ctx context.Context, key, value string, id store.LeaseID, g store.Guard) (store.Answer, error) {
	conditions := []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(key), "=", 0)}
	if g != (store.Guard{}) {
		conditions = append(conditions, clientv3.Compare(clientv3.Value(g.Key), "=", g.Value))
	}
	return e.transact(ctx, key, clientv3.OpPut(key, value, clientv3.WithLease(clientv3.LeaseID(id))), conditions...)
}

func (e *engine) Update(ctx context.Context, key, value string, token int64) (store.Answer, error) {
	return e.transact(ctx, key, clientv3.OpPut(key, value, clientv3.WithIgnoreLease()), clientv3.Compare(clientv3.CreateRevision(key), "=", token))
}

func (e *engine) Delete(ctx context.Context, key string, token int64) (store.Answer, error) {
	return e.transact(ctx, key, clientv3.OpDelete(key), clientv3.Compare(clientv3.CreateRevision(key), "=", token))
}

// SetIfNone compares a range: an empty one passes, and no key was created at 0.
func (e *engine) SetIfNone(ctx context.Context, key, value, prefix string) (store.Answer, error) {
	return e.transact(ctx, key, clientv3.OpPut(key, value), clientv3.Compare(clientv3.CreateRevision(prefix).WithPrefix(), "=", 0))
}

// transact does one thing if all conditions hold, and says what is under the key then.
func (e *engine) transact(ctx context.Context, key string, do clientv3.Op, conditions ...clientv3.Cmp) (store.Answer, error) {
	r, err := e.client.Txn(ctx).If(conditions...).Then(do, clientv3.OpGet(key)).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return store.Answer{}, known(err)
	}
	a := store.Answer{Head: head(r.Header), Done: r.Succeeded}
	if kvs := r.Responses[len(r.Responses)-1].GetResponseRange().GetKvs(); len(kvs) > 0 {
		a.Entry = entry(kvs[0])
	}
	return a, nil
}

func entry(kv *mvccpb.KeyValue) store.Entry {
	return store.Entry{Key: string(kv.Key), Value: string(kv.Value), Lease: store.LeaseID(kv.Lease), Token: kv.CreateRevision}
}
