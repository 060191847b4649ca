package health

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
)

// run is one execution of a probe's check. The plan makes it and decides when it is
// over; a goroutine carries it out.
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

// runKey is the key of the run in the context of a check.
type runKey struct{}

// isEarly says whether the check would judge the life of a service that is still
// starting. Its supervisor is asked, which may take its time: not with a lock held.
func (r *run) isEarly() bool {
	return r.probe.Kind == Liveness && r.entry.watch != nil && r.entry.watch.starting()
}

// abort ends the context of the check, even if that has not begun yet.
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

// noted is what the check has said by Detail so far.
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

// do runs the check and hands its outcome, with a reason by why, to landed, however it
// ends.
func (r *run) do(ctx context.Context, why func(error) tend.Reason, landed func(outcome)) {
	ctx, cancel := r.context(ctx)
	o := failure(errGoexit) // unless it returns
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
	}, caught)
	o = outcomeOf(err, why, nil)
	o.listed = listed
}
