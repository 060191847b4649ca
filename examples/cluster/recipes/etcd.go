package recipes

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend/cluster"
)

// InEtcd writes to the etcd that has the claims, if the claim is there still. It needs no
// table of tokens, and refuses as soon as the lease is over, whether there is a next owner
// or not.
func InEtcd(ctx context.Context, client *clientv3.Client, c cluster.Claim, do ...clientv3.Op) error {
	r, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(c.Key), "=", c.Token)).
		Then(do...).
		Commit()
	if err == nil && !r.Succeeded {
		return cluster.ErrStale
	}
	return err
}
