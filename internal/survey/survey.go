// Package survey looks at a tree for packages that make metrics of it. What there
// is to know is added up by labels, because paths and names of services need not
// be unique but series must be, and counters do not go back when a service leaves.
package survey

import (
	"sync"

	"github.com/tend-go/tend"
)

// Tree is a [tend.Supervisor], or a test's idea of one.
type Tree interface {
	Status() tend.Status
	UnstoppedServices() []tend.ServiceStuck
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
}

// Watch looks at a tree again and again, and remembers what was counted. Any number
// of goroutines may look.
type Watch struct {
	tree    Tree
	options Options

	mu     sync.Mutex // one look at a time, or totals would go back
	totals totals
}

// New makes a watch that has not looked yet.
func New(t Tree, o Options) *Watch { return &Watch{tree: t, options: o} }

// Look asks the tree.
func (w *Watch) Look() View {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := look{options: w.options, runs: map[tend.ServiceToken]run{}, view: View{
		Supervisors: map[string]*Supervisor{},
		Services:    map[Key]*Group{},
	}}
	l.tree(w.tree.Status())
	w.totals.update(&l)
	l.view.Unstopped = len(w.tree.UnstoppedServices())
	return l.view
}
