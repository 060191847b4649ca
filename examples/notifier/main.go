// Command notifier sends notifications from a store to several receivers, over
// HTTP, until each of them has got each notification once.
//
//	notifier [-store file] [-to name=url]... [flags]
//
// Without receivers it starts some of its own, on this machine, that fail now and
// then, and works in a hurry. README.md says what it shows.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/tend-go/tend"
)

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore) // a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

//go:embed sample.json
var sample []byte

// options are the command line.
type options struct {
	store    string // empty: the sample
	to       []receiverAddress
	http     string
	poll     time.Duration
	attempts int
	first    time.Duration
	longest  time.Duration
	forever  bool
}

type receiverAddress struct{ name, url string }

// run is the program: it returns the exit code. 0: everything was sent, or it was
// asked to stop and did; 1: it could not, and said why; 2: the command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := notify(ctx, opts, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "notifier:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("notifier", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.store, "store", "", "a JSON `file` of notifications; without it, a sample")
	flags.Func("to", "a receiver, `name=url`; may be repeated", func(s string) error {
		name, address, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return errors.New("not of the form name=http://host/path")
		}
		o.to = append(o.to, receiverAddress{name, address})
		return nil
	})
	flags.StringVar(&o.http, "http", "127.0.0.1:0", "serve /livez and /readyz at this `address`")
	flags.DurationVar(&o.poll, "poll", 0, "how often to look for work (default 5m, or 500ms without -to)")
	flags.IntVar(&o.attempts, "attempts", 4, "after how many attempts to give up until the next poll")
	flags.DurationVar(&o.first, "first", 0, "the wait after the first failed attempt, doubling (default 1s, or 20ms without -to)")
	flags.DurationVar(&o.longest, "longest", 15*time.Minute, "the longest wait")
	flags.BoolVar(&o.forever, "forever", false, "go on when the store is empty")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if err := o.check(flags.Args()); err != nil {
		fmt.Fprintln(stderr, "notifier:", err)
		return o, err
	}
	return o, nil
}

// check fills in what depends on other options and says what makes no sense.
func (o *options) check(rest []string) error {
	poll, first := 5*time.Minute, time.Second
	if len(o.to) == 0 {
		poll, first = 500*time.Millisecond, 20*time.Millisecond
	}
	if o.poll == 0 {
		o.poll = poll
	}
	if o.first == 0 {
		o.first = first
	}
	switch {
	case o.twice() != "":
		return fmt.Errorf("two receivers are called %q", o.twice())
	case len(rest) > 0:
		return fmt.Errorf("unexpected %q", rest)
	case o.poll < 0:
		return fmt.Errorf("-poll is %v", o.poll)
	case o.attempts < 1:
		return fmt.Errorf("-attempts is %d", o.attempts)
	}
	return o.backoff().Validate()
}

// twice is a name that two receivers have: the store could not tell them apart.
func (o *options) twice() string {
	seen := map[string]bool{}
	for _, r := range o.to {
		if seen[r.name] {
			return r.name
		}
		seen[r.name] = true
	}
	return ""
}

func (o *options) backoff() tend.Backoff {
	return tend.Backoff{Min: o.first, Max: o.longest}
}

// notify runs the tree until the store is empty or ctx is done.
func notify(ctx context.Context, o options, stdout, stderr io.Writer) error {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	queue, err := openStore(o.store)
	if err != nil {
		return err
	}
	if len(o.to) == 0 {
		own, err := startReceivers()
		if err != nil {
			return err
		}
		defer own.print(stdout)
		defer own.close()
		o.to = own.addresses()
	}
	n := &notifier{
		store: queue, senders: webhooks(o.to, o.longest, log), owner: owner(), poll: o.poll, backoff: o.backoff(), attempts: o.attempts,
		timeout: 10 * time.Second, lockTTL: 10 * time.Minute, untilEmpty: !o.forever, log: log,
	}
	root, _, err := tree(n, o.http)
	if err != nil {
		return err
	}
	err = root.Serve(ctx)
	if left, _ := queue.size(ctx); left > 0 {
		log.LogAttrs(ctx, slog.LevelWarn, "stopped", slog.Int("left", left))
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, errDisabled):
		return errDisabled
	case errors.Is(err, tend.ErrDoNotRestart):
		return nil
	}
	return err
}

// openStore reads a file of notifications, or the sample.
func openStore(path string) (*memory, error) {
	if path == "" {
		return load(bytes.NewReader(sample))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return load(f)
}

// owner names this run in the store, for no other run that ever was or will be: host
// and process id do not, they come again in a container that is restarted. They are in
// the name for people.
func owner() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text())
}
