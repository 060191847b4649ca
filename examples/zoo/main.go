// Zoo is a tree of some ninety services with every kind of trouble that there is, actors
// among them, made to be looked at:
//
//	go run ./examples/zoo
//
// and then at http://localhost:8080/debug/tree/ in a browser. With -n 10000 it is
// filled with that many more services; with -failures 100 so many of them fail each
// second.
//
// Its main function is package app's: kill -USR1 prints the tree and where it hangs,
// Ctrl-C stops it. Not all of the animals heed that, so the program tells which did
// not, and ends with 1. A second Ctrl-C does not wait for them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
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
		fmt.Fprintln(os.Stderr, "zoo:", err)
		os.Exit(2)
	}
	app.Main(root, options)
}

// open makes the tree that the command line asks for, and what shows it.
func open(args []string) (*tend.Supervisor, app.Options, error) {
	flags := flag.NewFlagSet("zoo", flag.ContinueOnError)
	addr := flags.String("http", "127.0.0.1:8080", "address of the page")
	n := flags.Int("n", 0, "so many more services")
	failures := flags.Float64("failures", 10, "failures per second among them")
	verbose := flags.Bool("v", false, "log the events too")
	err := flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *n < 0:
		err = fmt.Errorf("-n is %d", *n)
	case !(*failures >= 0):
		err = fmt.Errorf("-failures is %v", *failures)
	}
	if err != nil {
		return nil, app.Options{}, err
	}
	root := newZoo(*n, *failures, *verbose)
	return root, app.Options{Debug: *addr, Tree: newPage(root)}, nil
}

func newZoo(n int, failures float64, verbose bool) *tend.Supervisor {
	spec := tend.Spec{Timeout: 3 * time.Second}
	if !verbose {
		spec.EventHook = func(tend.Event) {}
	}
	root := tend.New("zoo", spec)
	addAnimals(root)
	if n > 0 {
		root.Add(newFleet(n, failures))
	}
	return root
}

// newPage has buttons. Whoever can reach a loopback address of this machine may use
// them: right for a zoo, not for a program that matters.
func newPage(root *tend.Supervisor) http.Handler {
	return observe.Handler(root, observe.Options{
		Allow: func(*http.Request, observe.Action, tend.ServiceStatus) error { return nil },
	})
}
