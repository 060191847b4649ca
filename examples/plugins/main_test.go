package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// The test binary is the program of the plugins too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == pluginCommand {
		os.Exit(runPlugin(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // or each plugin sleeps for a second under -race
	os.Exit(m.Run())
}

// The whole demonstration, with real processes.
func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), nil, &out, &errs); code != 0 {
		t.Errorf("exit code %d, %s", code, &errs)
	}
	for _, want := range []string{
		"zoom: panic: assignment to entry in nil map",
		"plugins/zoom: service failed: tend/process: zoom: exit status 2: panic: assignment to entry in nil map; restarts in ",
		"plugins/zoom: service gave up: 3 failures within 1m0s",
		`plugins/github: service failed: tend/health: github:ping is unhealthy after 3 failures: no answer to "ping": not within 250ms; restarts in`,
		"plugins/github: service gave up: 3 failures within 1m0s",
		"calendar answered ", "; 0 failed",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(&out)
	}
}

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args, want string
		code       int
	}{
		{"-speed 0", "plugins: -speed is 0, not 1 to 60\n", 2},
		{"-speed 61", "plugins: -speed is 61, not 1 to 60\n", 2},
		{"-speed NaN", "plugins: -speed is NaN, not 1 to 60\n", 2},
		{"zoom", "plugins: what is \"zoom\"?\n", 2},
	} {
		var errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(test.args), io.Discard, &errs); code != test.code || errs.String() != test.want {
			t.Errorf("%s: exit code %d, %q", test.args, code, &errs)
		}
	}
}

// startReal starts a plugin of this program with a fault, and what it takes to see
// that all its processes are gone: they inherit a pipe.
func startReal(t *testing.T, f fault) (p *pluginProcess, serve func() <-chan error, gone func()) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	rules := usual
	rules.grace = 100 * time.Millisecond
	p = newProcess(program, "plugin", f, rules, io.Discard)
	setup, started := p.command.Setup, p.command.Started
	p.command.Setup = func(cmd *exec.Cmd) error { cmd.ExtraFiles = []*os.File{w}; return setup(cmd) }
	p.command.Started = func(cmd *exec.Cmd) { w.Close(); started(cmd) }
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	serve = func() <-chan error {
		cancel()
		return ended
	}
	t.Cleanup(cancel)
	go func() { ended <- p.Serve(ctx) }()
	gone = func() {
		_ = r.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.ReadAll(r); err != nil {
			t.Errorf("something still runs: %v", err)
		}
	}
	for err := errNotRunning; err != nil; { // until the process has been started
		_, err = p.Call(t.Context(), "ping")
	}
	return p, serve, gone
}

// A plugin that hangs, deaf to SIGTERM, with a process of its own: calls end with
// their contexts, also when the pipe is full, and a stop takes all of it down.
func TestHangingProcess(t *testing.T) {
	p, stop, gone := startReal(t, hangs)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	full, cancelFull := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelFull()
	for range 3 { // a pipe holds 64 KiB
		if _, err := p.Call(full, "upper "+strings.Repeat("x", 60<<10)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	var exit *process.ExitError
	if err := <-stop(); !errors.As(err, &exit) || !exit.Forced {
		t.Errorf("got %v", err)
	}
	gone()
}

// A call under way ends with the process, and says so.
func TestCrashingProcess(t *testing.T) {
	p, stop, gone := startReal(t, crashes)
	if _, err := p.Call(t.Context(), "upper x"); !errors.Is(err, errNotRunning) {
		t.Errorf("got %v", err)
	}
	var exit *process.ExitError
	if err := <-stop(); !errors.As(err, &exit) || exit.Code != 2 {
		t.Errorf("got %v", err)
	}
	gone()
}

func TestHealthyProcess(t *testing.T) {
	p, stop, gone := startReal(t, noFault)
	for request, want := range map[string]string{"ping": "pong", "upper a b": "A B", "lower": "error: what is lower?"} {
		if got, err := p.Call(t.Context(), request); got != want || err != nil {
			t.Errorf("%s: %q, %v", request, got, err)
		}
	}
	if _, err := p.Call(t.Context(), "two\nlines"); err == nil {
		t.Error("no error")
	}
	var exit *process.ExitError
	if err := <-stop(); errors.As(err, &exit) {
		t.Error(err)
	}
	if err := p.Ping(t.Context()); !errors.Is(err, errNotRunning) {
		t.Errorf("got %v", err)
	}
	gone()
}

// A run that ends before it has a connection has none to close.
func TestStoppedBeforeItIsConnected(t *testing.T) {
	p, stop, gone := startReal(t, noFault)
	<-stop()
	gone()
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Serve(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Each call has its own time, whatever became of the others, and a line that was begun is
// finished before the next.
func TestCallsThatGiveUp(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := newConnection(w)
	defer c.close()
	long := strings.Repeat("x", 60<<10) // a pipe holds 64 KiB
	for range 3 {
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := c.call(short, long); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	endless, cancelEndless := context.WithCancel(t.Context())
	go cancelEndless()
	if _, err := c.call(endless, long); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	read := make(chan []int, 1)
	go func() {
		var lines []int
		for s := bufio.NewScanner(io.LimitReader(r, 1<<20)); s.Scan(); {
			number, text, _ := strings.Cut(s.Text(), " ")
			lines = append(lines, len(text))
			if text == "ping" {
				c.answered(number + " pong")
				break
			}
		}
		read <- lines
	}()
	if got, err := c.call(t.Context(), "ping"); got != "pong" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, n := range <-read {
		if n != len(long) && n != len("ping") {
			t.Errorf("a line of %d bytes has come", n)
		}
	}
}

// A plugin program that is not there fails like any other, three times.
func TestMissingProgram(t *testing.T) {
	gaveUp := make(chan tend.ServiceGaveUp, 1)
	r := usual.faster(60)
	h, err := newHost(r, func(e tend.Event) {
		if e, ok := e.(tend.ServiceGaveUp); ok {
			gaveUp <- e
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess("/no/such/plugin", "missing", noFault, r, io.Discard)
	if err := h.add(p.name, p, p.child()); err != nil {
		t.Fatal(err)
	}
	ended := h.root.ServeBackground(t.Context())
	if e := <-gaveUp; !errors.Is(e.Err, os.ErrNotExist) {
		t.Errorf("got %v", e)
	}
	h.root.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
