// Tendtop shows a tree of services live in a terminal, over SSH too. It asks the page of
// package observe, which the debug listener of package app has at /debug/tree/.
//
//	tendtop [-every 1s] [-q text] [address]
//	tendtop -once [address]
//
// The address is that of the listener, "localhost:6060" by default, or a URL of the page
// if it is somewhere else, or "unix:" and the path of a socket. What listens on loopback
// of another machine is reached with ssh -L 6060:localhost:6060 machine.
//
// With -once it prints the tree as text, for scripts. The exit code is 0 if the tree is
// ready, 1 if it is not, and 2 if it cannot be asked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	address string
	once    bool
	every   time.Duration
	query   string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	c, err := newClient(o.address)
	if err != nil {
		fmt.Fprintln(stderr, "tendtop:", err)
		return 2
	}
	if o.once {
		return once(ctx, c, stdout, stderr)
	}
	m := newModel(c, o)
	if _, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithAltScreen(), tea.WithOutput(stdout)).Run(); err != nil {
		fmt.Fprintln(stderr, "tendtop:", err)
		return 2
	}
	return 0
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("tendtop", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: tendtop [-every 1s] [-q text] [address]\n       tendtop -once [address]\n\nShows a tree of services live; the address is that of the debug listener, or a URL of the page.")
		flags.PrintDefaults()
	}
	flags.BoolVar(&o.once, "once", false, "print the tree as text; exit code 0: it is ready, 1: it is not, 2: it cannot be asked")
	flags.DurationVar(&o.every, "every", time.Second, "ask this often")
	flags.StringVar(&o.query, "q", "", "show what has this `text` in its path, state or last failure")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 1:
		err = fmt.Errorf("one address, not %q", flags.Args())
	case o.every < 100*time.Millisecond:
		err = fmt.Errorf("-every is %v, less than 100ms", o.every)
	case o.once && o.query != "":
		err = errors.New("-once prints all of the tree and takes no -q; api/tree?format=text&q= of the page finds what has a text")
	}
	if err != nil {
		fmt.Fprintln(stderr, "tendtop:", err)
		return o, err
	}
	if o.address = "localhost:6060"; flags.NArg() > 0 {
		o.address = flags.Arg(0)
	}
	return o, nil
}

// once prints the tree.
func once(ctx context.Context, c *client, stdout, stderr io.Writer) int {
	status, err := c.tree(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "tendtop:", err)
		return 2
	}
	fmt.Fprint(stdout, status)
	if err := status.Ready(); err != nil {
		fmt.Fprintln(stderr, "tendtop: not ready:", err)
		return 1
	}
	return 0
}
