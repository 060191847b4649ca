// Package survey looks at a tree for packages that make metrics of it. What there
// is to know is added up by labels, because paths and names of services need not
// be unique but series must be, and counters do not go back when a service leaves.
package survey

import (
	"cmp"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// Tree is a [tend.Supervisor], or a test's idea of one.
type Tree interface {
	Status() tend.Status
	UnstoppedServices() []tend.ServiceStuck
	AddHook(f func(tend.Event)) (remove func())
}

// Options says what is added up by which labels.
type Options struct {
	// Services chooses services that get a [Group] of their own, or of those that
	// share their name. It is called for each service at each look. Default: none.
	Services func(s tend.ServiceStatus) bool

	// Whole: the group of a supervisor has all of its services. Otherwise those that
	// were chosen are not in it, so that all groups add up to the tree.
	Whole bool

	// Depth bounds how many levels of supervisors there are. What is further below
	// is counted with the supervisor above it at that depth. 0: no bound.
	Depth int

	// Most bounds how many supervisors there are: those that are closest to the root, of
	// one level in the order added. The others are counted with those above them, as with
	// Depth. 0: [DefaultMost]; negative: no bound.
	Most int

	// Stopped is called with how long each service took to stop that was asked to, and
	// the root of the whole tree; not of one whose end is a failure. Default: nothing is.
	Stopped func(took time.Duration)
}

// DefaultMost is a bound for [Options].Most. With some twenty series for each supervisor
// it makes ten thousand, which a scrape bears well.
const DefaultMost = 500

// Watch looks at a tree again and again, and remembers what was counted. Any number
// of goroutines may look.
type Watch struct {
	tree    Tree
	options Options
	ear     ear
	deaf    func() // removes the hook

	mu     sync.Mutex // one look at a time, or totals would go back
	totals totals
}

// New makes a watch that has not looked yet. It counts what happens from now on.
func New(t Tree, o Options) *Watch {
	if o.Stopped == nil {
		o.Stopped = func(time.Duration) {}
	}
	o.Most = cmp.Or(o.Most, DefaultMost)
	w := &Watch{tree: t, options: o}
	w.ear.heard, w.ear.stopped = map[string]Incidents{}, o.Stopped
	w.deaf = t.AddHook(w.ear.hear)
	return w
}

// Close ends the counting.
func (w *Watch) Close() { w.deaf() }

// Look asks the tree.
func (w *Watch) Look() View {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := look{options: w.options, runs: map[uint64]run{}, view: View{
		Supervisors: map[string]*Supervisor{},
		Services:    map[Key]*Group{},
	}}
	// Before the tree is asked: who did something is in it then, unless it has left.
	l.heard, l.view.Dropped = w.ear.take()
	l.tree(w.tree.Status())
	w.totals.update(&l)
	l.view.Unstopped = len(w.tree.UnstoppedServices())
	return l.view
}
