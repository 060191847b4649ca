//go:build unix

package main

import (
	"bufio"
	"io"
	"strings"
	"syscall"
	"testing"
)

// A signal stops it in the middle of a wait of an hour, and that is no failure.
func TestSignalStopsTheProgram(t *testing.T) {
	t.Parallel()
	cmd := program(t, "-first", "1h", "-longest", "1h", "-forever")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `msg="trying again" id=2026-0003 sender=mail attempt=1 in=1h`) {
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); err != nil || !strings.Contains(string(rest), "msg=stopped left=10") {
		t.Errorf("%v\n%s", err, rest)
	}
}
