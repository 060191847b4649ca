//go:build linux

package process_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// supervise serves child below a supervisor.
func supervise(t *testing.T, child tend.Service) (*tend.Supervisor, <-chan tend.Event) {
	t.Helper()
	events := make(chan tend.Event, 1000)
	root := tend.New("root", tend.Spec{EventHook: func(e tend.Event) { events <- e }})
	root.Add(child)
	root.ServeBackground(t.Context())
	t.Cleanup(root.Stop)
	return root, events
}

// next is the next event of kind E.
func next[E tend.Event](t *testing.T, events <-chan tend.Event) E {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e, ok := e.(E); ok {
				return e
			}
		case <-time.After(30 * time.Second):
			var want E
			t.Fatalf("no %T", want)
		}
	}
}

// TestAStopThatHasLessTime kills sooner, and is not stuck.
func TestAStopThatHasLessTime(t *testing.T) {
	c := command("deaf")
	c.StopTimeout = time.Hour
	await := record(t, c)
	root, events := supervise(t, tend.Child{Service: c.Child(), Timeout: 2 * time.Second})
	await("up")
	root.Stop()
	err := endedInTime(t, events)
	if exit := new(process.ExitError); !errors.As(err, &exit) || !exit.Forced {
		t.Errorf("got %v", err)
	}
}

// Nor is one that has less time only when it was asked to stop already.
func TestAStopThatComesNearer(t *testing.T) {
	c := command("stubborn")
	c.StopTimeout = time.Hour
	await := record(t, c)
	above := tend.New("above", tend.Spec{StopWithin: 2 * time.Second})
	token := above.Add(c.Child())
	root, events := supervise(t, above)
	await("up")
	if err := above.Remove(token); err != nil {
		t.Fatal(err)
	}
	await("asked")
	root.Stop()
	err := endedInTime(t, events)
	if exit := new(process.ExitError); !errors.As(err, &exit) || !exit.Forced {
		t.Errorf("got %v", err)
	}
}

// Nor is one whose output is held open by a descendant that has left the group.
func TestAStopThatHasLessTimeDrainsLess(t *testing.T) {
	c := command("parent", "-1", "setsid", "wait")
	c.DrainTimeout = time.Hour
	await := record(t, c)
	root, events := supervise(t, tend.Child{Service: c.Child(), Timeout: 2 * time.Second})
	escaped := await("grandchild") // it holds the output from its start on
	root.Stop()
	if err := endedInTime(t, events); !errors.Is(err, tend.ErrStopped) {
		t.Errorf("got %v", err)
	}
	killEscaped(t, escaped)
}

// endedInTime is with what the service has ended, which must not have been stuck.
func endedInTime(t *testing.T, events <-chan tend.Event) error {
	t.Helper()
	for e := range events {
		switch e := e.(type) {
		case tend.ServiceStuck:
			t.Fatal(e)
		case tend.ServiceEnded:
			return e.Err.Err
		}
	}
	return nil
}

// A supervisor sees when a process is ready, its pid and its status; a stop is
// no failure, however the process takes it, and never late.
func TestSupervised(t *testing.T) {
	c := command("notify", "deaf", "STATUS=warming up", "READY=1", "STATUS=at work", "barrier", "wait")
	c.Ready, c.StopTimeout = process.ReadyNotify(), 50*time.Millisecond
	await := record(t, c)
	root, events := supervise(t, tend.Child{Service: c.Child(), Timeout: time.Minute})
	next[tend.ServiceReady](t, events)
	if got := await("barrier"); got != "barrier <nil>" {
		t.Error(got)
	}
	status := root.Status().Services[0]
	got := make(map[string]string)
	for _, a := range status.Annotations {
		got[a.Key] = a.Value.String()
	}
	if diff := cmp.Diff(map[string]string{"pid": fmt.Sprint(c.Pid()), "status": "at work"}, got); diff != "" || status.State != tend.StateRunning {
		t.Errorf("state %v, annotations (-want +got)\n%s", status.State, diff)
	}
	root.Stop()
	end := next[tend.ServiceEnded](t, events)
	var exit *process.ExitError
	if !errors.As(end.Err, &exit) || !exit.Forced || !errors.Is(end.Err, tend.ErrStopped) {
		t.Errorf("got %v", end)
	}
	if late := root.UnstoppedServices(); len(late) > 0 {
		t.Error(late)
	}
}

// A process that does not get ready is one failure, of ours: the supervisor,
// which would wait longer, does not count another.
func TestSupervisedNotReady(t *testing.T) {
	c := command("wait")
	c.Ready, c.StartTimeout = process.ReadyNotify(), 50*time.Millisecond
	root, events := supervise(t, tend.Child{Service: c.Child(), Limit: tend.Limit{N: 2, Within: time.Hour}})
	failed := next[tend.ServiceGaveUp](t, events)
	if !errors.Is(failed.Err, tend.ErrNotReady) || failed.Failures != 2 {
		t.Errorf("got %v", failed)
	}
	if s := root.Status().Services[0]; s.State != tend.StateFailed || s.Failed != 2 {
		t.Errorf("%v after %d failures", s.State, s.Failed)
	}
}

// A program that asks for input is up, although its line has no end.
func TestSupervisedPrompt(t *testing.T) {
	c := command("prompt")
	c.Ready = process.ReadyLine(regexp.MustCompile("^login: $"))
	_, events := supervise(t, c.Child())
	next[tend.ServiceReady](t, events)
}

// A program that is not there is a failure like any other, and tried again until
// it is there.
func TestSupervisedMissingProgram(t *testing.T) {
	c := command("wait")
	c.Path = filepath.Join(t.TempDir(), "late")
	await := record(t, c)
	_, events := supervise(t, tend.Child{Service: c.Child(), Backoff: tend.Backoff{Min: time.Millisecond}})
	failed := next[tend.ServiceFailed](t, events)
	if !errors.Is(failed.Err, os.ErrNotExist) || !strings.Contains(failed.Err.Error(), c.Path) || !failed.Restarting {
		t.Errorf("got %v", failed)
	}
	if err := os.Symlink(self(t), c.Path); err != nil {
		t.Fatal(err)
	}
	await("up")
}

// A process that pings runs on: each WATCHDOG=1 counts for the watchdog of the
// Command and for that of the supervisor.
func TestSupervisedWatchdog(t *testing.T) {
	c := command("notify", "ping")
	c.Watchdog = time.Second
	await := record(t, c)
	root, _ := supervise(t, tend.Child{Service: c.Child(), Watchdog: c.Watchdog})
	await("ping 12") // one each 100 ms
	if s := root.Status().Services[0]; s.State != tend.StateRunning || s.Incarnation != 1 {
		t.Errorf("got %+v", s)
	}
}

// A panic in Setup is the supervisor's to handle, like any of a service.
func TestSupervisedPanic(t *testing.T) {
	c := command("wait")
	c.Setup = func(*exec.Cmd) error { panic("boom") }
	_, events := supervise(t, tend.Child{Service: c.Child(), Limit: tend.Limit{N: 1}})
	var p *tend.PanicError
	if failed := next[tend.ServiceFailed](t, events); !errors.As(failed.Err, &p) || p.Value != "boom" {
		t.Errorf("got %v", failed)
	}
}
