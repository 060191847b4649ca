package tend

import (
	"context"
	"log/slog"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend/internal/stopped"
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

// runMore is what few runs need. Three that are nobody's stand for what there is to
// say of a run without them.
type runMore struct {
	mu          sync.Mutex
	asked       bool // to stop
	helpers     int
	joined      chan struct{} // made by the run when it waits for its helpers
	failed      *outcome      // of the first helper that failed
	refused     bool          // a helper was to be started after Serve had returned
	annotations []slog.Attr
	limited     bool          // a supervisor that it serves
	stopBy      instant       // … by then: see Supervisor.limit
	latent      bool          // it has no goroutine; set before anybody has the run
	expected    bool          // it is to say that it is ready, or has said it in vain
	unready     bool          // it is to say that it is ready, and has not yet
	muted       bool          // a test does not want that to be heard
	missed      bool          // it has said so meanwhile
	beside      bool          // for a test: see node.isBeside; set before the run starts
	struck      bool          // a test says how it fails
	why         *explanation  // of its cancel, for a supervisor that it serves
	hastened    chan struct{} // see Supervisor.hasten; nil: nobody waits for that

	// Of the watchdog; the clock is set before the run starts.
	clock    *clock
	beats    atomic.Uint64
	lastBeat atomic.Int64 // an instant
}

var (
	askedRun   = &runMore{} // it has been asked to stop
	closedRun  = &runMore{} // it is over
	refusedRun = &runMore{} // it is over, and that was told who wanted to start a helper
)

// own returns the run's further fields, nil if it has none.
func (r *run) own() *runMore {
	switch m := r.more.Load(); m {
	case askedRun, closedRun, refusedRun:
		return nil
	default:
		return m
	}
}

// open returns the run's further fields, and makes them; nil if it is over.
func (r *run) open() *runMore {
	for {
		switch m := r.more.Load(); m {
		case closedRun, refusedRun:
			return nil
		case nil:
			r.more.CompareAndSwap(nil, &runMore{})
		case askedRun:
			r.more.CompareAndSwap(askedRun, &runMore{asked: true})
		default:
			return m
		}
	}
}

// ask cancels the context of the run.
func (r *run) ask(cause error) {
	if r.more.CompareAndSwap(nil, askedRun) {
		r.cancel(cause)
		return
	}
	if m := r.own(); m != nil {
		m.mu.Lock()
		m.asked = true
		m.mu.Unlock()
	}
	r.cancel(cause)
}

// isFirstReady: the run has to say that it is ready, and has not said so before. It
// may do that in every round of its loop, and the supervisor is to hear it once.
func (r *run) isFirstReady() bool {
	m := r.own()
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.unready
	m.unready = false
	if m.muted {
		m.missed = m.missed || first
		return false
	}
	return first
}

// isInVain: the run says for the first time that it is ready, which others might wait for
// but do not.
func (r *run) isInVain() bool {
	if !r.node.sup.plan.spec.Ordered { // immutable
		return false
	}
	m := r.open()
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.expected
	m.expected = true
	return first
}

// isSupervisor: there is a run, and its service is s itself, and so serves it as long as
// it runs.
func (r *run) isSupervisor(s *Supervisor) bool {
	if r == nil {
		return false
	}
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

// Done and Err hide the end of the supervisor's context; its deadline, when the stop
// begins, is true of its services as well. Value adds the run itself to its values.

func (r *run) Deadline() (time.Time, bool) { return r.base.Deadline() }
func (r *run) Done() <-chan struct{}       { return nil }
func (r *run) Err() error                  { return nil }

func (r *run) Value(key any) any {
	switch key.(type) {
	case runKey:
		return r
	case stopped.HastenedKey:
		return r.whenHastened()
	default:
		return r.base.Value(key)
	}
}

// main is the goroutine of a run; fresh: the run's context has no labels yet. An
// idle service should fit into the 2 KiB of stack that a goroutine starts with:
// keep this frame small and call Serve from it directly.
func (r *run) main(ctx context.Context, fresh bool) {
	if !r.node.sup.plan.spec.NoLabels {
		if fresh {
			r.base = r.node.labelled(r.base, r.node.sup.term.Load())
		}
		pprof.SetGoroutineLabels(r.base)
	}
	var out *outcome // made when there is one: an idle run does without
	returned := false
	defer func() { r.end(ctx, out) }()
	defer func() {
		if !returned {
			out = r.broken(recover())
		}
	}()
	var err error
	if t := r.node.sup.term.Load(); t.faults == nil {
		err = r.node.svc.Serve(ctx)
	} else {
		err = r.serveBy(ctx, t)
	}
	returned = true
	out = r.newOutcome(err)
}

// end waits for the helpers of a run whose Serve has ended, asks user code what the
// error is and tells the supervisor, whatever that code does. Until then the service
// is stopping.
func (r *run) end(ctx context.Context, out *outcome) {
	if out == nil { // a panic is passed through: the program is about to end
		return
	}
	failed := r.join(!isInert(out.why.Err) || r.node.sup.redacts())
	defer r.report(failed, out)
	out.judge(ctx)
	r.lookAbove(out)
}

// report tells the supervisor that the run is over. A helper that failed before Serve
// returned is why.
func (r *run) report(failed, out *outcome) {
	if failed != nil {
		r.tellBeside(out)
		out = failed
	}
	out.name()
	r.post(exited{out})
}

// tellBeside tells how a part of the run ended that is not how the run did.
func (r *run) tellBeside(out *outcome) {
	if out.news {
		out.name()
		r.post(erred{r.node, r.number, out.why})
	}
}
