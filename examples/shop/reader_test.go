package main

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// reader reads what a program says.
type reader struct {
	lines *bufio.Scanner
	all   strings.Builder
}

func newReader(r io.Reader) *reader { return &reader{lines: bufio.NewScanner(r)} }

// await reads on until a line has a text.
func (r *reader) await(t *testing.T, text string) {
	t.Helper()
	for r.lines.Scan() {
		r.all.WriteString(r.lines.Text() + "\n")
		if strings.Contains(r.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("it has not said %q, but\n%s", text, r.all.String())
}
