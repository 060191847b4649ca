package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/report"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// plan says what is to be measured.
type plan struct {
	short  bool
	filter *regexp.Regexp
	rounds int // 0: as many as fit
}

// job is one measurement: a scenario, a peer and a size.
type job struct {
	Scenario, Peer string
	N              int
}

// String is the three with slashes between; the slash in a peer's name stays.
func (j job) String() string { return fmt.Sprintf("%s/%s/%d", j.Scenario, j.Peer, j.N) }

func parseJob(text string) (job, error) {
	name, rest, ok := strings.Cut(text, "/")
	at := strings.LastIndex(rest, "/")
	if !ok || at < 0 {
		return job{}, fmt.Errorf("%q is not scenario/peer/N", text)
	}
	n, err := strconv.Atoi(rest[at+1:])
	if err != nil || n < 0 {
		return job{}, fmt.Errorf("%q is not scenario/peer/N", text)
	}
	return job{name, rest[:at], n}, nil
}

// run measures everything, round after round. In each round the peers take turns
// at every size, and another one begins. The error tells of jobs that failed; the
// rest is done all the same.
func (p plan) run(ctx context.Context, run *report.Run) error {
	var failed []error
	for round := range p.most() {
		for _, j := range p.jobs(round) {
			if ctx.Err() != nil {
				return errors.Join(failed...)
			}
			began := time.Now()
			results, err := j.measure(ctx)
			if ctx.Err() != nil {
				return errors.Join(failed...) // what was interrupted says nothing
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", j, err)
				failed = append(failed, err)
			}
			run.Add(j.Scenario, j.Peer, j.N, results, err)
			fmt.Fprintf(os.Stderr, "round %d  %-34s %6.1fs\n", round+1, j, time.Since(began).Seconds())
		}
	}
	return errors.Join(failed...)
}

// jobs are those of a round.
func (p plan) jobs(round int) []job {
	peers := peer.All()
	var jobs []job
	for _, s := range scenario.All() {
		for _, n := range p.sizes(s) {
			if round >= p.roundsOf(n) {
				continue
			}
			for i := range peers {
				who := peers[(i+round)%len(peers)]
				if j := (job{s.Name, who.Name(), n}); s.Cannot(who) == "" && p.filter.MatchString(j.String()) {
					jobs = append(jobs, j)
				}
			}
		}
	}
	return jobs
}

func (p plan) sizes(s scenario.Scenario) []int {
	if p.short {
		return s.Short
	}
	return s.Full
}

// most is how many rounds there are.
func (p plan) most() int { return p.roundsOf(0) }

// roundsOf is how often size n is measured; small ones are noisy, and quick.
func (p plan) roundsOf(n int) int {
	switch {
	case p.rounds > 0:
		return p.rounds
	case p.short:
		return 3
	case n >= 1e6:
		return 3
	case n >= 1e5:
		return 7
	default:
		return 11
	}
}

// timeout is more than any measurement takes.
const timeout = 10 * time.Minute

// measure has the job done by a process of its own.
func (j job) measure(ctx context.Context) (scenario.Results, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "-measure", j.String()) //nolint:gosec // this program
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, firstLine(stderr.String()))
	}
	var results scenario.Results
	return results, json.Unmarshal(stdout.Bytes(), &results)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
