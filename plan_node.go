package tend

import (
	"cmp"
	"context"
	"time"
)

// node is the record of one service: the only one that there is, and the list
// node too, so that an idle service costs one small piece of memory. All fields
// are the plan's except where said.
type node struct {
	prev, next *node // in the order added

	// Immutable.
	svc  Service
	name string
	sup  *Supervisor // whose it is; the plan never looks at it
	id   uint64      // of the token; grows in the order added

	gone latch // it has left the tree; the plan never looks at it

	run   *run    // the incarnation whose end has not been reported
	rare  *rare   // what few services need; see node.more
	since instant // when it came into state
	runs  uint32  // the incarnation number of the latest run
	slot  int32   // 1 + its place in the heap of deadlines; 0: in none
	state State
	want  want
	why   reason // why the run was asked to stop
	flags flags
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
	// isSupervisor: the service is a Supervisor or embeds one. It is running when
	// that says so.
	isSupervisor flags = 1 << iota
	// inspecting: its goroutines are being looked up and nothing else is done
	// about what is due until they are known.
	inspecting
)

// rare is the part of a record that services without trouble do without.
type rare struct {
	conf     *Child    // immutable; nil: all defaults
	failures []Failure // a ring of historySize: failed%historySize is the oldest
	failed   uint64
	budget   budget
	until    instant     // in state backoff
	asked    instant     // when it was asked to stop
	blame    error       // the cause given to Restart, for reason blamed …
	blamed   string      // … as text
	starter  *call       // who waits in Start
	holds    *Supervisor // that the service is, or embeds; immutable
	serving  *Supervisor // that its run serves
	beats    uint64      // of the watchdog, when it was last looked at

	// The labelled context of its runs in one time of being served; the loop's.
	labels   context.Context
	labelsOf *term
}

// historySize is how many failures of a service are kept.
const historySize = 5

func (n *node) more() *rare {
	if n.rare == nil {
		n.rare = &rare{}
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

// conf are the settings of the service.
func (n *node) conf() *Child {
	if n.rare == nil || n.rare.conf == nil {
		return &defaults
	}
	return n.rare.conf
}

var defaults Child

// ownBudget: failures of the service do not raise the supervisor's count. In state
// backoff it waits for a delay of its own, others for the end of the pause.
func (n *node) ownBudget() bool { return n.conf().Backoff != (Backoff{}) }

// nested is the supervisor that the service serves now, if any.
func (n *node) nested() *Supervisor {
	if n.rare == nil {
		return nil
	}
	return n.rare.serving
}

// subtree is the supervisor that the service is or serves.
func (n *node) subtree() *Supervisor {
	if n.rare == nil {
		return nil
	}
	return cmp.Or(n.rare.serving, n.rare.holds)
}

// remember keeps f in the history.
func (n *node) remember(f Failure) {
	r := n.more()
	if r.failures == nil {
		r.failures = make([]Failure, historySize)
	}
	r.failures[r.failed%historySize] = f
	r.failed++
}

// history copies the failures, oldest first.
func (n *node) history() []Failure {
	if n.rare == nil || n.rare.failed == 0 {
		return nil
	}
	r := n.rare
	out := make([]Failure, 0, min(r.failed, historySize))
	for i := r.failed - uint64(cap(out)); i < r.failed; i++ {
		out = append(out, r.failures[i%historySize])
	}
	return out
}

// budget is what a Backoff has counted.
type budget struct {
	streak int       // failures in a row
	recent []instant // those within Backoff.Within, if that counts
}

// fail counts a failure after a run that lasted ran. It returns how many count
// against the limit, the delay (without jitter) and whether that is the end.
func (u *budget) fail(b Backoff, now instant, ran time.Duration) (count int, delay time.Duration, over bool) {
	if ran >= b.reset() {
		u.streak = 0
	}
	u.streak++
	count = u.streak
	if b.Limit > 0 && b.Within > 0 {
		u.forget(b, now)
		u.recent = append(u.recent, now)
		count = len(u.recent)
	}
	return count, b.Delay(u.streak), b.Limit > 0 && count >= b.Limit
}

// count is how many failures count against the limit at now.
func (u *budget) count(b Backoff, now instant) int {
	if b.Limit == 0 || b.Within == 0 {
		return u.streak
	}
	u.forget(b, now)
	return len(u.recent)
}

// forget drops what was before the window.
func (u *budget) forget(b Backoff, now instant) {
	old := 0
	for old < len(u.recent) && now-u.recent[old] > b.Within {
		old++
	}
	u.recent = append(u.recent[:0], u.recent[old:]...)
}
