package clustertest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tend-go/tend/cluster/clustertest"
)

// Two processes of which the second begins before the first has returned; the last line of
// the first was cut short.
func TestCheckReadsFiles(t *testing.T) {
	for _, tt := range []struct {
		name, first, second    string
		overlaps, stale, taken int
	}{
		{"one after the other", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":5,"what":"stop","process":"a","shard":"s"}
{"at":`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 0, 0, 0},
		{"at once", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 1, 0, 0},
		{"killed before", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":5,"what":"dead","process":"a"}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 0, 0, 0},
		{"paused, and taken all the same", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":5,"what":"pause","process":"a"}
{"at":9,"what":"resume","process":"a"}
{"at":10,"what":"act","process":"a","shard":"s","token":1,"taken":true}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
{"at":7,"what":"act","process":"b","shard":"s","token":2,"taken":true}
`, 0, 0, 1},
		{"paused, and tries twice", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":5,"what":"pause","process":"a"}
{"at":9,"what":"resume","process":"a"}
{"at":10,"what":"act","process":"a","shard":"s","token":1}
{"at":11,"what":"act","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
{"at":7,"what":"act","process":"b","shard":"s","token":2,"taken":true}
`, 0, 1, 0},
		{"paused, and tried before that", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":8,"what":"act","process":"a","shard":"s","token":1}
{"at":9,"what":"pause","process":"a"}
{"at":10,"what":"resume","process":"a"}
{"at":11,"what":"act","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
{"at":7,"what":"act","process":"b","shard":"s","token":2,"taken":true}
`, 1, 2, 0},
		{"woken and told just before", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":2,"what":"pause","process":"a"}
{"at":4,"what":"resume","process":"a"}
{"at":5,"what":"told","process":"a","shard":"s","token":1}
{"at":7,"what":"stop","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 0, 0, 0},
		{"woken and not told", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":2,"what":"pause","process":"a"}
{"at":4,"what":"resume","process":"a"}
{"at":7,"what":"stop","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 1, 0, 0},
		{"woken and told before the driver notes it", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":2,"what":"pause","process":"a"}
{"at":4,"what":"told","process":"a","shard":"s","token":1}
{"at":5,"what":"resume","process":"a"}
{"at":7,"what":"stop","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 0, 0, 0},
		{"woken, and told too late", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":2,"what":"pause","process":"a"}
{"at":4,"what":"resume","process":"a"}
{"at":7,"what":"told","process":"a","shard":"s","token":1}
{"at":8,"what":"stop","process":"a","shard":"s","token":1}
`, `{"at":6,"what":"start","process":"b","shard":"s","token":2}
`, 1, 0, 0},
		{"paused long ago", `{"at":1,"what":"start","process":"a","shard":"s","token":1}
{"at":2,"what":"pause","process":"a"}
{"at":4,"what":"resume","process":"a"}
{"at":300000005,"what":"told","process":"a","shard":"s","token":1}
{"at":300000007,"what":"stop","process":"a","shard":"s","token":1}
`, `{"at":300000006,"what":"start","process":"b","shard":"s","token":2}
`, 1, 0, 0},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"a.jsonl": tt.first, "b.jsonl": tt.second} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := clustertest.Check(dir)
		if err != nil || len(r.Overlaps) != tt.overlaps || len(r.Stale) != tt.stale || len(r.Taken) != tt.taken {
			t.Errorf("%s: %+v, %v", tt.name, r, err)
		}
	}
	if _, err := clustertest.Check(t.TempDir()); err == nil {
		t.Error("nothing is found in nothing")
	}
}
