// Cluster is a bank in one command: an engine, a vault, three processes that keep its
// accounts between them, and a driver that kills one of them, pauses one and stops one. It
// tells what comes of that, and has a checker judge it:
//
//	go run ./examples/cluster                           # about 40 s, and exit code 0 if all went as it should
//	go run ./examples/cluster -nofence -chapters pause  # a vault that takes all: the checker says no, exit code 1
//	go run ./examples/cluster -http :8080               # with the page, where nodes can be suspended and restarted, until Ctrl-C
//
// Nothing has to be installed: the engine is an etcd in the program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is the driver, or, if the first argument says so, one of the nodes that it starts.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	start := runBank
	if len(args) > 0 && args[0] == "node" {
		start, args = runNode, args[1:]
	}
	code, err := start(ctx, args, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "cluster:", err)
	}
	return code
}

// What all programs of the fleet have to agree on.
const (
	fleet  = "bank"
	shards = 24
)

// settings are of the driver.
type settings struct {
	ttl      time.Duration
	http     string
	chapters []string
	nofence  bool
	verbose  bool
}

var allChapters = []string{"kill", "pause", "stop"}

func parse(args []string, stderr io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&s.ttl, "ttl", 5*time.Second, "after this much silence the engine gives claims away; whole seconds")
	flags.StringVar(&s.http, "http", "", "address of the page; empty: none")
	chapters := flags.String("chapters", strings.Join(allChapters, ","), "what is to happen")
	flags.BoolVar(&s.nofence, "nofence", false, "the vault takes whatever comes: see what fences are for")
	flags.BoolVar(&s.verbose, "v", false, "log what the nodes log")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.chapters = strings.Split(*chapters, ",")
	for _, c := range s.chapters {
		if !slices.Contains(allChapters, c) {
			return s, fmt.Errorf("there is no chapter %q; there are %s", c, strings.Join(allChapters, ", "))
		}
	}
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.ttl < 2*time.Second || s.ttl%time.Second != 0:
		err = fmt.Errorf("-ttl is %v, and is to be whole seconds, at least two", s.ttl)
	}
	return s, err
}
