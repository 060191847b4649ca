//go:build linux || darwin

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// realPlugin makes a plugin of the test binary, in dir.
func realPlugin(t *testing.T, dir, fault string) plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asProgram, "1") // the processes get our environment
	return plugin{Name: "a", Path: self, Args: []string{"plugin", dir, "a", fault}, Heartbeat: heartbeatFile(dir, "a"), HeartbeatSeconds: 1}
}

// The daemon outlives its launcher, answers, beats, and is dead when it is gone.
func TestPluginProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plugins")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := realPlugin(t, dir, "none")
	c := processes{}
	if err := c.status(t.Context(), p); err == nil || !strings.Contains(err.Error(), "a: not running") {
		t.Errorf("before the start its status is %v", err)
	}
	for range 2 { // a second start finds it running
		if err := c.start(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.status(t.Context(), p); err != nil {
		t.Error(err)
	}
	if err := heartbeat(t.Context(), p); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(dir); err != nil { // which ends the daemon
		t.Fatal(err)
	}
	if err := c.status(t.Context(), p); err == nil {
		t.Error("it is gone, and its status is good")
	}
}

// A command that is not there, or no command.
func TestNoSuchProgram(t *testing.T) {
	for path, want := range map[string]string{"/nowhere/a": "no such file", t.TempDir(): "directory"} {
		p := plugin{Name: "a", Path: path}
		for _, err := range []error{processes{}.status(t.Context(), p), processes{}.start(t.Context(), p)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

// A command that hangs is killed with all of its group when its time is over: here
// a shell that does not listen, and what it waits for. Both hold a pipe, which has
// an end only when both have.
func TestHungCommandsAreKilled(t *testing.T) {
	for name, command := range map[string]func(context.Context, plugin) error{
		"status": processes{}.status, "start": processes{}.start,
	} {
		t.Run(name, func(t *testing.T) {
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			script := `trap '' TERM; exec 3>` + fifo + `; sleep 1000 & echo up >&3; wait; wait`
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- command(ctx, plugin{Name: "a", Path: "/bin/sh", Args: []string{"-c", script}}) }()
			pipe, err := os.Open(fifo) // when the script does
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = pipe.Close() }()
			lines := bufio.NewScanner(pipe)
			lines.Scan()
			cancel(errStop)
			if err := <-ended; !errors.Is(err, errStop) {
				t.Errorf("got %v", err)
			}
			if lines.Scan() {
				t.Errorf("it says %q", lines.Text())
			}
		})
	}
}

// A signal stops it in the middle of everything, and that is no failure.
func TestSignalStopsTheProgram(t *testing.T) {
	cmd := startable(t)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "/status") {
		continue
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		continue
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
