package embedded_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
)

// In one tree, in order, the engine is up before the node and outlives it: a stop of the
// tree leaves no claim and no member behind.
func TestOneTree(t *testing.T) {
	server := embedded.New(alone(t))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	engine, err := server.EngineUntil(ctx)
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan cluster.Claim, 1)
	node := cluster.Join(cluster.Options{Fleet: "f", Name: "a", Engine: engine, EventHook: func(cluster.Event) {}})
	root := tend.New("root", tend.Spec{Ordered: true, EventHook: func(tend.Event) {}})
	root.Add(tend.Child{Service: server, ReadyTimeout: enough, Timeout: 10 * time.Second})
	root.Add(tend.Child{Service: node, ReadyTimeout: enough})
	root.Add(cluster.Singleton(node, "billing", tend.Func("billing", func(ctx context.Context) error {
		c, _ := cluster.ClaimOf(ctx)
		began <- c
		<-ctx.Done()
		return nil
	})))
	served, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := root.ServeBackground(served)
	claim := wait(t, "billing begins", began)
	at := time.Now()
	stop()
	_ = wait(t, "the tree ends", done)
	t.Log("stopped after", time.Since(at))
	serve(t, server).ready()
	var left []string
	for _, c := range all(t, engine, "/tend/1/f/").Changes {
		left = append(left, c.Key)
	}
	if !slices.Equal(left, []string{"/tend/1/f/g/billing"}) {
		t.Error(left, "are left after", claim)
	}
}
