package tend

import "time"

// message is everything that can happen to a supervisor. The set is sealed: a
// wish is named by its verb, a fact by its past participle. Messages are made by
// anybody and handled by the plan, one at a time.
//
//sumtype:decl
type message interface{ message() }

// Wishes.
type (
	start    struct{} // Serve begins
	shutdown struct { // the whole supervisor stops
		cause  error
		text   string // of cause; empty: not known yet
		result error  // of Serve
		by     instant
	}
	hurry struct{ by instant } // if it stops, it must be through by then
	add   struct {
		n     *node
		to    *call // nil: the caller does not wait
		start bool  // the answer is not before n runs, or will never
	}
	remove  struct{ n *node }
	suspend struct{ n *node }
	restart struct {
		n     *node
		cause error  // nil: on request, not a failure
		text  string // of the cause
	}
	// query runs read, which must only copy, on the state of the plan.
	query struct {
		read func(p *plan, now instant)
		to   *call
	}
)

// Facts. Those of a run that is not its service's latest change nothing.
type (
	readied struct{ r *run }
	ending  struct{ r *run } // over, but for helpers that still run
	exited  struct{ out *outcome }
	nested  struct { // the run serves a supervisor, nil: no more
		r   *run
		sup *Supervisor
	}
	beaten struct { // the answer to probe
		r     *run
		beats uint64
		last  instant
	}
	inspected struct { // the answer to inspect
		r      *run
		why    reason
		stacks string
	}
	explained struct{ text string } // of the cause of the stop
	stopped   struct{}              // Serve returns
	jittered  struct {              // the answer to jitter
		pause uint64
		d     time.Duration
	}
	fired struct {
		timer timer
		at    instant // what it was armed for
	}
)

func (start) message() {}

func (shutdown) message() {}

func (add) message() {}

func (remove) message() {}

func (suspend) message() {}

func (restart) message() {}

func (query) message() {}

func (readied) message() {}

func (ending) message() {}

func (exited) message() {}

func (nested) message() {}

func (beaten) message() {}

func (inspected) message() {}

func (jittered) message() {}

func (fired) message() {}

func (hurry) message() {}

func (explained) message() {}

func (stopped) message() {}

// effect is everything that a plan wants done: these, and any [Event], to be
// told. The set is sealed; effects are made by the plan and carried out in order by
// the supervisor.
//
//sumtype:decl
type effect interface{ effect() }

type (
	launch struct{ r *run } // start the goroutine of a run
	cancel struct {         // ask a run to stop
		r     *run
		cause error
	}
	limit struct { // a supervisor that the run serves must be through by then, if it stops
		r  *run
		by instant
	}
	reply struct {
		to  *call
		err error
	}
	leave struct{ n *node } // the service is out of the tree
	arm   struct {
		timer timer
		at    instant
	}
	disarm  struct{ timer timer }
	probe   struct{ r *run } // when did it last say that it is alive?
	inspect struct {         // where do its goroutines hang?
		r   *run
		why reason
	}
	jitter struct { // how long shall the pause be?
		pause uint64
		d     time.Duration
	}
	owe struct { // the run is on the books …
		r      *run
		since  instant
		cause  string
		stacks string
	}
	settle struct{ r *run } // … and off them
	ready  struct{}         // all services have been running at once
)

func (launch) effect() {}

func (cancel) effect() {}

func (limit) effect() {}

func (reply) effect() {}

func (leave) effect() {}

func (arm) effect() {}

func (disarm) effect() {}

func (probe) effect() {}

func (inspect) effect() {}

func (jitter) effect() {}

func (owe) effect() {}

func (settle) effect() {}

func (ready) effect() {}

// call is a caller that waits for an answer. The answer fits into the channel,
// so that the answering never blocks and the caller may leave.
type call struct{ answer chan error }

func newCall() *call { return &call{make(chan error, 1)} }

// reason says why a run was asked to stop.
type reason uint8

const (
	unasked reason = iota
	stopping
	removal
	suspension
	restarting
	siblingFailed
	notReady
	unresponsive
	blamed // Restart with a cause: rare.cause
)

// isFailure: what a stop for this reason counts as, once the service returned.
func (r reason) isFailure() bool {
	return r == notReady || r == unresponsive || r == blamed
}

// cause is the reason as an error, if it is the same for all.
func (r reason) cause() error {
	switch r {
	case removal:
		return ErrRemoved
	case suspension:
		return ErrSuspended
	case restarting:
		return ErrRestartRequested
	case siblingFailed:
		return ErrSiblingFailed
	case notReady:
		return ErrNotReady
	case unresponsive:
		return ErrUnresponsive
	default:
		return nil
	}
}
