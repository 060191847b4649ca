package recipes

import (
	"context"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/server"
)

type orders struct{ shard int }

func (o *orders) Serve(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func newOrders(shard int) *orders { return &orders{shard} }

func routes(*cluster.Role[*orders]) http.Handler { return http.NotFoundHandler() }

// NewShop is the tree of a node: the server starts first and stops last, so that it tells
// callers where shards are while they are handed over.
func NewShop(engine cluster.Engine, billing tend.Service) *tend.Supervisor {
	node := cluster.Join(FromEnv(engine))
	orders := cluster.Shards(node, "orders", 256, newOrders)
	root := tend.New("shop", tend.Spec{Ordered: true, StopWithin: 20 * time.Second})
	root.Add(server.HTTP(&http.Server{Addr: ":8080", Handler: routes(orders)}))
	root.Add(node)
	root.Add(cluster.Singleton(node, "billing", billing)) // was: root.Add(billing)
	root.Add(orders)
	return root
}
