package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/entity"
	"github.com/tend-go/tend/cluster/tendetcd"
)

// runNode is one of the processes.
func runNode(ctx context.Context, args []string, _, stderr io.Writer) (int, error) {
	flags := flag.NewFlagSet("counters node", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("name", "", "unique in the fleet, and the same after a restart")
	endpoint := flags.String("engine", "", "address of the engine")
	url := flags.String("store", "", "URL of the store")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, nil)))
	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: []string{*endpoint}})
	if err != nil {
		return 1, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1, err
	}
	wire := &entity.HTTP{}
	member := join(*name, engine, listener.Addr().String())
	root := tend.New(*name, tend.Spec{Ordered: true, StopWithin: 20 * time.Second})
	root.Add(serverAt(listener, wire))
	root.Add(member)
	root.Add(countersOf(member, wire, newStoreClient(*url)))
	return app.Run(ctx, root, app.Options{}), nil
}

// join makes a member. Settle is shorter, so that the node that was killed gets its share
// back while there is something to do.
func join(name string, engine cluster.Engine, addr string) *cluster.Node {
	return cluster.Join(cluster.Options{
		Fleet: "counters", Name: name, Engine: engine, Addr: addr,
		TTL: 5 * time.Second, Margin: time.Second, Settle: time.Second,
	})
}

// serverAt answers at a listener, as long as it is served.
func serverAt(l net.Listener, h http.Handler) tend.Service {
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	return tend.Func("http", func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { _ = s.Close() })()
		err := s.Serve(l)
		if ctx.Err() != nil {
			return nil // it was asked to
		}
		return err
	})
}
