//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// TestBadSettings: each is an error that names the value, of Validate and of
// Serve and Run alike; nothing panics.
func TestBadSettings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	type C = process.Command
	for _, test := range []struct {
		c    *C
		want string
	}{
		{&C{}, `tend/process: Command "": Path is empty`},
		{&C{Name: "web"}, `tend/process: Command "web": Path is empty`},
		{&C{Path: "x", StopTimeout: -1}, `tend/process: Command "x": StopTimeout is -1ns`},
		{&C{Path: "x", DrainTimeout: -time.Second}, `tend/process: Command "x": DrainTimeout is -1s`},
		{&C{Path: "x", StartTimeout: -time.Second}, `tend/process: Command "x": StartTimeout is -1s`},
		{&C{Path: "x", Watchdog: -time.Second}, `tend/process: Command "x": Watchdog is -1s`},
		{&C{Path: "x", Watchdog: 1}, `tend/process: Command "x": Watchdog is 1ns, less than a microsecond`},
		{&C{Path: "x", MaxLine: -1}, `tend/process: Command "x": MaxLine is -1`},
		{&C{Path: "x", SuccessExit: []int{1, -1}}, `tend/process: Command "x": SuccessExit holds -1`},
		{&C{Path: "x", Orphans: 7}, `tend/process: Command "x": Orphans is Orphans(7)`},
		{&C{Path: "x", StopSignal: 65}, `tend/process: Command "x": StopSignal is 65`},
		{&C{Path: "x", Orphans: process.KeepOnSuccess, Ready: process.ReadyNotify()}, `tend/process: Command "x": Ready is set, but with KeepOnSuccess a command is done when it has exited`},
		{&C{Path: "x", Ready: process.ReadyAfter(-1)}, `tend/process: Command "x": ReadyAfter is -1ns`},
		{&C{Path: "x", Ready: process.ReadyLine(nil)}, `tend/process: Command "x": the regular expression of ReadyLine is nil`},
		{&C{Path: "x", Ready: process.ReadyFD("")}, `tend/process: Command "x": the variable of ReadyFD has no name`},
		{&C{Path: "x", Ready: process.ReadyCheck(0, nil)}, `tend/process: Command "x": the function of ReadyCheck is nil`},
		{&C{Path: "x", Ready: process.ReadyCheck(-1, func(context.Context) error { return nil })}, `tend/process: Command "x": the interval of ReadyCheck is -1ns`},
		{&C{Path: "/no/such/program"}, `tend/process: program: Path: exec: "/no/such/program": stat /no/such/program: no such file or directory`},
		{&C{Path: "no-such-program"}, `tend/process: no-such-program: Path: exec: "no-such-program": executable file not found in $PATH`},
		{&C{Path: dir}, fmt.Sprintf(`tend/process: %s: Path %q is a directory`, filepath.Base(dir), dir)},
		{&C{Path: "./no-such"}, `tend/process: no-such: Path: exec: "./no-such": stat ./no-such: no such file or directory`},
		{&C{Path: "./sub", Dir: dir}, fmt.Sprintf(`tend/process: sub: Path: exec: "%s/./sub": stat %[1]s/./sub: no such file or directory`, dir)},
		{&C{Path: file}, fmt.Sprintf(`tend/process: file: Path: exec: %q: permission denied`, file)},
		{&C{Path: os.Args[0], Name: "a", Dir: "/no/such/dir"}, `tend/process: a: Dir: stat /no/such/dir: no such file or directory`},
		{&C{Path: os.Args[0], Name: "a", Dir: file}, fmt.Sprintf(`tend/process: a: Dir %q is not a directory`, file)},
	} {
		if got := fmt.Sprint(test.c.Validate()); got != test.want {
			t.Errorf("Validate:\n got %s\nwant %s", got, test.want)
		}
		if got := fmt.Sprint(test.c.Serve(t.Context())); got != test.want {
			t.Errorf("Serve:\n got %s\nwant %s", got, test.want)
		}
		if _, err := test.c.Run(t.Context(), 0); fmt.Sprint(err) != test.want {
			t.Errorf("Run:\n got %v\nwant %s", err, test.want)
		}
	}
	if err := (&C{Path: script}).Serve(t.Context()); !errors.Is(err, syscall.ENOEXEC) {
		t.Error(err)
	}
	if _, err := (&C{Path: "x"}).Run(t.Context(), -1); err == nil || err.Error() != `tend/process: Command "x": the output limit is -1` {
		t.Error(err)
	}
}

