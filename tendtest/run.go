package tendtest

import (
	"testing"
	"testing/synctest"

	"github.com/tend-go/tend"
)

// Run serves a tree in a bubble of testing/synctest, in which all time is exact and costs
// nothing, calls test when everything has come to rest, and then stops the tree. The test
// fails if something is left behind, or the tree has ended by itself and test has not asked
// for that ([Tree.Wait], [Tree.Stop]); of a test that failed the events are logged.
//
// Build makes the root, in the bubble: channels that were made outside of it would hold up
// its time. The t of test is that of the bubble. Services that wait for the system, such as
// real listeners and processes, hold it up too: those are for [New] outside of a bubble.
func Run(t *testing.T, build func() *tend.Supervisor, test func(t *testing.T, tree *Tree)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		before := here()
		tree := newTree(t, build(), before)
		tree.Serve()
		test(t, tree)
	})
}
