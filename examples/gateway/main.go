// Gateway keeps the state of a million devices that report now and then. It has them report,
// and reconnect all at once, tells what that takes, and ends:
//
//	go run ./examples/gateway
//	go run ./examples/gateway -devices 10000 -http 127.0.0.1:8080   # and stays until Ctrl-C
//
// A device whose reports cannot be understood fails alone, and its operator is told. One
// that is silent for a while is written down and sleeps.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/observe"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	devices uint64
	silence time.Duration
	debug   string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "gateway:", err)
		return 2
	}
	root, s := newTree(o, stdout)
	options := app.Options{Debug: o.debug, Stderr: stderr, Logger: slog.New(slog.NewTextHandler(stderr, nil))}
	if o.debug != "" {
		options.Tree = observe.Handler(root, observe.Options{})
	}
	code := app.Run(ctx, root, options)
	if s.err != nil {
		fmt.Fprintln(stderr, "gateway:", s.err)
		return 1
	}
	return code
}

// newTree is the gateway, and the story that is told with it: when that is over, everything
// stops.
func newTree(o options, stdout io.Writer) (*tend.Supervisor, *story) {
	g := newGateway(o.devices, o.silence)
	s := &story{gateway: g, out: stdout, stays: o.debug != ""}
	root := tend.New("gateway", tend.Spec{EventHook: g.hear, StopWithin: 30 * time.Second})
	root.Add(g.devices)
	root.Add(g.operator)
	root.Add(tend.Child{Service: tend.Func("story", s.tell), Restart: tend.Temporary, Significant: true})
	return root, s
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&o.devices, "devices", 1_000_000, "how many devices there are")
	flags.DurationVar(&o.silence, "silence", 4*time.Second, "devices sleep that have been silent for this long")
	flags.StringVar(&o.debug, "http", "", "address of the page; empty: none")
	err = flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.devices < 10:
		err = fmt.Errorf("-devices is %d, and the story needs ten", o.devices)
	case o.silence <= 0:
		err = fmt.Errorf("-silence is %v", o.silence)
	}
	return o, err
}
