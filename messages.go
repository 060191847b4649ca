package tend

import "time"

// message is everything that can happen to a supervisor. The set is sealed: a
// wish is named by its verb, a fact by its past participle. Anybody makes
// messages; the plan handles them, one at a time.
//
//sumtype:decl
type message interface{ message() }

// Wishes.
type (
	start struct { // Serve begins
		term uint64 // how often it has
		doom Reason // why a supervisor above stops; none: it does not
	}
	shutdown struct { // the whole supervisor stops
		term   uint64 // of being served that is to end; 0: whichever it is
		id     uint64 // of explained
		cause  Reason // without a text if that is not known yet: see explained
		result Reason // of Serve; none: nil
		by     instant
	}
	hurry struct{ by instant } // if it stops, it must be through by then
	enter struct{ n *node }    // add for whom nobody waits, where there is room for all: it takes no memory, and most do
	add   struct {
		n     *node
		to    call  // nil: the caller does not wait
		start bool  // the answer is not before n runs, or will never
		from  *node // who waits for that, if it is a service here; nil: anybody
		after *node // whose place n takes or, if that leaves, whom it waits for; nil: nobody
	}
	discard   struct{ n *node }       // which was not added
	addAll    struct{ nodes []*node } // members of a group
	remove    struct{ n *node }
	removeAll struct{ nodes []*node }
	suspend   struct{ n *node }
	overlap   struct { // answer when by has the place, or will not
		n  *node
		by *node
		to call
	}
	replace struct {
		n  *node // whose place it is
		by *node
		to call
	}
	restart struct {
		n     *node
		cause Reason // none: on request, not a failure
	}
	resume struct{ after time.Duration } // the pause, if there is one, has this long to go
	wait   struct {                      // answer when the service is in the state
		n     *node
		state State
		to    call
	}
	unwait struct { // nobody waits for the answer any more
		n  *node
		to call
	}
	// query runs read, which must only copy, on the state of the plan.
	query struct {
		read func(p *plan, now instant)
		to   call
	}
)

// Facts. A run is known by its record and its incarnation number; those of a run
// that is not its service's latest change nothing.
type (
	readied struct {
		n   *node
		run uint64
	}
	ending struct { // over, but for helpers that still run
		n   *node
		run uint64
	}
	erred struct { // something of the run has failed, and that is not how it ends
		n   *node
		run uint64
		why Reason
	}
	exited struct{ out *outcome } // once for each launch
	slept  struct {               // instead of that: a member of a group had nothing to do, and leaves
		n   *node
		run uint64
	}
	nested struct { // the run serves a supervisor, nil: no more
		n   *node
		run uint64
		sup *Supervisor
	}
	lost struct { // messages of a latent service
		n     *node // nil: of several here
		count uint64
		kind  string
		why   Reason
	}
	silent struct { // a latent run has had one thing in hand for longer than its watchdog
		n   *node
		run uint64
	}
	opened struct { // a latent run has got the object that others always have
		n   *node
		run uint64
		obj *run
	}
	beaten struct { // the answer to probe
		n     *node
		run   uint64
		beats uint64
		last  instant
	}
	inspected struct { // the answer to inspect
		n      *node
		run    uint64
		why    why
		stacks string
	}
	explained struct { // what the cause of a shutdown says
		id    uint64
		cause Reason
	}
	doomed struct{ cause Reason } // a supervisor above has begun to stop
	over   struct{}               // Serve returns
	fired  struct {
		timer timer
		at    instant // what it was armed for
	}
)

func (start) message()     {}
func (shutdown) message()  {}
func (hurry) message()     {}
func (enter) message()     {}
func (add) message()       {}
func (discard) message()   {}
func (addAll) message()    {}
func (remove) message()    {}
func (removeAll) message() {}
func (suspend) message()   {}
func (replace) message()   {}
func (overlap) message()   {}
func (restart) message()   {}
func (resume) message()    {}
func (wait) message()      {}
func (unwait) message()    {}
func (query) message()     {}
func (readied) message()   {}
func (ending) message()    {}
func (erred) message()     {}
func (exited) message()    {}
func (slept) message()     {}
func (nested) message()    {}
func (lost) message()      {}
func (silent) message()    {}
func (opened) message()    {}
func (beaten) message()    {}
func (inspected) message() {}
func (explained) message() {}
func (doomed) message()    {}
func (over) message()      {}
func (fired) message()     {}

// effect is everything that a plan wants done: these, and any [Event], to be
// told. The set is sealed; the plan makes effects, and the supervisor carries them
// out in order.
//
//sumtype:decl
type effect interface{ effect() }

type (
	launch struct{ n *node } // begin the run that the record counts
	cancel struct{ n *node } // ask the run to stop, because of plan.cause
	limit  struct {          // a supervisor that the run serves must be through by then, if it stops
		n  *node
		by instant
	}
	finish struct { // the run of a latent service, which was asked to stop or hangs, is the last after all
		n   *node
		why why
	}
	wind   struct{ n *node } // the run of a latent service is to end: it is over, or something that it has started has failed
	hasten struct{ n *node } // the run has less time to stop than it may think
	reply  struct {
		to  call
		err error
	}
	keep struct { // the object of a latent run
		n   *node
		obj *run
	}
	decided struct { // what is to become of a latent service that does not run, and why
		n      *node
		run    uint64 // that has ended
		why    error
		failed bool // it is what a run has failed with
	}
	recall struct{} // what is to become of all latent services that do not run: they are served again
	leave  struct { // the service is out of the tree
		n    *node
		last bool // so its place is empty
	}
	arm struct {
		timer timer
		at    instant
	}
	disarm  struct{ timer timer }
	probe   struct{ n *node } // when did the run last say that it is alive?
	inspect struct {          // where do the run's goroutines hang?
		n   *node
		why why
	}
	owe struct { // the run is on the books …
		n    *node
		told ServiceStuck
	}
	settle  struct{ n *node } // … and off them
	settled struct{}          // nothing is on its way up any more
	ready   struct{}          // all services have been running at once
)

func (launch) effect()  {}
func (cancel) effect()  {}
func (limit) effect()   {}
func (finish) effect()  {}
func (wind) effect()    {}
func (hasten) effect()  {}
func (reply) effect()   {}
func (keep) effect()    {}
func (decided) effect() {}
func (recall) effect()  {}
func (leave) effect()   {}
func (arm) effect()     {}
func (disarm) effect()  {}
func (probe) effect()   {}
func (inspect) effect() {}
func (owe) effect()     {}
func (settle) effect()  {}
func (settled) effect() {}
func (ready) effect()   {}

// refusal is the answer to an add that adds nothing.
type refusal struct{ err error }

func (r refusal) Error() string { return r.err.Error() }

// call is a caller that waits for an answer. The answer fits into the channel,
// so that the answering never blocks and the caller may leave.
type call chan error

func newCall() call { return make(call, 1) }
