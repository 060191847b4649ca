package tendtest

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/fault"
)

// Tree is a tree under test. Its methods are for the goroutine of the test; a path is as
// in events, "root/db/pool".
type Tree struct {
	// Root is the supervisor at the top.
	Root *tend.Supervisor
	// Tape has the events of all of it. Times on it count from the making of the Tree.
	Tape *Tape

	t      testing.TB
	before goroutines
	faults *faults
	done   <-chan error // what Serve returns; nil: it is not served
}

// New makes a Tree of a root that is not served yet. It is for tests that do something
// before that, such as [Tree.FailStart], or that make their own bubble or none: [Run] does
// the same and serves it. At the end of the test the tree is stopped, and checked as Run
// does; outside of a bubble only goroutines with the label of a service count as left.
// While it is served so it has no default log.
func New(t testing.TB, root *tend.Supervisor) *Tree {
	t.Helper()
	return newTree(t, root, here())
}

func newTree(t testing.TB, root *tend.Supervisor, before goroutines) *Tree {
	t.Helper()
	tree := &Tree{Root: root, Tape: NewTape(t), t: t, before: before, faults: newFaults(t)}
	root.AddHook(tree.Tape.Hook)
	t.Cleanup(tree.finish)
	return tree
}

// Serve has the tree served, and waits until everything in the bubble has come to rest. A
// tree that has ended may be served again. The test fails at once if it is being served.
func (tr *Tree) Serve() {
	tr.t.Helper()
	if tr.done != nil {
		tr.t.Fatal("tendtest: Serve of a tree whose end nobody has taken note of: call Wait or Stop before")
	}
	tr.done = tr.Root.ServeBackground(fault.With(context.WithoutCancel(tr.t.Context()), tr.faults))
	tr.rest()
}

// Stop stops the tree and returns what its Serve has: nil, or how it has ended by itself
// before. What hangs it waits for as long as the tree does.
func (tr *Tree) Stop() error {
	tr.t.Helper()
	if tr.done == nil {
		tr.t.Fatal("tendtest: Stop of a tree that is not served")
	}
	tr.Root.Stop()
	return tr.Wait()
}

// Wait waits until the tree has ended by itself, and returns what its Serve has. The test
// fails at once if that takes more than a day, or outside of a bubble a minute.
func (tr *Tree) Wait() error {
	tr.t.Helper()
	if tr.done == nil {
		tr.t.Fatal("tendtest: Wait for a tree that is not served")
	}
	most := time.Minute
	if tr.before.bubble != "" {
		most = 24 * time.Hour
	}
	select {
	case err := <-tr.done:
		tr.done = nil
		tr.rest()
		return err
	case <-time.After(most):
		tr.t.Fatalf("tendtest: Wait: the tree has not ended by itself in %v; there are\n%s", most, tr.known())
		return nil
	}
}

// Sleep lets a time pass, and waits until everything in the bubble has come to rest.
func (tr *Tree) Sleep(d time.Duration) {
	time.Sleep(d)
	tr.rest()
}

// Service is the status of the service with that path, of the first if there are several:
// its state, its failures, and its token. The test fails at once if there is none.
func (tr *Tree) Service(path string) tend.ServiceStatus {
	tr.t.Helper()
	status := tr.Root.Status()
	for _, s := range status.All() {
		if s.Path == path {
			return *s
		}
	}
	tr.t.Fatalf("tendtest: there is no service %q, but\n%s", path, tr.known())
	return tend.ServiceStatus{}
}

// known are the paths and states of all services, a line each.
func (tr *Tree) known() string {
	var lines []string
	status := tr.Root.Status()
	for _, s := range status.All() {
		lines = append(lines, "\t"+s.Path+" "+s.State.String())
	}
	if lines == nil {
		return "\tnone"
	}
	return strings.Join(lines, "\n")
}

// rest waits until everything in the bubble has come to rest.
func (tr *Tree) rest() {
	if tr.before.bubble != "" {
		synctest.Wait()
	}
}

// finish stops the tree at the end of the test and says what is wrong then.
func (tr *Tree) finish() {
	tr.t.Helper()
	tr.faults.healAll()
	tr.faults.reportUnused(tr.known())
	if tr.done != nil {
		tr.end()
	}
	tr.reportLeft()
	if tr.t.Failed() {
		tr.t.Logf("the events of %s:\n\t%s", tr.Root.Path(), strings.Join(tr.Tape.all(), "\n\t"))
	}
}

// end stops a tree that nobody has stopped.
func (tr *Tree) end() {
	tr.t.Helper()
	tr.rest()
	select {
	case err := <-tr.done:
		tr.t.Errorf("tendtest: the tree has ended by itself, with: %v (a test that wants that calls Wait)", err)
	default:
		tr.Root.Stop()
		<-tr.done
	}
	tr.done = nil
	tr.rest()
}
