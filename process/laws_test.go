//go:build linux

package process_test

import (
	"errors"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestProcessesKeepTheLawsOfServices: one that runs on, and one that ends.
func TestProcessesKeepTheLawsOfServices(t *testing.T) {
	for _, child := range []string{"wait", "echo"} {
		t.Run(child, func(t *testing.T) {
			tendtest.TestServiceInRealTime(t, func() tend.Service { return command(child).Child() })
		})
	}
}

// TestFaultsOfProcesses: they are faults of a service, with the process gone when it has
// failed.
func TestFaultsOfProcesses(t *testing.T) {
	c := command("wait")
	await := record(t, c)
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, Jitter: -1})
	root.Add(c.Child())
	tree := tendtest.New(t, root)
	tree.FailStart("root/wait", 1)
	tree.Serve()
	await("up")
	boom := errors.New("boom")
	tree.Fail("root/wait", boom)
	await("up")
	failures := tree.Service("root/wait").Failures
	if len(failures) != 2 || !errors.Is(failures[0].Err, tendtest.ErrFault) || !errors.Is(failures[1].Err, boom) {
		t.Errorf("failures are %v", failures)
	}
}
