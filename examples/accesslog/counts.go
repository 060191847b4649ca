package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// counts is what the program is there for. It is what GET /counts answers.
type counts struct {
	Lines     int            `json:"lines"` // counted so far, malformed ones included
	Malformed int            `json:"malformed"`
	Bytes     int64          `json:"bytes"` // sent in bodies
	Status    map[int]int    `json:"status"`
	Methods   map[string]int `json:"methods"`
	Hours     map[string]int `json:"hours"`   // by the log's own clock, "2026-11-02T04"
	Paths     map[string]int `json:"paths"`   // the first maxPaths of them, and "(others)"
	Rejects   []reject       `json:"rejects"` // the last maxRejects malformed lines
}

// A reject is a line that no parser could read.
type reject struct {
	Line int    `json:"line"`
	Text string `json:"text"` // its beginning
}

// Scanners ask for paths without end, and a log may be of another format
// altogether; neither may fill the memory.
const (
	maxPaths   = 10_000
	maxRejects = 100
	maxReject  = 120 // bytes of a line that is kept in a reject
)

func newCounts() counts {
	return counts{
		Status:  map[int]int{},
		Methods: map[string]int{},
		Hours:   map[string]int{},
		Paths:   map[string]int{},
		Rejects: []reject{},
	}
}

// add counts one line.
func (c *counts) add(r result) {
	c.Lines++
	if r.malformed {
		c.Malformed++
		c.Rejects = append(c.Rejects, reject{r.number, r.text[:min(len(r.text), maxReject)]})
		c.Rejects = c.Rejects[max(0, len(c.Rejects)-maxRejects):]
		return
	}
	method, path := r.entry.target()
	if _, known := c.Paths[path]; !known && len(c.Paths) >= maxPaths {
		path = "(others)"
	}
	c.Bytes += r.entry.bytes
	c.Status[r.entry.status]++
	c.Methods[method]++
	c.Hours[r.entry.time.Format("2006-01-02T15")]++
	c.Paths[path]++
}

// clone shares nothing with c.
func (c *counts) clone() counts {
	copied := *c
	copied.Status = maps.Clone(c.Status)
	copied.Methods = maps.Clone(c.Methods)
	copied.Hours = maps.Clone(c.Hours)
	copied.Paths = maps.Clone(c.Paths)
	copied.Rejects = slices.Clone(c.Rejects)
	return copied
}

// print writes a summary for people.
func (c *counts) print(w io.Writer) {
	fmt.Fprintf(w, "%d lines, %d of them malformed, %.1f MB sent\n", c.Lines, c.Malformed, float64(c.Bytes)/1e6)
	fmt.Fprintf(w, "%d requests:\n", c.Lines-c.Malformed)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	printTop(tw, "status", c.Status, 5)
	printTop(tw, "path", c.Paths, 8)
	tw.Flush()
}

// printTop writes the n highest counts, equal ones in the order of their keys, and what
// the others add up to.
func printTop[K cmp.Ordered](w io.Writer, title string, count map[K]int, n int) {
	keys := slices.SortedFunc(maps.Keys(count), func(a, b K) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	for _, key := range keys[:min(len(keys), n)] {
		fmt.Fprintf(w, "%d\t  %s %v\n", count[key], title, key)
	}
	rest := 0
	for _, key := range keys[min(len(keys), n):] {
		rest += count[key]
	}
	if more := len(keys) - n; more > 0 {
		fmt.Fprintf(w, "%d\t  (and %d more)\n", rest, more)
	}
}
