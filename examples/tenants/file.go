package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/keyed"
)

// file is the service that looks at the file.
type file struct {
	read    func() ([]byte, error)
	every   time.Duration
	tenants *keyed.Set[string]
	out     io.Writer
}

func (f *file) String() string { return "file" }

// Serve reconciles the tenants with the file, and again whenever that has changed and is the
// same at two looks: an editor may be in the middle of it. At first an error is a failure;
// later the tenants stay as they are, and the status has the error.
func (f *file) Serve(ctx context.Context) error {
	seen, err := f.read()
	if err == nil {
		err = f.reconcile(seen)
	}
	if err != nil {
		return err
	}
	tend.Ready(ctx)
	done, stale := seen, false // stale: the status has an error that may be over
	var said error             // of the last that was reconciled
	for {
		select {
		case <-time.After(f.every):
		case <-ctx.Done():
			return nil
		}
		data, err := f.read()
		switch {
		case err != nil:
			stale = true
			note(ctx, err)
		case !bytes.Equal(data, seen):
			seen = data
		case !bytes.Equal(data, done):
			done, said, stale = data, f.reconcile(data), false
			note(ctx, said)
		case stale:
			stale = false
			note(ctx, said)
		}
	}
}

// note has the status say whether the tenants are those of the file.
func note(ctx context.Context, err error) {
	says := "is as the tenants are"
	if err != nil {
		says = err.Error()
	}
	tend.Annotate(ctx, slog.String("file", says))
}

// reconcile does what the file says, and tells what that was.
func (f *file) reconcile(data []byte) error {
	want, err := parse(data)
	if err != nil {
		fmt.Fprintf(f.out, "the tenants stay as they are: %v\n", err)
		return err
	}
	did := keyed.Reconcile(f.tenants, want, func(name string, s settings) tend.Service {
		return newTenant(name, s, f.out)
	})
	for _, c := range []struct {
		verb string
		keys []string
	}{{"added", did.Added}, {"replaced", did.Replaced}, {"removed", did.Removed}} {
		if len(c.keys) > 0 {
			slices.Sort(c.keys)
			fmt.Fprintf(f.out, "%s %s\n", c.verb, strings.Join(c.keys, ", "))
		}
	}
	return nil
}
