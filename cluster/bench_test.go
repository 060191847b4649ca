package cluster_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
)

// BenchmarkCalls is what callers and services pay on a node that has all of 256 shards.
func BenchmarkCalls(b *testing.B) {
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	node := cluster.Join(cluster.Options{Fleet: "f", Name: "n", TTL: 2 * time.Second, Engine: clustertest.NewEngine(), EventHook: func(cluster.Event) {}})
	role := cluster.Shards(node, "orders", 256, func(int) tend.Service {
		return tend.Func("s", func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
	})
	root.Add(node)
	root.Add(role)
	ctx, cancel := context.WithCancel(b.Context())
	done := root.ServeBackground(ctx)
	defer func() {
		cancel()
		<-done
	}()
	keys := make([]string, 256)
	for i := range keys {
		keys[i] = fmt.Sprint("customer-", i)
		for role.Do(ctx, keys[i], func(context.Context, tend.Service) error { return nil }) != nil {
			time.Sleep(time.Millisecond) // nobody asks for it yet
		}
	}
	b.Run("Owner", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, ok := role.Owner(keys[i%len(keys)]); !ok {
				b.Fatal("nobody's")
			}
		}
	})
	b.Run("Do", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			_ = role.Do(ctx, keys[i%len(keys)], func(context.Context, tend.Service) error { return nil })
		}
	})
	var under context.Context
	_ = role.Do(ctx, keys[0], func(ctx context.Context, _ tend.Service) error {
		under = ctx
		return nil
	})
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if err := cluster.Check(under); err != nil {
				b.Fatal(err)
			}
		}
	})
}
