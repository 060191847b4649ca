package cluster

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster/internal/store"
)

// docs/cluster.md is held against the code.

// rows reads the table of docs/cluster.md whose first column is called so.
func rows(t *testing.T, what string) (found [][]string) {
	t.Helper()
	data, err := os.ReadFile("../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	reading := false
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		switch {
		case !strings.HasPrefix(line, "|"):
			reading = false
		case cells[0] == what:
			reading = true
		case reading && !strings.HasPrefix(line, "|--"):
			found = append(found, cells)
		}
	}
	if len(found) == 0 {
		t.Fatalf("there is no table of %s", what)
	}
	return found
}

// The times that the guide gives are those by which a node goes.
func TestGuideTimes(t *testing.T) {
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) + " s" }
	columns := [][]string{{
		"a renewal is sent every, and given up after",
		"services are told after",
		"Check fails, and what still runs overruns, after",
		"the engine may give the claims away after",
		"a successor runs within, after kill -9, and its start",
		"more for each member placed before it that does not come",
		`"free" is said after`,
		"a service may take to stop (Timeout)",
		"Timeout must be less than",
		"a process may stand still for",
		"clocks may differ in rate by",
	}}
	for _, ttl := range []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second} {
		o := Options{Fleet: "f", Name: "n", Engine: struct{ store.Store }{}, TTL: ttl}.complete()
		lease := session{ttl: o.TTL, margin: o.Margin}
		lease.granted(0, opened{})
		timeout := NewRole[tend.Service](Join(o), "r", Spec{}, nil).timeout()
		columns = append(columns, []string{
			seconds(lease.next), seconds(lease.tellAt(timeout)), seconds(lease.until()), seconds(lease.end()),
			seconds(ttl + 500*time.Millisecond), seconds(ttl / 5), seconds(2 * ttl), seconds(timeout),
			seconds(most(o)), seconds(o.Margin / 4),
			strconv.FormatFloat(100*float64(o.Margin)/float64(2*ttl), 'g', -1, 64) + " %",
		})
	}
	var want [][]string
	for i := range columns[0] {
		want = append(want, []string{columns[0][i], columns[1][i], columns[2][i], columns[3][i]})
	}
	if diff := cmp.Diff(want, rows(t, "TTL")); diff != "" {
		t.Errorf("-so it is +documented\n%s", diff)
	}
}

// most is the shortest Timeout, by tenths of a second, that NewRole refuses.
func most(o Options) (timeout time.Duration) {
	fits := func() (ok bool) {
		defer func() { ok = recover() == nil }()
		s := Spec{}
		s.Tree.Timeout = timeout
		s.check(o, "r")
		return true
	}
	for timeout = time.Second; fits(); {
		timeout += 100 * time.Millisecond
	}
	return timeout
}

// Every kind of event has its line, with its levels.
func TestGuideEvents(t *testing.T) {
	documented := map[string][]string{}
	for _, cells := range rows(t, "event") {
		if len(cells) != 4 {
			t.Errorf("%q has %d columns", cells[0], len(cells))
			continue
		}
		documented[cells[0]] = regexp.MustCompile(`[A-Z]{4,}`).FindAllString(cells[1], -1)
	}
	for k := range kinds {
		kind := Kind(k)
		if kind == 0 {
			continue
		}
		var want []string
		for _, owned := range []int{1, 0} {
			if level := (Event{Kind: kind, Owned: owned}).Level().String(); !slices.Contains(want, level) {
				want = append(want, level)
			}
		}
		if diff := cmp.Diff(want, documented[kind.String()]); diff != "" {
			t.Errorf("%v: -so it is +documented\n%s", kind, diff)
		}
	}
}
