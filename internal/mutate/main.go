// Command mutate finds rules that no test holds: it makes small changes to source
// files, one at a time, runs the tests of their package with each, and tells which
// changes nobody noticed.
//
//	go run ./internal/mutate                   # all changes to the plan
//	go run ./internal/mutate -share 20 -turn 3 # every twentieth, from the third on
//	go run ./internal/mutate hub.go run.go     # other files, of one package
//	go run ./internal/mutate -list             # what would be changed
//	go run ./internal/mutate -match 'plan.ask' # those that match
//
// All changes are compiled into one test binary, in which a number picks the one that is
// made. A change that does not compile is none. One that changes nothing that matters is
// equivalent: the file equivalent.txt beside this one names those, and says why. It
// exits with 1 if a change survives that is not there, or if one is there that is not made
// any more.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := mutate(ctx, os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// settings are what the command line says.
type settings struct {
	files       []string // of one package
	first       []string // patterns of tests to run before all, the fastest first
	share, turn int
	match       *regexp.Regexp
	listed      string // the file of the equivalent ones
}

func parse(args []string) (s settings, list bool, err error) {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	first := flags.String("first", "TestPlanStories,TestPlan|TestDeadlines|TestAClock", "`patterns` of the tests to run before all tests, with commas between")
	flags.IntVar(&s.share, "share", 1, "make every n-th change only")
	flags.IntVar(&s.turn, "turn", 0, "which of these shares")
	match := flags.String("match", "", "make only changes that match the `pattern`")
	flags.StringVar(&s.listed, "equivalent", "internal/mutate/equivalent.txt", "the `file` of changes that change nothing")
	flags.BoolVar(&list, "list", false, "print the changes and make none")
	if err := flags.Parse(args); err != nil {
		return s, list, err
	}
	if s.share < 1 {
		return s, list, fmt.Errorf("-share is %d", s.share)
	}
	if s.match, err = regexp.Compile(*match); err != nil {
		return s, list, err
	}
	s.first = strings.FieldsFunc(*first, func(c rune) bool { return c == ',' })
	s.files = flags.Args()
	if len(s.files) == 0 {
		s.files, err = planFiles()
	}
	return s, list, err
}

// planFiles are the files that decide.
func planFiles() ([]string, error) {
	files, err := filepath.Glob("plan_*.go")
	if err != nil {
		return nil, err
	}
	list := []string{"plan.go"}
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			list = append(list, f)
		}
	}
	return list, nil
}

// mutate does what the command line says. It is ok if no change survived that is not
// known to be equivalent.
func mutate(ctx context.Context, out io.Writer, args []string) (ok bool, err error) {
	s, list, err := parse(args)
	if err != nil {
		return false, err
	}
	var all []*file
	for _, name := range s.files {
		f, err := read(name)
		if err != nil {
			return false, err
		}
		all = append(all, f)
	}
	known, err := readEquivalent(s.listed)
	if err != nil {
		return false, err
	}
	stale := known.stale(all)
	for _, key := range stale {
		fmt.Fprintf(out, "not made any more, but listed as equivalent: %s\n", key)
	}
	chosen := choose(all, known, s)
	if list {
		for _, c := range chosen {
			fmt.Fprintln(out, c)
		}
		return len(stale) == 0, nil
	}
	survivors, err := try(ctx, out, s, all, chosen)
	return len(stale) == 0 && len(survivors) == 0, err
}

// choose picks a share of the changes that are not known to be equivalent.
func choose(all []*file, known equivalent, s settings) (chosen []*change) {
	i := 0
	for _, f := range all {
		for _, c := range f.changes {
			if known[c.key()] != "" || !s.match.MatchString(c.key()) {
				continue
			}
			if i++; i%s.share == s.turn%s.share {
				chosen = append(chosen, c)
			}
		}
	}
	return number(chosen)
}
