package clustertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tend-go/tend/cluster/internal/history"
)

// Report is what [Check] found. Err is nil if nothing is wrong.
type Report = history.Report

// Check judges what processes, the resource and the driver of a test have noted, by the
// *.jsonl files of a directory alone: one JSON object a line, with "at" (nanoseconds of a
// clock that all share), "what" (start, told, stop, act, pause, resume, dead, heal),
// "process", "shard", "token", "taken" and for readers "since" and "cause"; what it does not
// know it passes over. A last line that was cut short, as by SIGKILL, is left out. shards are
// those that must have an owner at the end; none: nothing must.
//
// Runs of one shard must not overlap; nothing may be tried, and much less be taken, with a
// token lower than one seen before; tokens grow in the order of starts. The first two less
// what a noted pause explains: the process stood still when its successor started, and this
// is the first that it tries since; or it was told as soon as it woke, and had no time to
// return before its successor started.
func Check(dir string, shards ...string) (Report, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) == 0 {
		return Report{}, fmt.Errorf("tend/clustertest: no *.jsonl in %s", dir)
	}
	var records []history.Record
	for _, name := range files {
		found, err := read(name)
		if err != nil {
			return Report{}, err
		}
		records = append(records, found...)
	}
	return history.Check(records, shards), nil
}

func read(name string) (records []history.Record, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("tend/clustertest: %w", err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		var r history.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("tend/clustertest: %s, line %d: %w", name, n, err)
		}
		records = append(records, r)
	}
	return records, lines.Err()
}
