// Compare runs all scenarios with all peers, in turns, each time in a process of
// its own, and reports.
//
//	go run ./benchmarks/cmd/compare                  # all of it, to docs/benchmarks.md
//	go run ./benchmarks/cmd/compare -short           # a look, to standard output
//	go run ./benchmarks/cmd/compare -only 'restart/.*/0$'
//	go run ./benchmarks/cmd/compare -page            # nothing but the page, from the numbers beside it
//
// Only a full run replaces the report in docs, unless -out says otherwise. It
// needs about 8 GB of memory for its million services.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/pprof"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/report"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

func main() {
	short := flag.Bool("short", false, "fewer rounds and nothing above 100,000 services: under five minutes")
	only := flag.String("only", "", "run only what this `regexp` matches of scenario/peer/N")
	out := flag.String("out", "", "`directory` for benchmarks.md and the plots (default docs for a full run, else only text to standard output)")
	rounds := flag.Int("rounds", 0, "how often everything is measured (default as many times as fit)")
	measure := flag.String("measure", "", "measure one `scenario/peer/N` in this process and print the numbers")
	page := flag.Bool("page", false, "measure nothing and write the page again from the numbers beside it")
	profile := flag.String("cpuprofile", "", "with -measure: `file` for a CPU profile")
	flag.Parse()
	if *measure != "" {
		exit(profiled(*profile, func() error { return measureOne(*measure) }))
	}
	filter, err := regexp.Compile(*only)
	if err != nil {
		exit(err)
	}
	if *out == "" && !*short && *only == "" {
		*out = "docs"
	}
	if *page {
		exit(rewrite(*out))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(compare(ctx, plan{short: *short, filter: filter, rounds: *rounds}, *out))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// compare runs the plan and reports. An interrupt ends it with a report of what has
// been measured until then.
func compare(ctx context.Context, p plan, dir string) error {
	run := report.NewRun(p.short)
	failed := p.run(ctx, run)
	run.Finish()
	if dir == "" {
		return errors.Join(failed, run.Markdown(os.Stdout, ""))
	}
	return errors.Join(failed, write(run, dir))
}

// rewrite writes the page again.
func rewrite(dir string) error {
	numbers, err := os.Open(numbersIn(dir)) //nolint:gosec // where the user wants it
	if err != nil {
		return err
	}
	run, err := report.ReadNumbers(numbers)
	if err := errors.Join(err, numbers.Close()); err != nil {
		return err
	}
	return write(run, dir)
}

// numbersIn is where the numbers of the page in dir are.
func numbersIn(dir string) string { return filepath.Join(dir, "benchmarks", "numbers.json") }

// write puts benchmarks.md and benchmarks/*.svg into dir, with the numbers.
func write(run *report.Run, dir string) error {
	plots := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(plots, 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	return errors.Join(
		run.Plots(plots),
		create(numbersIn(dir), run.WriteNumbers),
		create(filepath.Join(dir, "benchmarks.md"), func(w io.Writer) error { return run.Markdown(w, "benchmarks") }),
	)
}

// create writes a file.
func create(name string, write func(io.Writer) error) error {
	file, err := os.Create(name) //nolint:gosec // where the user wants it
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// profiled calls f, and writes a CPU profile of it unless file is empty.
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	w, err := os.Create(file) //nolint:gosec // where the user wants it
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return err
	}
	err = f()
	pprof.StopCPUProfile()
	return errors.Join(err, w.Close())
}

// measureOne is what a process of its own does.
func measureOne(what string) error {
	j, err := parseJob(what)
	if err != nil {
		return err
	}
	s, err := scenario.Named(j.Scenario)
	if err != nil {
		return err
	}
	p := peer.Named(j.Peer)
	if p == nil {
		return fmt.Errorf("there is no peer %q", j.Peer)
	}
	if why := s.Cannot(p); why != "" {
		return fmt.Errorf("%s cannot: %s", j.Peer, why)
	}
	results, err := s.Run(p, j.N)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}
