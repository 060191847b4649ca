//go:build linux

package faults

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tend-go/tend/cluster/internal/history"
)

// now is the clock that all processes of the machine share.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// notes is a process's own file. Each record is one write, so that SIGKILL loses none.
type notes struct {
	mu      sync.Mutex
	file    *os.File
	process string
}

func newNotes(dir, process string) *notes {
	f, err := os.OpenFile(filepath.Join(dir, process+".jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	return &notes{file: f, process: process}
}

func (n *notes) note(r history.Record) {
	if r.Process == "" {
		r.Process = n.process
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	r.At = now()
	if _, err := n.file.Write(line(r)); err != nil {
		panic(err)
	}
}

func line(r history.Record) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

// load reads what all have noted, in the order of time.
func load(t *testing.T, dir string) (records []history.Record) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var r history.Record
			if json.Unmarshal(lines.Bytes(), &r) == nil { // the last may have been cut short
				records = append(records, r)
			}
		}
		f.Close()
	}
	slices.SortStableFunc(records, func(a, b history.Record) int { return int(a.At - b.At) })
	return records
}
