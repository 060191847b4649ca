//go:build linux

package process_test

import (
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// TestReplace: the new process is started when the old one has died; and when it is asked to be
// ready first, the old one lives until then.
func TestReplace(t *testing.T) {
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	first := command("wait")
	gone, up := witness(t, first), record(t, first)
	token := root.Add(first)
	done := root.ServeBackground(t.Context())
	up("up")

	second := command("wait")
	goneToo, up := witness(t, second), record(t, second)
	setup := second.Setup
	second.Setup = func(cmd *exec.Cmd) error {
		gone() // or the test fails
		return setup(cmd)
	}
	if err := root.Replace(token, second.Child()); err != nil {
		t.Fatal(err)
	}
	up("up")

	third := command("wait")
	third.Ready = process.ReadyLine(regexp.MustCompile("^up$"))
	c := third.Child()
	c.ReadyTimeout = 30 * time.Second
	third.Setup = func(*exec.Cmd) error {
		if status, err := root.ServiceStatus(token); err != nil || status.State != tend.StateRunning || status.Beside.State != tend.StateStarting {
			t.Errorf("%+v, %v", status, err)
		}
		return nil
	}
	if err := root.ReplaceWhenReady(t.Context(), token, c); err != nil {
		t.Fatal(err)
	}
	goneToo()
	if status, err := root.ServiceStatus(token); err != nil || status.State != tend.StateRunning || status.Incarnation != 3 {
		t.Errorf("%+v, %v", status, err)
	}
	root.Stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
