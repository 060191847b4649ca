package tend

import (
	"slices"

	"github.com/tend-go/tend/internal/tally"
)

// node is the record of one service: the only one that there is, and the list
// node too, so that an idle service costs one small piece of memory. All fields
// are the plan's except where said.
type node struct {
	prev, next *node // in the order added

	// Immutable.
	svc  Service // nil once it has left, as rare is
	name string
	sup  *Supervisor // whose it is; the plan never looks at it
	id   uint64      // of the token; grows in the order added

	gone latch // it has left the tree; the plan never looks at it
	run  *run  // the goroutine of its latest run; the loop's, the plan never looks at it

	rare   *rare   // what few services need; see node.more
	since  instant // when it came into state
	number uint64  // the incarnation number of the latest run
	slot   int32   // 1 + its place in the heap of deadlines; 0: in none
	state  State
	want   want
	why    why // why the run was asked to stop
	flags  flags
}

// want is what is to become of a service.
type want uint8

const (
	wantUp want = iota
	wantSuspended
	wantGone
)

type flags uint8

const (
	// alive: the end of the latest run has not been reported.
	alive flags = 1 << iota
	// isSupervisor: the service is a Supervisor, embeds or declares one. It is running
	// when that says so.
	isSupervisor
	// isDirect: it is a Supervisor, and so serves it as long as it runs.
	isDirect
	// inspecting: its goroutines are being looked up and nothing else is done
	// about what is due until they are known.
	inspecting
	// spared: it had its time in this state once more, because a timer came late; it has
	// not been heard of since.
	spared
	// isLatent: the service has no goroutine. The plan only knows that it judges its silence
	// itself, and is told why it has left.
	isLatent
	// isMember: it is latent, one of many of its kind, and comes and goes with what there is
	// to do.
	isMember
	// hasKind: it is latent, and some of its settings are those of its kind. Who is of a kind
	// with none, as most are, need not ask for them at each turn.
	hasKind
)

// rare is the part of a record that services without trouble do without.
type rare struct {
	conf        *Child    // immutable; nil: all defaults
	failures    []Failure // a ring, once there are historySize: kept%historySize is the oldest
	kept        uint64    // in it, so far
	failed      uint64    // of them those that were failures, and no end on the way down
	tally       tally.Tally
	began       instant     // the latest run; see node.began
	until       instant     // in state backoff
	asked       instant     // when it was asked to stop
	blame       Reason      // the cause given to Restart
	waiting     *waiter     // who waits for a state of it, the latest first
	*succession             // nil: it has its place for itself
	holds       *Supervisor // that the service is, or embeds; immutable
	serving     *Supervisor // that its run serves
	beats       uint64      // of the watchdog, when it was last looked at

	labels labels // the loop's, the plan never looks at it
}

// historySize is how many failures of a service are kept.
const historySize = 5

// more makes the rare part if there is none. A record that gets it while it runs
// has been in one state since its run began.
func (n *node) more() *rare {
	if n.rare == nil {
		n.rare = &rare{began: n.since}
	}
	return n.rare
}

func (n *node) is(f flags) bool { return n.flags&f != 0 }

func (n *node) set(f flags, on bool) {
	n.flags &^= f
	if on {
		n.flags |= f
	}
}

// runs: the run of that incarnation has not ended.
func (n *node) runs(number uint64) bool { return n.number == number && n.is(alive) }

// began is when the latest run began. A record without a rare part need not keep it:
// asked to stop it cannot fail any more, and before that it has been in one state.
func (n *node) began() instant {
	if n.rare == nil {
		return n.since
	}
	return n.rare.began
}

// stopped is for how long n, whose run has just ended, has been stopping; zero if it
// has not.
func (n *node) stopped(now instant) instant {
	switch n.state {
	case StateStopping:
		return now - n.since
	case StateStuck:
		return now - n.rare.asked
	default:
		return 0
	}
}

// late is how long ago n, whose run has just ended, was reported as stuck; zero if it
// was not.
func (n *node) late(now instant) instant {
	if n.state != StateStuck {
		return 0
	}
	return max(1, now-n.since) // messages that are handled together share a moment, and zero says that it was not
}

// conf are the settings of the service.
func (n *node) conf() *Child {
	switch {
	case n.rare != nil && n.rare.conf != nil:
		return n.rare.conf
	case n.is(hasKind):
		return n.shared()
	default:
		return &defaults
	}
}

var defaults Child

// comesUp: the service is starting for a while.
func (n *node) comesUp() bool { return n.conf().ReadyTimeout > 0 || n.is(isSupervisor) }

// ownBudget: failures of the service do not raise the supervisor's count. In state
// backoff it waits for a delay of its own, others for the end of the pause.
func (n *node) ownBudget() bool { return n.conf().ownBudget() }

// nested is the supervisor that the service, which runs, serves now and has declared, if
// any: it gets as long as its own services may take to stop.
func (n *node) nested() *Supervisor {
	switch {
	case !n.is(isSupervisor) || n.rare == nil:
		return nil
	case n.is(isDirect):
		return n.rare.holds
	default:
		return n.rare.serving
	}
}

// subtree is the supervisor that the service serves, or else is.
func (n *node) subtree() *Supervisor {
	switch {
	case n.rare == nil:
		return nil
	case n.rare.serving != nil:
		return n.rare.serving
	default:
		return n.rare.holds
	}
}

// remember keeps f in the history.
func (n *node) remember(f Failure) {
	r := n.more()
	f.Err = f.Err.lasting()
	if r.kept == 1 { // most do not fail a second time
		r.failures = slices.Grow(r.failures, historySize-1)
	}
	if r.kept < historySize {
		r.failures = append(r.failures, f)
	} else {
		r.failures[r.kept%historySize] = f
	}
	r.kept++
}

// lastFailure is the latest that is kept; none if there was none.
func (n *node) lastFailure() Reason {
	if n.rare == nil || n.rare.kept == 0 {
		return Reason{}
	}
	return n.rare.failures[(n.rare.kept-1)%historySize].Err
}

// history copies the failures, oldest first.
func (n *node) history() []Failure {
	if n.rare == nil || n.rare.kept == 0 {
		return nil
	}
	r := n.rare
	out := make([]Failure, 0, min(r.kept, historySize))
	for i := r.kept - uint64(cap(out)); i < r.kept; i++ {
		out = append(out, r.failures[i%historySize])
	}
	return out
}
