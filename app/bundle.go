package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/internal/goroutines"
)

// Bounds of crash bundles: a program that is started again and again, and fails
// each time, must not fill the disk.
const (
	bundlesKept  = 10
	bundlePeriod = time.Minute // between two of escalations
	partialAge   = time.Hour   // of one that nobody is writing any more
	traceLength  = 10 * time.Second
	traceSize    = 16 << 20 // bytes, about
)

// bundler writes crash bundles.
type bundler struct {
	dir     string // empty: it writes none
	name    string // of the program
	tree    *asked.Question[tend.Status]
	root    *tend.Supervisor
	journal *journal
	log     *slog.Logger
	flight  *trace.FlightRecorder // nil: there is no trace
	words   string                // path of the file of last words; empty: there is none

	mu   sync.Mutex // one at a time
	last time.Time  // of an escalation
}

// open makes the directory, sees to the last words and starts the flight recorder.
// That one cannot be started is no reason not to run: there may be only one in a
// program.
func (b *bundler) open(ctx context.Context) error {
	if b.dir == "" {
		return nil
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	b.listen(ctx)
	flight := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: traceLength, MaxBytes: traceSize})
	if err := flight.Start(); err != nil {
		b.log.LogAttrs(ctx, slog.LevelWarn, "crash bundles will hold no trace", slog.Any("error", err))
		return nil
	}
	b.flight = flight
	return nil
}

func (b *bundler) close() {
	b.silence()
	if b.flight != nil {
		b.flight.Stop()
	}
}

// escalated writes a bundle about an escalation, in a goroutine of its own, unless
// one is being written or there has been an escalation just now.
func (b *bundler) escalated(e tend.Escalated) {
	if b.dir == "" || !b.mu.TryLock() {
		return
	}
	now := time.Now()
	if !b.last.IsZero() && now.Sub(b.last) < bundlePeriod {
		b.mu.Unlock()
		return
	}
	b.last = now
	go func() {
		defer b.mu.Unlock()
		b.write(e.Err.Error())
	}()
}

// about writes a bundle, after those that are being written.
func (b *bundler) about(reason string) {
	if b.dir == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write(reason)
}

// wait returns when no bundle is being written.
func (b *bundler) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
}

// write writes a bundle and forgets old ones. The caller holds b.mu.
func (b *bundler) write(reason string) {
	ctx := context.Background()
	path, err := b.bundle(ctx, reason)
	if err != nil {
		b.log.LogAttrs(ctx, slog.LevelError, "no crash bundle", slog.Any("error", err))
		return
	}
	b.log.LogAttrs(ctx, slog.LevelWarn, "crash bundle written", slog.String("path", path))
	if err := b.prune(); err != nil {
		b.log.LogAttrs(ctx, slog.LevelWarn, "old crash bundles stay", slog.Any("error", err))
	}
}

// bundle makes the directory under another name first: one that is there is
// whole.
func (b *bundler) bundle(ctx context.Context, reason string) (string, error) {
	partial, err := os.MkdirTemp(b.dir, "."+b.prefix())
	if err != nil {
		return "", err
	}
	tree, treeErr := b.tree.Answer(ctx)
	errs := []error{
		treeErr,
		file(partial, "report.txt", func(w io.Writer) error { return b.report(w, reason, tree) }),
		file(partial, "tree.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(tree) }),
		file(partial, "events.jsonl", func(w io.Writer) error { return writeEvents(w, b.journal.latest()) }),
		file(partial, "goroutines.txt", writeGoroutines),
	}
	if b.flight != nil {
		errs = append(errs, file(partial, "trace.out", func(w io.Writer) error {
			_, err := b.flight.WriteTo(w)
			return err
		}))
	}
	path := filepath.Join(b.dir, b.prefix()+stamp())
	if err := os.Rename(partial, path); err != nil {
		return "", errors.Join(append(errs, err, os.RemoveAll(partial))...)
	}
	if err := errors.Join(errs...); err != nil {
		b.log.LogAttrs(ctx, slog.LevelWarn, "crash bundle is not complete", slog.Any("error", err))
	}
	return path, nil
}

// report is what a person reads first.
func (b *bundler) report(w io.Writer, reason string, tree tend.Status) error {
	fmt.Fprintf(w, "%s, process %d, %s\n%s\n\n%s", b.name, os.Getpid(), time.Now().Format(time.RFC3339), reason, tree)
	printHung(w, b.root, hanging(tree, b.root.UnstoppedServices()), false)
	return nil
}

// prefix is the beginning of the names of bundles of this program.
func (b *bundler) prefix() string {
	return strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			return c
		}
		return '_'
	}, b.name) + "-crash-"
}

// stamp is now, for names that are to sort by time.
func stamp() string { return time.Now().UTC().Format("20060102T150405.000000Z") }

// oldestFirst has sorted names, which begin with the prefix and a stamp, by their age. A
// stamp from the future is from before the clock was set back.
func (b *bundler) oldestFirst(names []string) []string {
	future, _ := slices.BinarySearch(names, b.prefix()+stamp()+"~") // behind all those of now
	return slices.Concat(names[future:], names[:future])
}

// prune removes all but the newest bundles, and what a program that ended in the middle
// of writing one has left.
func (b *bundler) prune() error {
	dir := os.DirFS(b.dir)
	paths, _ := fs.Glob(dir, b.prefix()+"[0-9]*T[0-9]*Z") // the pattern is good
	partial, _ := fs.Glob(dir, "."+b.prefix()+"*")
	var errs []error
	for _, path := range partial {
		if info, err := fs.Stat(dir, path); err == nil && time.Since(info.ModTime()) > partialAge {
			errs = append(errs, os.RemoveAll(filepath.Join(b.dir, path)))
		}
	}
	paths = b.oldestFirst(paths)
	for i, name := range paths {
		paths[i] = filepath.Join(b.dir, name)
	}
	return errors.Join(append(errs, removeOldest(paths, bundlesKept))...)
}

// file writes one file that only the user of the program may read.
func file(dir, name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := try(func() error { return write(f) }); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return f.Close()
}

// writeEvents writes each event as it is in JSON, which [tend.Kind.Decode] reads.
func writeEvents(w io.Writer, events []tend.Event) error {
	encoder := json.NewEncoder(w)
	for _, e := range events {
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

func writeGoroutines(w io.Writer) error {
	if tooMany := goroutines.Check(); tooMany != nil {
		_, err := fmt.Fprintf(w, "not written: %v\n", tooMany)
		return err
	}
	return pprof.Lookup("goroutine").WriteTo(w, 2)
}
