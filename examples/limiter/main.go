// Limiter is an HTTP server that lets each client have ten requests a second, with bursts
// of twenty. A bucket is an actor that is there while its client is.
//
//	go run ./examples/limiter -addr localhost:8080 -http 127.0.0.1:8081
//
// Without -addr it shows what that costs: so many clients ask for a token each, again and
// again, and then it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/server"
)

func main() {
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, "limiter:", err)
		os.Exit(2)
	case o.addr != "":
		root := newTree(o.addr, tend.Spec{StopWithin: 10 * time.Second})
		shown := app.Options{Debug: o.debug}
		if o.debug != "" {
			shown.Tree = observe.Handler(root, observe.Options{})
		}
		app.Main(root, shown)
	}
	if err := measure(context.Background(), os.Stdout, o.clients); err != nil {
		fmt.Fprintln(os.Stderr, "limiter:", err)
		os.Exit(1)
	}
}

type options struct {
	addr, debug string
	clients     int
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("limiter", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", "", "address of the server; empty: show what buckets cost, and end")
	flags.StringVar(&o.debug, "http", "", "address of the page, with -addr; empty: none")
	flags.IntVar(&o.clients, "clients", 1_000_000, "how many clients there are, without -addr")
	err = flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.clients < 1:
		err = fmt.Errorf("-clients is %d", o.clients)
	case o.debug != "" && o.addr == "":
		err = errors.New("-http is for a server: give -addr, too")
	}
	return o, err
}

// newTree is the server.
func newTree(addr string, spec tend.Spec) *tend.Supervisor {
	buckets := newBuckets()
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	root := tend.New("limiter", spec)
	root.Add(buckets)
	root.Add(server.HTTP(&http.Server{Addr: addr, Handler: limited(buckets, clientOf, hello), ReadHeaderTimeout: 10 * time.Second}))
	return root
}

// clientOf is who asks: its address. Behind a proxy that would be the proxy.
func clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
