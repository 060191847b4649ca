package app

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// kept is how many of the last events a crash bundle holds.
const kept = 1000

// journal reads the events of the tree: it keeps the last ones, notices when the
// tree begins to stop by itself, and logs what each supervisor took to stop.
type journal struct {
	root      string // path
	tree      *asker
	log       *slog.Logger
	stopping  func(at time.Time, why string)
	escalated func(text string)
	done      chan struct{} // closed when the root has stopped

	mu    sync.Mutex
	ring  []tend.Event // the last ones; next is where the oldest is
	next  int
	began time.Time // when the stop began

	watch *stopwatch // of read
}

// read reads until events end. It logs in its own goroutine: should the logger
// hang, events are dropped, and nothing else waits.
func (j *journal) read(ctx context.Context, events iter.Seq[tend.Event]) {
	for e := range events {
		j.keep(e)
		j.notice(e)
		j.measure(ctx, e)
		if stopped, ok := e.(tend.SupervisorStopped); ok && stopped.Supervisor == j.root {
			close(j.done)
			return
		}
	}
}

// wait waits until the last event has been read, at most d.
func (j *journal) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-j.done:
	case <-timer.C:
	}
}

// keep puts e into the ring.
func (j *journal) keep(e tend.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < kept {
		j.ring = append(j.ring, e)
		return
	}
	j.ring[j.next] = e
	j.next = (j.next + 1) % kept
}

// latest are the events in the ring, oldest first.
func (j *journal) latest() []tend.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append(append([]tend.Event(nil), j.ring[j.next:]...), j.ring[:j.next]...)
}

// stopBegan says when the root began to stop.
func (j *journal) stopBegan(at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.began = at
}

// notice tells others of what concerns them.
func (j *journal) notice(e tend.Event) {
	if escalated, ok := e.(tend.Escalated); ok {
		j.escalated(escalated.Err.Error())
	}
	if e.From().Supervisor == j.root && endsTree(e) {
		j.stopping(e.From().Time, e.String())
	}
}

// endsTree reports whether an event of a supervisor says that it has begun to
// stop by itself, or has been stopped. That is so if it escalates, a service asks
// for it (such a one has ended by its own will and will not stay down), or
// services are told to end for a reason that is none of a single service.
func endsTree(e tend.Event) bool {
	switch e := e.(type) { //nolint:gochecksumtype // the others do not
	case tend.Escalated:
		return true
	case tend.ServiceEnded:
		if e.Cause == nil {
			return e.Next == tend.StatePending
		}
		return errors.Is(e.Cause, tend.ErrStopped) || errors.Is(e.Cause, tend.ErrDoNotRestart) || errors.Is(e.Cause, tend.ErrTerminateTree)
	}
	return false
}

// measure logs how long supervisors take to stop, once the root has begun to.
func (j *journal) measure(ctx context.Context, e tend.Event) {
	j.mu.Lock()
	began := j.began
	j.mu.Unlock()
	if began.IsZero() {
		return
	}
	if j.watch == nil {
		tree, err := j.tree.status(ctx)
		if err != nil {
			tree = tend.Status{Path: j.root} // better all from the beginning than nothing
		}
		j.watch = newStopwatch(tree, began)
	}
	if took, through := j.watch.see(e); through {
		j.log.LogAttrs(ctx, slog.LevelInfo, "stop took", slog.String("supervisor", e.From().Supervisor), slog.Duration("took", took))
	}
}
