package main

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// sampleTexts are the lines of the sample.
func sampleTexts(t testing.TB) []string {
	t.Helper()
	data, err := sample.ReadFile("sample.log")
	if err != nil {
		t.Fatal(err)
	}
	return texts(string(data))
}

func texts(data string) []string {
	lines := strings.Split(data, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// countPlainly counts one line after another, without a tree: what the program
// must come to as well.
func countPlainly(texts []string) counts {
	c := newCounts()
	for i, text := range texts {
		e, malformed := tryParse(text)
		c.add(result{number: i + 1, entry: e, malformed: malformed != nil, text: text})
	}
	return c
}

// wantCounts compares, whatever order the malformed lines came in.
func wantCounts(t testing.TB, got, want counts) {
	t.Helper()
	byLine := func(a, b reject) int { return cmp.Compare(a.Line, b.Line) }
	slices.SortFunc(got.Rejects, byLine)
	slices.SortFunc(want.Rejects, byLine)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
