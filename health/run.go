package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// run is one execution of a probe's check. The plan makes it and says when it is
// over; the goroutine of the check carries it out.
type run struct {
	entry    *entry
	probe    Probe // as it was when the run started
	start    time.Time
	deadline time.Time
	slow     bool // it has one of the slots of the slow

	mu      sync.Mutex // guards what follows
	cancel  context.CancelFunc
	aborted bool
	details []slog.Attr
}

// runKey is under which a check's context carries its run.
type runKey struct{}

// abort ends the context of the check, also one that has not begun yet.
func (r *run) abort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aborted = true
	if r.cancel != nil {
		r.cancel()
	}
}

func (r *run) detail(attrs []slog.Attr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := maxDetails - len(r.details)
	r.details = append(r.details, attrs[:min(room, len(attrs))]...)
}

// noted is what the check has told by Detail so far.
func (r *run) noted() []slog.Attr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.details)
}

// context makes the context of the check.
func (r *run) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadlineCause(ctx, r.deadline, ErrTimeout)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel = cancel
	if r.aborted {
		cancel()
	}
	return context.WithValue(ctx, runKey{}, r), cancel
}

// do runs the check and hands its outcome to landed, however it ends.
func (r *run) do(ctx context.Context, landed func(outcome)) {
	ctx, cancel := r.context(ctx)
	o := outcome{mark: failed, err: errGoexit, text: errGoexit.Error()}
	defer func() {
		cancel()
		o.details = r.noted()
		landed(o)
	}()
	var listed *listing
	err := guard.Try(func() (err error) {
		if r.probe.List == nil {
			return r.probe.Check(ctx)
		}
		listed, err = list(ctx, r.probe.List)
		return err
	}, newPanicError)
	o = outcomeOf(err, nil)
	o.listed = listed
}

// listing is what a source has said there should be.
type listing struct {
	probes []Probe         // complete, in the order of names
	bad    map[string]bool // names of probes that make no sense: they are kept as they were
}

// list asks a source. The listing is nil if the source does not know; bad probes
// are an error beside one.
func list(ctx context.Context, source func(context.Context) ([]Probe, error)) (*listing, error) {
	probes, err := source(ctx)
	if err != nil && !isWarning(err) {
		return nil, err
	}
	l := &listing{bad: map[string]bool{}}
	var errs []error
	for _, p := range probes {
		whole, bad := p.complete()
		if bad == nil && p.List != nil {
			bad = fmt.Errorf("health: probe %q: a listed probe cannot be a source", p.Name)
		}
		if bad != nil {
			l.bad[p.Name] = true
			errs = append(errs, bad)
			continue
		}
		l.probes = append(l.probes, whole)
	}
	slices.SortStableFunc(l.probes, func(a, b Probe) int { return cmp.Compare(a.Name, b.Name) })
	if errs != nil {
		err = errors.Join(errs...)
	}
	return l, err
}

// newPanicError is for guard.Try.
func newPanicError(v any) error {
	return &PanicError{Value: v, Stack: string(debug.Stack()), text: said.Panic(v)}
}
