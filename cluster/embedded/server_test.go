package embedded_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/internal/conformance"
)

// serve runs an etcd of the test's own until its end.
func serve(t *testing.T) cluster.Engine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	s := embedded.New(embedded.Options{Dir: t.TempDir(), Listen: addr, Volatile: true})
	root := tend.New("root", tend.Spec{})
	root.Add(tend.Child{Service: s, ReadyTimeout: 30 * time.Second, Timeout: 10 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	done := root.ServeBackground(ctx)
	t.Cleanup(func() {
		cancel()
		<-done
	})
	if err := root.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine, err := s.Engine()
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// etcd does what the engine in memory does, on which all else is tested.
func TestConformance(t *testing.T) {
	conformance.Run(t, serve(t), "/tend/1/conformance/", time.Sleep)
}

// A singleton of two nodes is handed over when the first leaves.
func TestHandOver(t *testing.T) {
	engine := serve(t)
	began := make(chan cluster.Claim)
	node := func(name string) context.CancelFunc {
		n := cluster.Join(cluster.Options{Fleet: "f", Name: name, Engine: engine, TTL: 2 * time.Second, EventHook: func(cluster.Event) {}})
		root := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}})
		root.Add(n)
		root.Add(cluster.Singleton(n, "billing", tend.Func("billing", func(ctx context.Context) error {
			c, _ := cluster.ClaimOf(ctx)
			began <- c
			<-ctx.Done()
			return nil
		})))
		ctx, cancel := context.WithCancel(t.Context())
		done := root.ServeBackground(ctx)
		stop := sync.OnceFunc(func() {
			cancel()
			<-done
		})
		t.Cleanup(stop)
		return stop
	}
	stop := node("a")
	first := <-began
	node("b")
	go stop()
	second := <-began
	if first.Owner.Name != "a" || second.Owner.Name != "b" || second.Token <= first.Token {
		t.Error(first, second)
	}
}
