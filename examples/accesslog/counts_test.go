package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The sample is what real logs are: thousands of good lines, and a
// few that are not.
func TestSample(t *testing.T) {
	c := countPlainly(sampleTexts(t))
	if c.Lines < 5000 || c.Malformed < 10 || c.Malformed > c.Lines/100 {
		t.Errorf("the sample has %d lines and %d malformed ones", c.Lines, c.Malformed)
	}
	if len(c.Rejects) != c.Malformed {
		t.Errorf("%d malformed lines and %d rejects", c.Malformed, len(c.Rejects))
	}
}

func TestCounts(t *testing.T) {
	at := time.Date(2026, time.November, 2, 4, 59, 59, 0, time.UTC)
	c := newCounts()
	c.add(result{number: 1, entry: entry{time: at, request: "GET /a?b HTTP/1.1", status: 200, bytes: 10}})
	before := c.clone()
	c.add(result{number: 3, entry: entry{time: at.Add(time.Second), request: "-", status: 408}})
	c.add(result{number: 2, malformed: true, text: strings.Repeat("x", 300)})
	c.add(result{number: 4, entry: entry{time: at, request: "GET /a HTTP/1.1", status: 200, bytes: 5}})
	want := counts{
		Lines: 4, Malformed: 1, Bytes: 15,
		Status:  map[int]int{200: 2, 408: 1},
		Methods: map[string]int{"GET": 2, "-": 1},
		Hours:   map[string]int{"2026-11-02T04": 2, "2026-11-02T05": 1},
		Paths:   map[string]int{"/a": 2, "-": 1},
		Rejects: []reject{{2, strings.Repeat("x", maxReject)}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if before.Lines != 1 || before.Status[200] != 1 || len(before.Rejects) != 0 || len(before.Hours) != 1 {
		t.Errorf("the clone changed with its original: %+v", before)
	}
}

// A log that asks for ever new paths, or is no log, needs a bounded amount of memory.
func TestCountsAreBounded(t *testing.T) {
	c := newCounts()
	for i := range maxPaths + 10 {
		c.add(result{entry: entry{request: fmt.Sprintf("GET /%d HTTP/1.1", i)}})
		c.add(result{number: i, malformed: true})
	}
	c.add(result{entry: entry{request: "GET /0 HTTP/1.1"}})
	if len(c.Paths) != maxPaths+1 || c.Paths["(others)"] != 10 || c.Paths["/0"] != 2 {
		t.Errorf("%d paths, %d others, %d times the first", len(c.Paths), c.Paths["(others)"], c.Paths["/0"])
	}
	if len(c.Rejects) != maxRejects || c.Rejects[maxRejects-1].Line != maxPaths+9 {
		t.Errorf("%d rejects, the last %+v", len(c.Rejects), c.Rejects[len(c.Rejects)-1])
	}
}

func TestPrint(t *testing.T) {
	c := newCounts()
	for _, path := range []string{"/b", "/a", "/c", "/c"} {
		c.add(result{entry: entry{request: "GET " + path + " HTTP/1.1", status: 200, bytes: 500_000}})
	}
	for status := range 7 {
		c.add(result{entry: entry{request: "GET /c HTTP/1.1", status: status}})
	}
	c.add(result{malformed: true})
	var out strings.Builder
	c.print(&out)
	want := `12 lines, 1 of them malformed, 2.0 MB sent
11 requests:
  4  status 200
  1  status 0
  1  status 1
  1  status 2
  1  status 3
  3  (and 3 more)
  9  path /c
  1  path /a
  1  path /b
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
