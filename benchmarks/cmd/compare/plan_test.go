package main

import (
	"regexp"
	"testing"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

func TestParseJob(t *testing.T) {
	for _, want := range []job{{"flat", "tend", 1000}, {"before", "oklog/run", 0}} {
		if got, err := parseJob(want.String()); err != nil || got != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	for _, bad := range []string{"", "flat", "flat/tend", "flat/tend/x", "flat/tend/-1"} {
		if _, err := parseJob(bad); err == nil {
			t.Errorf("%q is a job", bad)
		}
	}
}

// Peers take turns, and another one begins in each round.
func TestJobs(t *testing.T) {
	p := plan{short: true, filter: regexp.MustCompile("^flat/.*/10000$")}
	first := map[string]bool{}
	for round := range p.most() {
		jobs := p.jobs(round)
		first[jobs[0].Peer] = true
		seen := map[job]bool{}
		for _, j := range jobs {
			seen[j] = true
		}
		if len(seen) != len(jobs) || len(jobs) != len(peer.All())-3 { // one cannot add while running, two have actors only
			t.Errorf("round %d: %v", round, jobs)
		}
	}
	if len(first) != p.most() {
		t.Errorf("the same begins again: %v", first)
	}
}
