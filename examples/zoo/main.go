// Zoo is a tree of some sixty services with every kind of trouble that there is,
// made to be looked at:
//
//	go run ./examples/zoo
//
// prints the address of the page. With -n 10000 it is filled with that many more
// services; with -failures 100 so many of them fail each second.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "zoo:", err)
		os.Exit(1)
	}
}

// run serves the tree and its page until ctx ends.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("zoo", flag.ContinueOnError)
	addr := flags.String("http", "127.0.0.1:8080", "address of the page")
	n := flags.Int("n", 0, "so many more services")
	failures := flags.Float64("failures", 10, "failures per second among them")
	verbose := flags.Bool("v", false, "log the events too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *n < 0:
		return fmt.Errorf("-n is %d", *n)
	case !(*failures >= 0):
		return fmt.Errorf("-failures is %v", *failures)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w (choose another address with -http)", err)
	}
	spec := tend.Spec{Timeout: 3 * time.Second}
	if !*verbose {
		spec.EventHook = func(tend.Event) {}
	}
	root := tend.New("zoo", spec)
	addAnimals(root)
	if *n > 0 {
		root.Add(newFleet(*n, *failures))
	}
	fmt.Printf("look at http://%s/\n", listener.Addr())
	return serve(ctx, root, listener)
}

// serve runs the page for as long as the tree, so that one can watch it stop.
func serve(ctx context.Context, root *tend.Supervisor, listener net.Listener) error {
	page := observe.Handler(root, observe.Options{
		// Whoever can reach a loopback address of this machine may use the buttons:
		// right for a zoo, not for a program that matters.
		Allow: func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil },
	})
	server := &http.Server{Handler: page, ReadHeaderTimeout: 5 * time.Second}
	server.RegisterOnShutdown(page.Close)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	err := root.Serve(ctx)
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = server.Shutdown(last) // what is still open after a second is not worth waiting for
	if closed := <-served; !errors.Is(closed, http.ErrServerClosed) {
		return closed
	}
	if ctx.Err() != nil {
		return nil // somebody asked for it
	}
	return err
}
