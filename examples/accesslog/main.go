// Command accesslog counts the requests in a web server's access log, in common
// or combined format.
//
//	accesslog [-follow] [-http address] [-v] [file]
//
// Without a file it reads a sample that comes with it. It shows what a program
// on tend looks like; README.md walks through it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	path   string // empty: the sample
	follow bool
	http   string
	all    bool // to be logged
}

// run is the program: it returns the exit code. 0: the log is counted, or it was
// asked to stop and did; 1: it could not, and said why; 2: the command line.
func run(args []string, stdout, stderr io.Writer) int {
	opts, err := parseArgs(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	slog.SetDefault(newLogger(stderr, opts.all))
	if err := count(opts, stdout); err != nil {
		fmt.Fprintln(stderr, "accesslog:", err)
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("accesslog", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: accesslog [-follow] [-http address] [-v] [file]\n\nCounts the requests in an access log; without a file, in a sample.")
		flags.PrintDefaults()
	}
	flags.BoolVar(&o.follow, "follow", false, "go on when the end is reached, also in the file that replaces it")
	flags.StringVar(&o.http, "http", "127.0.0.1:0", "serve the counts at this `address`")
	flags.BoolVar(&o.all, "v", false, "log all that the tree does, and not only what is out of the ordinary")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 1 {
		err = fmt.Errorf("one file, not %q", flags.Args())
		fmt.Fprintln(stderr, "accesslog:", err)
		flags.Usage()
	}
	o.path = flags.Arg(0)
	return o, err
}

// check finds what is wrong with o before anything is started. What goes wrong
// later is the tree's to deal with.
func (o options) check() error {
	if err := sourceOf(o.path).check(); err != nil {
		return fmt.Errorf("cannot read the log: %w", err)
	}
	listener, err := net.Listen("tcp", o.http)
	if err != nil {
		return fmt.Errorf("cannot serve the counts: %w", err)
	}
	return listener.Close()
}

var errCounted = errors.New("the log is counted")

// count runs the tree until the log is counted or a signal comes. A second
// signal ends the program at once, as if nobody had asked for the first.
func count(o options, stdout io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	j := newJob(sourceOf(o.path), o.follow, parse, at(o.http))

	signalled, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	wanted := make(chan os.Signal, 1)
	notifyStatus(wanted)
	defer signal.Stop(wanted)

	ctx, finish := context.WithCancelCause(context.Background())
	defer finish(nil)
	unwatch := context.AfterFunc(signalled, func() {
		restore()
		slog.Info("stopping; another signal ends it at once") // before it stops, which may take no time
		finish(context.Cause(signalled))
	})
	defer unwatch()
	ended := j.root.ServeBackground(ctx)
	complete := j.store.complete
	for {
		select {
		case <-wanted:
			fmt.Fprintln(stdout, j.root.Status())
		case <-complete:
			complete = nil
			fmt.Fprintln(stdout, j.root.Status())
			finish(errCounted)
		case err := <-ended:
			if ctx.Err() != nil {
				err = nil // it was asked to, whatever it says
			}
			return j.report(err, stdout)
		}
	}
}

// report says how it ended; err is why the tree did if nobody asked it to.
func (j job) report(err error, stdout io.Writer) error {
	if left := j.root.UnstoppedServices(); len(left) > 0 {
		return fmt.Errorf("%s and %d more did not stop", left[0].Path(), len(left)-1)
	}
	j.store.counts.print(stdout) // nobody else is left
	if n := j.crashes(); n > 0 {
		fmt.Fprintf(stdout, "\nParsers crashed %d times and were started again; -v logs each new crash with its stack.\n", n)
	}
	return err
}

// crashes is how often parsers have crashed, which costs no line.
func (j job) crashes() (n uint64) {
	tree := j.root.Status()
	for _, c := range tree.All() {
		if strings.HasPrefix(c.Name, "parser-") {
			n += c.Failed
		}
	}
	return n
}
