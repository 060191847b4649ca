package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/tendetcd"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/server"
)

// nodeSettings are what the driver tells a node.
type nodeSettings struct {
	name, engine, vault, notes string
	ttl                        time.Duration
}

func (s nodeSettings) args() []string {
	return []string{"node", "-name", s.name, "-engine", s.engine, "-vault", s.vault, "-notes", s.notes, "-ttl", s.ttl.String()}
}

func runNode(ctx context.Context, args []string, _, stderr io.Writer) (code int, err error) {
	var s nodeSettings
	flags := flag.NewFlagSet("cluster node", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.name, "name", "", "unique in the fleet, and the same after a restart")
	flags.StringVar(&s.engine, "engine", "", "address of the engine")
	flags.StringVar(&s.vault, "vault", "", "URL of the vault")
	flags.StringVar(&s.notes, "notes", "", "directory for what the checker reads")
	flags.DurationVar(&s.ttl, "ttl", 5*time.Second, "as the driver has it")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, nil)))
	root, err := newNode(s)
	if err != nil {
		return 1, err
	}
	return app.Run(ctx, root, app.Options{}), nil // SIGTERM stops it: that hands over all that it owns
}

// newNode is the tree of a node. The server starts first and stops last: while shards are
// handed over it tells callers where they are now.
func newNode(s nodeSettings) (*tend.Supervisor, error) {
	notes, err := openNotes(s.notes, processName(s.name, os.Getpid()))
	if err != nil {
		return nil, err
	}
	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: []string{s.engine}})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the others have to know the address: so now
	if err != nil {
		return nil, err
	}
	member := cluster.Join(memberOptions(s.name, s.ttl, engine, listener.Addr().String()))
	keeper := cluster.Shards(member, "accounts", shards, func(int) *accounts {
		return &accounts{books: books{s.vault}, notes: notes}
	})
	root := tend.New(s.name, tend.Spec{Ordered: true, StopWithin: 20 * time.Second})
	root.Add(serverAt(listener, newWeb(keeper, observe.Handler(root, observe.Options{}))))
	root.Add(member)
	root.Add(cluster.Singleton(member, "auditor", &auditor{books{s.vault}, notes}))
	root.Add(keeper)
	return root, nil
}

// memberOptions are those of all members. Margin is larger than need be, and Settle and with
// it the story shorter: machines that run examples have other things to do.
func memberOptions(name string, ttl time.Duration, engine cluster.Engine, addr string) cluster.Options {
	return cluster.Options{
		Fleet: fleet, Name: name, Engine: engine, Addr: addr,
		TTL: ttl, Margin: max(ttl/5, 500*time.Millisecond), Settle: time.Second,
	}
}

// serverAt serves at a listener that is open, and at its address again should it fail.
func serverAt(first net.Listener, h http.Handler) tend.Child {
	addr := first.Addr().String()
	return server.Config{
		Name: "http@" + addr,
		Listen: func(ctx context.Context) (net.Listener, error) {
			if l := first; l != nil {
				first = nil
				return l, nil
			}
			return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		},
		New:   server.CopiesOf(&http.Server{Handler: h}),
		Drain: 2 * time.Second,
	}.Child()
}
