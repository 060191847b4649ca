package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tend-go/tend"
)

// The tests of the whole program run the test binary again, as the program.
const asProgram = "ACCESSLOG_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is the program with these arguments, to be started.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// TestQuiet: without -v what is logged is shorter than the result, and no crash of a
// parser.
func TestQuiet(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	cmd := program(t)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	log, result := strings.Count(stderr.String(), "\n"), strings.Count(stdout.String(), "\n")
	if log == 0 || log >= result || strings.Contains(stderr.String(), "parser") {
		t.Errorf("%d lines of log and %d of result:\n%s", log, result, &stderr)
	}
}

// With -v it says how it counts the sample, shows the tree, stops it in order and exits
// with 0.
func TestProgram(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	cmd := program(t, "-v")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	want := countPlainly(sampleTexts(t))
	var summary bytes.Buffer
	want.print(&summary)
	tree, rest, _ := strings.Cut(stdout.String(), "\n\n")
	counted, crashed, _ := strings.Cut(rest, "\n\n")
	if counted+"\n" != summary.String() {
		t.Errorf("it counted\n%s\nwant\n%s", counted, &summary)
	}
	if n := maxStrikes * want.Malformed; !strings.Contains(crashed, fmt.Sprintf(" crashed %d times ", n)) || !strings.Contains(stderr.String(), " stack=") {
		t.Errorf("of %d crashes it says %q and logs\n%s", n, crashed, &stderr)
	}
	if names := treeNames(tree); strings.Join(names, " ") != "accesslog store pipeline reader parsers parser-1 parser-2 parser-3 parser-4 aggregator http" {
		t.Errorf("the tree is %v\n%s", names, tree)
	}
	wantStopOrder(t, stderr.String())
}

// treeNames are the names in a status printed as text, between its headings and its sum.
func treeNames(tree string) (names []string) {
	rows := strings.Split(strings.TrimSpace(tree), "\n")
	for _, row := range rows[1 : len(rows)-1] {
		names = append(names, strings.Fields(strings.Trim(row, "│├└─ "))[0])
	}
	return names
}

// wantStopOrder checks that the log tells of the services' ends in the order
// that was promised. Parsers end in any order, and the reader may be done before.
func wantStopOrder(t *testing.T, log string) {
	t.Helper()
	from := 0
	for _, end := range []string{
		`msg="service ended" supervisor=accesslog service=http `,
		`msg="service ended" supervisor=accesslog/pipeline service=aggregator `,
		`msg="service ended" supervisor=accesslog/pipeline service=parsers `,
		`msg="service ended" supervisor=accesslog service=pipeline `,
		`msg="service ended" supervisor=accesslog service=store `,
		`msg="supervisor stopped" supervisor=accesslog `,
	} {
		at := strings.Index(log[from:], end)
		if at < 0 {
			t.Fatalf("the log does not tell, or not in order: %s\n%s", end, log)
		}
		from += at
	}
}

// What is wrong from the beginning is said in one line, and nothing is started.
func TestProgramRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.log")
	unreadable := filepath.Join(dir, "secret.log")
	if err := os.WriteFile(unreadable, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args   []string
		code   int
		stderr string // its beginning
		skip   bool
	}{
		"missing":       {args: []string{missing}, code: 1, stderr: "accesslog: cannot read the log: stat " + missing + ": "},
		"missing, tail": {args: []string{"-follow", missing}, code: 1, stderr: "accesslog: cannot read the log: stat " + missing + ": "},
		"unreadable":    {args: []string{unreadable}, code: 1, stderr: "accesslog: cannot read the log: open " + unreadable + ": ", skip: readable(unreadable)},
		"directory":     {args: []string{dir}, code: 1, stderr: "accesslog: cannot read the log: open " + dir + ": not a regular file\n"},
		"port taken":    {args: []string{"-http", taken.Addr().String()}, code: 1, stderr: "accesslog: cannot serve the counts: listen tcp "},
		"no address":    {args: []string{"-http", "nowhere"}, code: 1, stderr: "accesslog: cannot serve the counts: listen tcp: "},
		"two files":     {args: []string{"a", "b"}, code: 2, stderr: "accesslog: one file, not [\"a\" \"b\"]\nusage: "},
		"unknown flag":  {args: []string{"-tail"}, code: 2, stderr: "flag provided but not defined: -tail\nusage: "},
		"help":          {args: []string{"-h"}, code: 0, stderr: "usage: accesslog "},
	} {
		t.Run(name, func(t *testing.T) {
			if test.skip {
				t.Skip("this user may read everything")
			}
			var stderr strings.Builder
			cmd := program(t, test.args...)
			cmd.Stderr = &stderr
			stdout, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.HasPrefix(stderr.String(), test.stderr) || len(stdout) > 0 {
				t.Errorf("it said %q and %q, want %q", stdout, &stderr, test.stderr)
			}
		})
	}
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err == nil
}

// A log that cannot be read any more is tried again, and again, and then it is
// the program's failure.
func TestJobGivesUp(t *testing.T) {
	quiet(t)
	files := &flakyFS{data: []byte("one\ntwo\n")}
	for range 100 {
		files.failAt = append(files.failAt, 5)
	}
	j := newJob(source{files, "log"}, false, parse, at("127.0.0.1:0"))
	err := j.report(j.root.Serve(t.Context()), io.Discard)
	var tooMany *tend.TooManyFailures
	if !errors.As(err, &tooMany) || !errors.Is(err, errFlaky) {
		t.Errorf("it ended with %v", err)
	}
}

// The sample is a file like others, but for that nothing replaces it.
func TestEmbeddedSample(t *testing.T) {
	if err := fstest.TestFS(sample, "sample.log"); err != nil {
		t.Error(err)
	}
	f, err := sourceOf("").open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if sourceOf("").successor(f) {
		t.Error("the sample was replaced")
	}
}
