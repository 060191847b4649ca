package entity_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
	"github.com/tend-go/tend/cluster/entity"
)

// An account is the state of one key.
type account struct{ balance int }

func openAccount(context.Context, string) (entity.Handler[int, int], error) { return &account{}, nil }

// Handle adds to the balance.
func (a *account) Handle(_ context.Context, sum int) (int, error) {
	a.balance += sum
	return a.balance, nil
}

// Every process of the fleet does this. The engine here is one for tests.
func Example() {
	wire := &entity.HTTP{}
	mux := http.NewServeMux()
	mux.Handle(entity.Path, wire) // for what others ask
	server := httptest.NewServer(mux)
	defer server.Close()

	quiet := tend.Spec{EventHook: func(tend.Event) {}}
	node := cluster.Join(cluster.Options{
		Fleet: "bank", Name: "node-1", Engine: clustertest.NewEngine(), TTL: 2 * time.Second,
		Addr: server.Listener.Addr().String(), EventHook: func(cluster.Event) {},
	})
	accounts := entity.New(node, "accounts", entity.Spec[int, int]{
		Role: cluster.Spec{Shards: 16}, New: openAccount, Idle: time.Minute, Transport: wire,
	})
	root := tend.New("root", quiet)
	root.Add(node)
	root.Add(accounts)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := root.ServeBackground(ctx)

	fmt.Println(accounts.To("alice").Ask(ctx, 5))
	fmt.Println(accounts.To("bob").Ask(ctx, 7))
	fmt.Println(accounts.To("alice").Ask(ctx, 2))
	cancel()
	<-done
	// Output:
	// 5 <nil>
	// 7 <nil>
	// 7 <nil>
}
