// Command tenants runs a service for each line of a file, which may be edited while it
// runs.
//
//	tenants FILE      # until it is asked to stop
//	tenants           # shows it with a file of its own, and ends
//
// README.md walks through it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/keyed"
)

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore) // a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], &lockedWriter{w: os.Stdout}, os.Stderr))
}

// run is the program: it returns the exit code. 0: it was asked to stop and did, or has shown
// all; 1: something went wrong; 2: the command line makes no sense.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var err error
	switch len(args) {
	case 0:
		err = demo(ctx, stdout)
	case 1:
		err = serve(ctx, args[0], stdout)
	default:
		fmt.Fprintln(stderr, "tenants: the arguments are one file, or none")
		return 2
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "tenants:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, path string, out io.Writer) error {
	root, _ := tree(func() ([]byte, error) { return os.ReadFile(path) }, time.Second, out)
	return root.Serve(ctx)
}

// tree is the whole program:
//
//	tenants
//	├─ file         looks at the file, and reconciles
//	└─ each         a service for each line, named after its first word
func tree(read func() ([]byte, error), every time.Duration, out io.Writer) (*tend.Supervisor, *keyed.Set[string]) {
	log := func(e tend.Event) {
		switch e.(type) {
		case tend.ServiceFailed, tend.ServiceStuck, tend.PauseBegan:
			fmt.Fprintln(out, e)
		default: // all is well, or the file's own lines say it
		}
	}
	root := tend.New("tenants", tend.Spec{StopWithin: 10 * time.Second, EventHook: log})
	each := keyed.New[string]("each", keyed.Spec{})
	root.Add(tend.Child{
		Service: &file{read: read, every: every, tenants: each, out: out},
		// What it cannot read now it may be able to read soon; tenants that run need no file.
		Backoff:      tend.Backoff{Min: every, Max: 60 * every},
		ReadyTimeout: time.Minute,
	})
	root.Add(each)
	return root, each
}

// demo edits a file while it is served.
func demo(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "tenants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tenants.txt")
	root, _ := tree(func() ([]byte, error) { return os.ReadFile(path) }, 100*time.Millisecond, out)
	done := root.ServeBackground(ctx)
	for _, edit := range []string{
		"anna 300ms hello\nbert 300ms good day\n",
		"anna 300ms hello\nbert 300ms panic\n",
		"anna 300ms hello\nbert 300ms good evening\ncleo 200ms hi\n",
		"bert three good evening\n",
		"cleo 200ms hi\n",
	} {
		fmt.Fprintf(out, "\n%s\n", edit)
		err = errors.Join(err, os.WriteFile(path, []byte(edit), 0o600))
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	fmt.Fprintf(out, "\n%s\n", root.Status())
	root.Stop()
	return errors.Join(err, <-done)
}

// lockedWriter lets several goroutines print lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
