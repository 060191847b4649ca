package tend

import (
	"context"
	"log/slog"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// run is one incarnation of a service that has a goroutine: one call of Serve,
// with the helpers that it starts. It is also the bottom of the context that the
// service gets, so that the functions of this package that talk to the supervisor
// find it there.
type run struct {
	node   *node
	number uint64                  // the incarnation
	base   context.Context         // the values of the context that the supervisor is served with, and the labels
	cancel context.CancelCauseFunc // set before the goroutine starts
	more   atomic.Pointer[runMore]
}

// runMore is what few runs need. closedRun takes its place once the run is over.
type runMore struct {
	mu          sync.Mutex
	helpers     int
	joined      chan struct{} // made by the run when it waits for its helpers
	failed      *outcome      // of the first helper that failed
	annotations []slog.Attr
	stopBy      time.Time    // see Supervisor.limit
	ready       bool         // it has said so
	why         *explanation // of its cancel, for a supervisor that it serves

	// Of the watchdog; the clock is set before the run starts.
	clock    *clock
	beats    atomic.Uint64
	lastBeat atomic.Int64 // an instant
}

var closedRun = &runMore{}

// open returns the run's further fields, nil if it is over.
func (r *run) open() *runMore {
	m := r.more.Load()
	for m == nil {
		r.more.CompareAndSwap(nil, &runMore{})
		m = r.more.Load()
	}
	if m == closedRun {
		return nil
	}
	return m
}

// isFirstReady: the run lives and has not said before that it is ready. It may say so
// in every round of its loop, and the supervisor is to hear it once.
func (r *run) isFirstReady() bool {
	m := r.open()
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.ready
	m.ready = true
	return first
}

// isSupervisor: the service is s itself, and so serves it as long as it runs.
func (r *run) isSupervisor(s *Supervisor) bool {
	found, direct := supervisorIn(innermost(r.node.svc))
	return direct && found == s
}

// post tells the supervisor something about the run.
func (r *run) post(m message) { r.node.sup.post(m) }

type runKey struct{}

// runOf finds the run whose context ctx is, or comes from.
func runOf(ctx context.Context) *run {
	r, _ := ctx.Value(runKey{}).(*run)
	return r
}

// Deadline, Done and Err hide the end of the supervisor's context; Value adds the
// run itself to its values.

func (r *run) Deadline() (time.Time, bool) { return time.Time{}, false }
func (r *run) Done() <-chan struct{}       { return nil }
func (r *run) Err() error                  { return nil }

func (r *run) Value(key any) any {
	if _, ok := key.(runKey); ok {
		return r
	}
	return r.base.Value(key)
}

// main is the goroutine of a run; fresh: the run's context has no labels yet. An
// idle service should fit into the 2 KiB of stack that a goroutine starts with:
// keep this frame small and call Serve from it directly.
func (r *run) main(ctx context.Context, fresh bool) {
	if !r.node.sup.plan.spec.NoLabels {
		if fresh {
			r.base = r.node.labelled(r.base)
		}
		pprof.SetGoroutineLabels(r.base)
	}
	var out *outcome // made when there is one: an idle run does without
	returned := false
	defer func() { r.end(out) }()
	defer func() {
		if !returned {
			out = r.broken(recover())
		}
	}()
	err := r.node.svc.Serve(ctx)
	returned = true
	out = r.newOutcome(err)
}

// end waits for the helpers of a run whose Serve has ended, asks user code what
// the error is and tells the supervisor, whatever that code does.
func (r *run) end(out *outcome) {
	if out == nil { // a panic is passed through: the program is about to end
		return
	}
	out = r.join(out)
	defer r.report(out)
	out.judge()
}

// report tells the supervisor that the run is over.
func (r *run) report(out *outcome) {
	out.why.Text = out.why.Error() // the type, if judging it did not come to an end
	r.post(exited{out})
}
