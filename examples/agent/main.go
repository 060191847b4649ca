// Command agent looks after plugins that run as daemons, and reports on them to a
// server.
//
//	agent [-plugins file -server url [-intervals file]]
//
// Without arguments it brings plugins and a server of its own. README.md says what
// it shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "plugin" {
		os.Exit(pluginProgram(os.Args[2:], os.Stdout, os.Stderr))
	}
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore) // a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	plugins, intervals, server string
}

// run is the program: it returns the exit code. 0: it was asked to stop, or the
// plugins of its own did what they should; 1: it could not, and said why; 2: the
// command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if opts.plugins == "" {
		err = showDemo(ctx, stdout, log)
	} else {
		err = look(ctx, opts, log)
	}
	if err != nil {
		fmt.Fprintln(stderr, "agent:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.plugins, "plugins", "", "a JSON `file` of plugins")
	flags.StringVar(&o.intervals, "intervals", "", "a JSON `file` that says how often to do what")
	flags.StringVar(&o.server, "server", "", "the `url` that reports go to")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(flags.Args()); err != nil {
		fmt.Fprintln(stderr, "agent:", err)
		return o, err
	}
	return o, nil
}

func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected %q", rest)
	}
	if (o.plugins == "") != (o.server == "") {
		return errors.New("-plugins and -server go together")
	}
	if o.server == "" && o.intervals != "" {
		return errors.New("-intervals needs -plugins and -server")
	}
	if o.server == "" {
		return nil
	}
	if u, err := url.Parse(o.server); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
		return fmt.Errorf("-server is %q, not http://host", o.server)
	}
	o.server = strings.TrimSuffix(o.server, "/")
	return nil
}

// look runs the agent until ctx is done.
func look(ctx context.Context, o options, log *slog.Logger) error {
	when, err := o.schedule()
	if err != nil {
		return err
	}
	plugins := pluginsIn(o.plugins)
	if _, err := plugins(); err != nil { // later somebody may mend it meanwhile
		return err
	}
	return serve(ctx, plugins, o.server, when, log)
}

// schedule is the usual one, but for what a file says.
func (o *options) schedule() (schedule, error) {
	if o.intervals == "" {
		return usual, nil
	}
	f, err := os.Open(o.intervals)
	if err != nil {
		return usual, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return loadIntervals(f, usual)
}

// showDemo runs the agent with plugins and a server of its own, until these have
// seen all that there is to see.
func showDemo(ctx context.Context, stdout io.Writer, log *slog.Logger) error {
	d, err := newDemo(stdout)
	if err != nil {
		return err
	}
	defer d.close()
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	go func() {
		select {
		case <-d.seen:
			cancel()
		case <-limited.Done():
		}
	}()
	if err := serve(limited, pluginsIn(d.file()), d.url, hurried, log); err != nil {
		return err
	}
	if errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the server has waited in vain for %v", d.missing())
	}
	return nil
}

// serve runs the tree. It returns nil when ctx has ended it.
func serve(ctx context.Context, plugins func() ([]plugin, error), url string, when schedule, log *slog.Logger) error {
	a, err := newAgent(plugins, &remote{url: url, client: client}, processes{}, when, log)
	if err != nil {
		return err
	}
	err = a.root.Serve(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
