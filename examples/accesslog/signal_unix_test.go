//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// running is the program while it runs.
type running struct {
	*exec.Cmd
	stdout, stderr *bufio.Scanner
	log            strings.Builder // what was read of stderr so far
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{Cmd: program(t, args...)}
	stdout, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := r.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdout, r.stderr = bufio.NewScanner(stdout), bufio.NewScanner(stderr)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// logs reads the log up to a line with text in it, and returns that line.
func (r *running) logs(t *testing.T, text string) string {
	t.Helper()
	for r.stderr.Scan() {
		r.log.WriteString(r.stderr.Text() + "\n")
		if strings.Contains(r.stderr.Text(), text) {
			return r.stderr.Text()
		}
	}
	t.Fatalf("the log ended without %q:\n%s", text, &r.log)
	return ""
}

// address is where it serves.
func (r *running) address(t *testing.T) string {
	t.Helper()
	_, url, _ := strings.Cut(r.logs(t, "msg=serving"), "url=http://")
	return strings.TrimSuffix(url, "/counts")
}

func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// rest reads what is left of both outputs and waits for the end. Both are short
// by now: neither pipe is full while the other is read.
func (r *running) rest() (stdout string, err error) {
	var lines []string
	for r.stdout.Scan() {
		lines = append(lines, r.stdout.Text())
	}
	for r.stderr.Scan() {
		r.log.WriteString(r.stderr.Text() + "\n")
	}
	return strings.Join(lines, "\n"), r.Wait()
}

// A log that is followed is counted as it grows; SIGUSR1 shows the tree, and
// SIGTERM stops it in order.
func TestProgramFollows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	good := sampleTexts(t)[0]
	write(t, path, good+"\n")
	r := start(t, "-v", "-follow", path)
	address := r.address(t)
	waitCounts(t, address, 1, 0)
	write(t, path, "?\n"+good+"\n")
	waitCounts(t, address, 3, 1)

	r.signal(t, syscall.SIGUSR1)
	r.stdout.Scan() // the headings
	r.stdout.Scan()
	if row := r.stdout.Text(); !strings.HasPrefix(row, "accesslog ") {
		t.Errorf("SIGUSR1 showed %q", row)
	}
	r.signal(t, syscall.SIGTERM)
	r.logs(t, "stopping; another signal")
	stdout, err := r.rest()
	if err != nil {
		t.Errorf("it ended with %v", err)
	}
	if !strings.Contains(stdout, "3 lines, 1 of them malformed") {
		t.Errorf("it printed %s", stdout)
	}
	wantStopOrder(t, r.log.String())
	if !strings.Contains(r.log.String(), "terminated signal") {
		t.Errorf("the log does not tell the signal:\n%s", &r.log)
	}
}

// waitCounts asks until so many lines are counted.
func waitCounts(t *testing.T, address string, lines, malformed int) {
	t.Helper()
	for {
		answer, err := http.Get("http://" + address + "/counts")
		if err != nil {
			t.Fatal(err)
		}
		var c counts
		err = json.NewDecoder(answer.Body).Decode(&c)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if c.Lines == lines && c.Malformed == malformed {
			return
		}
		if c.Lines > lines {
			t.Fatalf("%d lines counted, want %d", c.Lines, lines)
		}
	}
}

// The first signal waits for a request that does not end; the second does not.
func TestProgramSecondSignal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	write(t, path, "")
	r := start(t, "-follow", path)
	address := r.address(t)
	// And not the one byte for which the answer waits. Without its head it would be
	// nobody's request yet, and the stop would close the connection.
	conn := dial(t, address, "GET /counts HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
	for range 100 { // one after the other: by then the first waits for its body
		waitCounts(t, address, 0, 0)
	}
	r.signal(t, syscall.SIGINT)
	r.logs(t, "stopping; another signal")
	r.signal(t, syscall.SIGINT)
	if rest, err := io.ReadAll(conn); len(rest) > 0 {
		t.Errorf("half a request got %q, %v", rest, err)
	}
	_, _ = r.rest()
	status, ok := r.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, want killed by SIGINT", r.ProcessState)
	}
	if strings.Contains(r.log.String(), "supervisor stopped") {
		t.Errorf("it waited for its services:\n%s", &r.log)
	}
}
