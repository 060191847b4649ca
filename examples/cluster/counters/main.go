// Counters is a counter for each of 100,000 keys, in three processes of which one is killed
// in the middle. Each counter is an entity: it lives where its key's shard is, begins when it
// is asked, and keeps its state in a store that refuses old tokens. At the end each increment
// is there, once:
//
//	go run ./examples/cluster/counters               # half a minute; exit code 0 if none is lost or doubled
//	go run ./examples/cluster/counters -keys 1000    # a few seconds
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
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is the driver, or, if the first argument says so, one of the nodes that it starts.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	start := runDriver
	if len(args) > 0 && args[0] == "node" {
		start, args = runNode, args[1:]
	}
	code, err := start(ctx, args, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "counters:", err)
	}
	return code
}
