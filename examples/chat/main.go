// Chat is a chat server: who connects says in the first line which room, and then talks.
//
//	go run ./examples/chat -http 127.0.0.1:8080
//	nc localhost 7000
//
// A room is an actor that is there while somebody talks in it; what writes to a client is
// one, too, so that a slow client costs nobody else anything. /crash in a room shows what
// happens to the others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/observe"
)

func main() {
	root, options, err := open(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(2)
	}
	app.Main(root, options)
}

// open makes the tree that the command line asks for.
func open(args []string) (*tend.Supervisor, app.Options, error) {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:7000", "address of the server")
	debug := flags.String("http", "", "address of the page; empty: none")
	if err := flags.Parse(args); err != nil {
		return nil, app.Options{}, err
	}
	if flags.NArg() > 0 {
		return nil, app.Options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	listening := func(a net.Addr) { fmt.Println("listening at", a) }
	root := newTree(*addr, listening, tend.Spec{StopWithin: 5 * time.Second})
	shown := app.Options{Debug: *debug}
	if *debug != "" {
		shown.Tree = observe.Handler(root, observe.Options{})
	}
	return root, shown, nil
}

// newTree is the server: rooms, the connections of clients, and what accepts them, which
// stops first. Listening is called when it does.
func newTree(addr string, listening func(net.Addr), spec tend.Spec) *tend.Supervisor {
	spec.Ordered = true
	root := tend.New("chat", spec)
	s := &server{tend.New("connections", tend.Spec{}), newRooms()}
	root.Add(s.rooms)
	root.Add(s)
	root.Add(tend.Child{
		Service:      tend.Func("accept", func(ctx context.Context) error { return s.accept(ctx, addr, listening) }),
		ReadyTimeout: 10 * time.Second,
	})
	return root
}
