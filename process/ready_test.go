//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

func TestReadinessFailures(t *testing.T) {
	soon := 100 * time.Millisecond
	refused := errors.New("connection refused")
	for name, test := range map[string]struct {
		c    *process.Command
		set  func(c *process.Command)
		want error
		text string
	}{
		"no line": {command("print", "starting\n", ""), func(c *process.Command) {
			c.Ready = process.ReadyLine(regexp.MustCompile("^ready$"))
		}, tend.ErrNotReady, "exited too early"},
		"no line in time": {command("wait"), func(c *process.Command) {
			c.Ready, c.StartTimeout = process.ReadyLine(regexp.MustCompile("^ready$")), soon
		}, tend.ErrNotReady, "100ms"},
		"no message in time": {command("notify", "STATUS=x", "READY=0", "wait"), func(c *process.Command) {
			c.Ready, c.StartTimeout = process.ReadyNotify(), soon
		}, tend.ErrNotReady, "100ms"},
		"a message instead of a line": {command("notify", "READY=1"), func(c *process.Command) {
			c.Ready, c.Watchdog = process.ReadyLine(regexp.MustCompile("^ready$")), time.Hour
		}, tend.ErrNotReady, "exited too early"},
		"no newline": {command("ready fd", "x"), func(c *process.Command) {
			c.Ready = process.ReadyFD("READY_FD")
		}, tend.ErrNotReady, "exited too early"},
		"no newline in time": {command("ready fd", "x", "wait"), func(c *process.Command) {
			c.Ready, c.StartTimeout = process.ReadyFD("READY_FD"), soon
		}, tend.ErrNotReady, "100ms"},
		"a check that fails": {command("wait"), func(c *process.Command) {
			c.StartTimeout = soon
			c.Ready = process.ReadyCheck(time.Millisecond, func(context.Context) error { return refused })
		}, refused, "100ms: connection refused"},
		"a check that hangs": {command("wait"), func(c *process.Command) {
			c.StartTimeout = soon
			c.Ready = process.ReadyCheck(0, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}, tend.ErrNotReady, "100ms"},
		"too short a life": {command("exit", "0"), neverReadyFor, tend.ErrNotReady, "exited too early"},
		"deaf as well": {command("deaf"), func(c *process.Command) {
			c.Ready, c.StartTimeout, c.StopTimeout = process.ReadyAfter(time.Hour), soon, soon
			c.Setup = func(*exec.Cmd) error { return nil }
		}, tend.ErrNotReady, "100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			test.set(test.c)
			err := test.c.Serve(t.Context())
			var exit *process.ExitError
			if !errors.Is(err, test.want) || !errors.Is(err, tend.ErrNotReady) || !errors.As(err, &exit) || exit.Ready || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What the process does not say itself is of a process that runs: its output may go on long
// after its exit, and somebody else may answer the check.
func TestNothingIsReadyAfterItsExit(t *testing.T) {
	slow := func() func(process.Line) {
		first := true
		return func(process.Line) {
			if first {
				first = false
				time.Sleep(500 * time.Millisecond)
			}
		}
	}
	t.Run("after", func(t *testing.T) {
		c := command("numbers")
		c.Ready = process.ReadyAfter(200 * time.Millisecond)
		c.Output = slow()
		if err := c.Serve(t.Context()); !errors.Is(err, tend.ErrNotReady) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("check", func(t *testing.T) {
		var pid atomic.Int64
		c := command("numbers")
		c.Started = func(cmd *exec.Cmd) { pid.Store(int64(cmd.Process.Pid)) }
		c.Ready = process.ReadyCheck(time.Millisecond, func(context.Context) error {
			if p := int(pid.Load()); p == 0 || syscall.Kill(p, 0) == nil {
				return errors.New("it is there") // and as a zombie still, for a moment
			}
			return nil
		})
		c.Output = slow()
		if err := c.Serve(t.Context()); !errors.Is(err, tend.ErrNotReady) {
			t.Errorf("got %v", err)
		}
	})
}

// The descriptor comes after those of Setup, and Started sees only those.
func TestReadyFDAfterOthers(t *testing.T) {
	c := command("ready fd", "\n")
	c.Ready = process.ReadyFD("READY_FD")
	c.Setup = func(cmd *exec.Cmd) error {
		r, w, err := os.Pipe()
		cmd.ExtraFiles = []*os.File{r, w}
		return err
	}
	c.Started = func(cmd *exec.Cmd) {
		if len(cmd.ExtraFiles) != 2 {
			t.Errorf("Started sees %d files", len(cmd.ExtraFiles))
		}
		for _, f := range cmd.ExtraFiles {
			f.Close()
		}
	}
	if err := c.Serve(t.Context()); err != nil {
		t.Error(err)
	}
}

// A message of a user that has nothing to do with the process does not count.
func TestForgedMessage(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can send in the name of others")
	}
	c := command("notify", "forge")
	c.Ready = process.ReadyNotify()
	await := record(t, c)
	if err := c.Serve(t.Context()); !errors.Is(err, tend.ErrNotReady) {
		t.Errorf("got %v", err)
	}
	if got := await("forged"); got != "forged <nil>" {
		t.Error(got)
	}
}

func neverReadyFor(c *process.Command) { neverReady(c) }

// Being ready shows in how a success is taken: it is one.
func TestReadiness(t *testing.T) {
	for name, test := range map[string]struct {
		c     *process.Command
		ready process.Readiness
	}{
		"line":               {command("print", "not yet\nready\n", ""), process.ReadyLine(regexp.MustCompile("^ready$"))},
		"line on stderr":     {command("print", "", "ready"), process.ReadyLine(regexp.MustCompile("^ready$"))},
		"message":            {command("notify", "STATUS=almost", "READY=1"), process.ReadyNotify()},
		"message of several": {command("notify", "STATUS=up\nREADY=1\n"), process.ReadyNotify()},
		"after a barrier":    {command("notify", "barrier", "READY=1"), process.ReadyNotify()},
		"newline":            {command("ready fd", "x", "\n", "more"), process.ReadyFD("READY_FD")},
		"zero byte, newline": {command("ready fd", "NUL"+strings.Repeat("x", 300)+"\n"), process.ReadyFD("READY_FD")},
		"the third check":    {command("echo"), nil},
		"after a time":       {command("echo"), process.ReadyAfter(time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Ready = test.ready
			if name == "the third check" {
				calls := 0
				test.c.Ready = process.ReadyCheck(time.Millisecond, func(context.Context) error {
					if calls++; calls < 3 {
						return errors.New("not yet")
					}
					return nil
				})
			}
			if test.c.Name == "echo" { // runs until its input ends
				test.c.Setup = func(cmd *exec.Cmd) error {
					w, err := cmd.StdinPipe()
					time.AfterFunc(100*time.Millisecond, func() { w.Close() })
					return err
				}
			}
			if err := test.c.Serve(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A start may ask for more time. (So may a stop: see TestLife.)
func TestExtendTimeout(t *testing.T) {
	c := command("notify", "EXTEND_TIMEOUT_USEC=60000000", "later", "READY=1")
	c.Ready, c.StartTimeout = process.ReadyNotify(), 600*time.Millisecond
	if err := c.Serve(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWatchdog(t *testing.T) {
	for name, test := range map[string]struct {
		watchdog time.Duration
		args     []string
		text     string
	}{
		"silence":   {200 * time.Millisecond, []string{"READY=1", "wait"}, "service did not call Alive in time: 200ms: exit status 2: SIGABRT: abort"},
		"deaf too":  {200 * time.Millisecond, []string{"deaf", "READY=1", "wait"}, "service did not call Alive in time: 200ms: exit status 2: SIGABRT: abort"},
		"pulled":    {time.Minute, []string{"READY=1", "WATCHDOG=trigger", "wait"}, "WATCHDOG=trigger: exit status 2: SIGABRT: abort"},
		"tightened": {time.Minute, []string{"READY=1", "WATCHDOG_USEC=50000", "wait"}, "service did not call Alive in time: 50ms: exit status 2: SIGABRT: abort"},
	} {
		t.Run(name, func(t *testing.T) {
			c := command("notify", test.args...)
			c.Watchdog, c.Ready = test.watchdog, process.ReadyNotify()
			err := c.Serve(t.Context())
			if !errors.Is(err, tend.ErrUnresponsive) || !strings.HasSuffix(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A check that is a program says what it found by its exit alone: that it runs makes nobody
// ready, and its pid is not that of the service.
func TestACheckThatIsAProgramIsNotTheProcess(t *testing.T) {
	t.Setenv(childVar, "exit")
	check := process.Check(self(t), "1")
	c := command("polite", "0")
	await := record(t, c)
	var root *tend.Supervisor
	served := make(chan struct{})
	c.Ready = process.ReadyCheck(time.Hour, func(ctx context.Context) error {
		<-served
		err := check(ctx)
		status := root.Status().Services[0]
		if got, want := fmt.Sprint(status.State, status.Annotations), fmt.Sprintf("starting [pid=%d]", c.Pid()); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
		await("up")
		return errors.Join(err, c.Signal(syscall.SIGTERM))
	})
	var events <-chan tend.Event
	root, events = supervise(t, tend.Child{Service: c.Child(), Limit: tend.Limit{N: 1}})
	close(served)
	for e := range events {
		switch e := e.(type) {
		case tend.ServiceReady:
			t.Error("it is ready")
		case tend.ServiceGaveUp:
			if !errors.Is(e.Err, tend.ErrNotReady) {
				t.Errorf("it ended with %v", e.Err)
			}
			return
		}
	}
}

// The check is told when the process is, which may go on for a while, and is not called again.
func TestTheCheckEndsWithTheStop(t *testing.T) {
	c := command("wait")
	c.StopSignal = syscall.SIGWINCH // which is nothing to it from its start
	c.StartTimeout, c.StopTimeout = 300*time.Millisecond, 10*time.Second
	calls := 0
	c.Ready = process.ReadyCheck(time.Millisecond, func(ctx context.Context) error {
		calls++
		<-ctx.Done()
		return errors.Join(ctx.Err(), c.Signal(syscall.SIGKILL)) // before StopTimeout is over
	})
	err := c.Serve(t.Context())
	exit := new(process.ExitError)
	if !errors.As(err, &exit) || exit.Signal != syscall.SIGKILL || exit.Forced || !errors.Is(err, tend.ErrNotReady) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

// Nor does it wait for the output of a process that has exited.
func TestTheCheckEndsWithTheExit(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := command("parent", "0", "setsid", "orphan", "still heard")
	await := record(t, c)
	c.DrainTimeout = 10 * time.Second
	c.Setup = func(cmd *exec.Cmd) error { cmd.ExtraFiles = []*os.File{r}; return nil }
	c.Ready = process.ReadyCheck(time.Millisecond, func(ctx context.Context) error {
		<-ctx.Done()
		return errors.Join(ctx.Err(), w.Close()) // which is what the orphan waits for
	})
	if err := c.Serve(t.Context()); !errors.Is(err, tend.ErrNotReady) {
		t.Errorf("got %v", err)
	}
	await("still heard")
}

// A service that runs a command is not that command.
func TestAServiceThatCallsRunIsToldNothing(t *testing.T) {
	ran := make(chan error)
	root, _ := supervise(t, tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("runs", func(ctx context.Context) error {
		_, err := command("exit", "0").Run(ctx, 0)
		ran <- err
		<-ctx.Done()
		return nil
	})})
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if s := root.Status().Services[0]; s.State != tend.StateStarting || len(s.Annotations) > 0 {
		t.Errorf("it is %v with %v", s.State, s.Annotations)
	}
}