func TestRun(t *testing.T) {
	c := command("print", "out\nput\n", "err\n")
	if got, err := c.Run(t.Context(), 0); err != nil || string(got) != "out\nput\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := c.Run(t.Context(), math.MaxInt); err != nil || string(got) != "out\nput\n" {
		t.Errorf("got %q, %v", got, err)
	}
	got, err := c.Run(t.Context(), 5)
	if !errors.Is(err, process.ErrOutputLimit) || string(got) != "\nput\n" {
		t.Errorf("got %q, %v", got, err)
	}
	c = command("parent", "3", "setsid", "no such child")
	c.DrainTimeout = time.Minute
	got, err = c.Run(t.Context(), 0)
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || !strings.HasPrefix(string(got), "grandchild ") || !strings.Contains(exit.Tail, "panic: ") {
		t.Errorf("got %q, %v", got, err)
	}
	c = command("echo") // its standard input is empty
	if got, err := c.Run(t.Context(), 0); err != nil || len(got) > 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

// Any number of Runs may be under way beside a Serve, but no second Serve.
func TestTogether(t *testing.T) {
	c := command("echo")
	var mu sync.Mutex
	var pipes []io.Closer
	up := make(chan struct{}, 4)
	c.Setup = func(cmd *exec.Cmd) error {
		w, err := cmd.StdinPipe()
		mu.Lock()
		defer mu.Unlock()
		pipes = append(pipes, w)
		return err
	}
	c.Started = func(*exec.Cmd) { up <- struct{}{} }
	if c.Pid() != 0 || !errors.Is(c.Signal(0), os.ErrProcessDone) {
		t.Error("it runs before Serve")
	}
	_, done := background(t, c)
	var runs sync.WaitGroup
	for range 3 {
		runs.Go(func() {
			if _, err := c.Run(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-up
	}
	if c.Pid() == 0 || c.Signal(0) != nil {
		t.Error("it does not run")
	}
	if err := c.Serve(t.Context()); !errors.Is(err, process.ErrRunning) {
		t.Error(err)
	}
	mu.Lock()
	for _, p := range pipes {
		p.Close()
	}
	mu.Unlock()
	runs.Wait()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Code of the caller's that goes wrong is a failure of the run, with the process
// stopped and nothing left; it is never the end of the program.
func TestCallbacksGoWrong(t *testing.T) {
	boom := errors.New("boom")
	wrongs := map[string]func(){
		"panic: boom":                         func() { panic(boom) },
		"tend: service called runtime.Goexit": runtime.Goexit,
	}
	for text, wrong := range wrongs {
		for what, set := range map[string]func(c *process.Command){
			"Output":  func(c *process.Command) { c.Output = func(process.Line) { wrong() } },
			"Started": func(c *process.Command) { c.Started = func(*exec.Cmd) { wrong() } },
			"the check of ReadyCheck": func(c *process.Command) {
				c.Ready = process.ReadyCheck(0, func(context.Context) error { wrong(); return nil })
			},
			"Stdin": func(c *process.Command) {
				setup := c.Setup
				c.Setup = func(cmd *exec.Cmd) error {
					cmd.Stdin = readerFunc(func([]byte) (int, error) { wrong(); return 0, io.EOF })
					return setup(cmd)
				}
			},
		} {
			t.Run(what+" "+text, func(t *testing.T) {
				c := command("wait")
				gone := witness(t, c)
				started := c.Started
				set(c)
				if what == "Started" {
					set(c)
					after := c.Started
					c.Started = func(cmd *exec.Cmd) { started(cmd); after(cmd) }
				}
				err := c.Serve(t.Context())
				var exit *process.ExitError
				var p *tend.PanicError
				goexit := !strings.HasPrefix(text, "panic")
				if !errors.As(err, &exit) || errors.As(err, &p) == goexit || errors.Is(err, tend.ErrGoexit) != goexit || !strings.Contains(err.Error(), what+": "+text) {
					t.Fatalf("got %v", err)
				}
				if !goexit && !strings.Contains(p.Stack(), "command_test.go") {
					t.Errorf("the stack is\n%s", p.Stack())
				}
				if !goexit && !errors.Is(err, boom) {
					t.Errorf("it is not the error that was panicked with: %v", err)
				}
				gone()
			})
		}
	}
}

// It is one too if the process has ended before, as a success. What it writes
// has nowhere to go, but does not block it.
func TestOutputPanicsAtTheEnd(t *testing.T) {
	c := command("numbers")
	c.Output = func(process.Line) { panic("boom") }
	if err := c.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "Output: panic: boom") {
		t.Error(err)
	}
}

// The program is looked for in our PATH; that of Env is for the process.
func TestPathOfEnv(t *testing.T) {
	ours, theirs := t.TempDir(), t.TempDir()
	for _, dir := range []string{ours, theirs} {
		script := "#!/bin/sh\necho " + dir + " $PATH\n"
		if err := os.WriteFile(filepath.Join(dir, "which"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", ours)
	c := &process.Command{Path: "which", Env: []string{"PATH=" + theirs}}
	if out, err := c.Run(t.Context(), 0); err != nil || string(out) != ours+" "+theirs+"\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// A reader that never returns is not the end of the process.
func TestAStdinThatBlocksDoesNotHoldServeUp(t *testing.T) {
	c := command("exit", "0")
	in, out := io.Pipe()
	defer out.Close()
	c.DrainTimeout = 20 * time.Millisecond
	c.Setup = func(cmd *exec.Cmd) error { cmd.Stdin = in; return nil }
	_, done := background(t, c)
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("Serve does not return")
	}
}

func TestStdinIsCopied(t *testing.T) {
	text, broken := numbers(), errors.New("broken")
	for name, test := range map[string]struct {
		in   io.Reader
		want string
		err  error
	}{
		"all of it":            {strings.NewReader(text), text, nil},
		"up to an error":       {io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken)), "some", broken},
		"an error, and a byte": {iotest.DataErrReader(strings.NewReader("x")), "x", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := command("echo")
			c.Setup = func(cmd *exec.Cmd) error { cmd.Stdin = test.in; return nil }
			out, err := c.Run(t.Context(), 0)
			if string(out) != test.want || !errors.Is(err, test.err) {
				t.Errorf("%v, %d of %d bytes", err, len(out), len(test.want))
			}
		})
	}
}

// More than a pipe holds, which nobody reads.
func TestStdinThatNobodyWants(t *testing.T) {
	c := command("exit", "0")
	c.Setup = func(cmd *exec.Cmd) error { cmd.Stdin = strings.NewReader(strings.Repeat("x", 1<<20)); return nil }
	if err := c.Serve(t.Context()); err != nil {
		t.Error(err)
	}
}

// readerFunc is a function as an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A program that was just written is busy for a moment: that is no failure. One that
// stays so is.
func TestAProgramFileThatIsBusyIsTriedAgain(t *testing.T) {
	binary, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		closedAt int // which attempt finds it closed
		want     error
		attempts int
	}{"for a moment": {3, nil, 3}, "for ever": {-1, syscall.ETXTBSY, 8}} {
		t.Run(name, func(t *testing.T) {
			c := command("exit", "0")
			c.Path = filepath.Join(t.TempDir(), "busy")
			f, err := os.OpenFile(c.Path, os.O_CREATE|os.O_WRONLY, 0o700)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.Write(binary); err != nil {
				t.Fatal(err)
			}
			setups, starts := 0, 0
			c.Setup = func(*exec.Cmd) error {
				if setups++; setups == test.closedAt {
					return f.Close()
				}
				return nil
			}
			c.Started = func(*exec.Cmd) { starts++ }
			if err := c.Serve(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if setups != test.attempts || setups != starts {
				t.Errorf("%d calls of Setup, %d of Started", setups, starts)
			}
		})
	}
}

// A panic in Setup goes to the caller, and leaves nothing behind.
func TestSetupPanics(t *testing.T) {
	c := command("wait")
	c.Ready = process.ReadyNotify()
	c.Setup = func(cmd *exec.Cmd) error { _, _ = cmd.StdinPipe(); panic("boom") }
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("no panic")
			}
		}()
		_ = c.Serve(t.Context())
	}()
	c.Setup = nil
	ctx, cancel := context.WithCancel(t.Context())
	c.Started = func(*exec.Cmd) { cancel() }
	if err := c.Serve(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What systemd says to the program is not for its children.
func TestEnvironment(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/systemd")
	t.Setenv("WATCHDOG_USEC", "7")
	t.Setenv("LISTEN_FDS", "2")
	t.Setenv("TEND_TEST", "kept")
	t.Setenv(childVar, "env")
	c := &process.Command{Path: self(t), Dir: t.TempDir()}
	out, err := c.Run(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	env := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[key] = value
	}
	got := map[string]string{}
	for _, key := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "TEND_TEST", "PWD"} {
		if v, ok := env[key]; ok {
			got[key] = v
		}
	}
	if diff := cmp.Diff(map[string]string{"TEND_TEST": "kept", "PWD": c.Dir}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	c.Env = append(process.Environ(), childVar+"=env", "WATCHDOG_USEC=8", "TEND_TEST=")
	if out, err := c.Run(t.Context(), 0); err != nil || strings.Contains(string(out), "LISTEN_FDS") || !strings.Contains(string(out), "WATCHDOG_USEC=8") {
		t.Errorf("got %q, %v", out, err)
	}
	// Readiness and watchdog have no meaning for Run, and what Setup does with Env
	// is for one start.
	c.Env = []string{childVar + "=env", "WATCHDOG_USEC=7"}
	c.Watchdog, c.Ready = time.Hour, process.ReadyNotify()
	c.Setup = func(cmd *exec.Cmd) error { cmd.Env[1] = "WATCHDOG_USEC=8"; return nil }
	defer func() {
		if c.Env[1] != "WATCHDOG_USEC=7" {
			t.Errorf("Env is %q", c.Env)
		}
	}()
	if out, err := c.Run(t.Context(), 0); err != nil || strings.TrimSpace(string(out)) != "WATCHDOG_USEC=8" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestChild(t *testing.T) {
	c := &process.Command{Path: "/bin/web", StopTimeout: 7 * time.Second}
	for _, test := range []struct {
		set  func()
		want tend.Child
	}{
		{func() {}, tend.Child{Service: c, Name: "web", Timeout: 10 * time.Second}},
		{func() { c.Ready, c.Name = process.ReadyNotify(), "x" }, tend.Child{Service: c, Name: "x", Timeout: 10 * time.Second, ReadyTimeout: 365 * 24 * time.Hour}},
		{func() { c.StopTimeout, c.Ready = 1<<63-1, nil }, tend.Child{Service: c, Name: "x", Timeout: 1<<63 - 1}},
	} {
		test.set()
		same := cmp.Comparer(func(a, b tend.Service) bool { return a == b })
		if diff := cmp.Diff(test.want, c.Child(), same); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// Some other part of the program waits for any child, and gets this one's exit
// status. Nothing may be sent to a number that is free.
func TestReapedBySomebodyElse(t *testing.T) {
	c := command("exit", "0")
	c.Started = func(cmd *exec.Cmd) {
		if _, err := syscall.Wait4(cmd.Process.Pid, nil, 0, nil); err != nil {
			t.Error(err)
		}
	}
	if err := c.Serve(t.Context()); !errors.Is(err, syscall.ECHILD) || !strings.Contains(err.Error(), "its exit status is lost") {
		t.Errorf("got %v", err)
	}
}
