//go:build linux

package faults

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend/cluster/internal/history"
)

// A view is what the driver knows of the runs, from what nodes and driver have noted so far.
type view struct {
	dir  string
	read map[string]int64 // of each file
	open map[string]map[string]history.Record
	past []history.Record
}

func newView(dir string) *view {
	return &view{dir: dir, read: map[string]int64{}, open: map[string]map[string]history.Record{}}
}

// look reads what is new.
func (v *view) look() {
	var news []history.Record
	files, _ := filepath.Glob(filepath.Join(v.dir, "*.jsonl"))
	for _, name := range files {
		if filepath.Base(name) != "ledger.jsonl" {
			news = append(news, v.more(name)...)
		}
	}
	slices.SortStableFunc(news, func(a, b history.Record) int { return int(a.At - b.At) })
	for _, r := range news {
		v.take(r)
	}
	v.past = append(v.past, news...)
}

func (v *view) more(name string) (news []history.Record) {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, _ := f.Seek(0, 2)
	data := make([]byte, size-v.read[name])
	n, _ := f.ReadAt(data, v.read[name])
	data = data[:bytes.LastIndexByte(data[:n], '\n')+1]
	v.read[name] += int64(len(data))
	for text := range bytes.Lines(data) {
		var r history.Record
		if json.Unmarshal(text, &r) == nil {
			news = append(news, r)
		}
	}
	return news
}

func (v *view) take(r history.Record) {
	switch r.What {
	case history.Start:
		if v.open[r.Shard] == nil {
			v.open[r.Shard] = map[string]history.Record{}
		}
		v.open[r.Shard][r.Process] = r
	case history.Stop:
		delete(v.open[r.Shard], r.Process)
	case history.Dead:
		for _, runs := range v.open {
			delete(runs, r.Process)
		}
	default:
	}
}

// owners are the nodes that run a shard.
func (v *view) owners(shard string) (names []string) {
	for process := range v.open[shard] {
		name, _, _ := strings.Cut(process, ".")
		names = append(names, name)
	}
	return names
}

// counts is how many shards each node runs.
func (v *view) counts() map[string]int {
	n := map[string]int{}
	for shard := range v.open {
		for _, name := range v.owners(shard) {
			n[name]++
		}
	}
	return n
}

// starts are those since then, of one shard or of all.
func (v *view) starts(since time.Duration, shard string) (found []history.Record) {
	return v.find(history.Start, since, shard)
}

func (v *view) find(what history.What, since time.Duration, shard string) (found []history.Record) {
	for _, r := range v.past {
		if r.What == what && r.At >= since && (shard == "" || r.Shard == shard) {
			found = append(found, r)
		}
	}
	return found
}
