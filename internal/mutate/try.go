package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// try runs the tests with each change and returns those that no test noticed.
func try(ctx context.Context, out io.Writer, s settings, all []*file, chosen []*change) (survivors []*change, err error) {
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	b := &binary{dir: filepath.Dir(s.files[0]), path: filepath.Join(work, "mutants.test"), work: work}
	chosen, err = b.build(ctx, all, chosen)
	if err != nil {
		return nil, err
	}
	if err := b.measure(ctx, s.first); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	each(chosen, func(c *change) {
		begin := time.Now()
		by := b.killer(ctx, c.number)
		mu.Lock()
		defer mu.Unlock()
		result := "killed by " + by
		if by == "" {
			result = "SURVIVES"
			survivors = append(survivors, c)
		}
		fmt.Fprintf(out, "mutant %d of %d, %.1fs, %s: %v\n", c.number, len(chosen), time.Since(begin).Seconds(), result, c)
	})
	fmt.Fprintf(out, "%d mutants, %d survive\n", len(chosen), len(survivors))
	for _, c := range survivors {
		fmt.Fprintln(out, c.key())
	}
	return survivors, ctx.Err()
}

// each calls do with all changes, as many at once as there are processors.
func each(chosen []*change, do func(*change)) {
	var workers sync.WaitGroup
	next := make(chan *change)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for c := range next {
				do(c)
			}
		})
	}
	for _, c := range chosen {
		next <- c
	}
	close(next)
	workers.Wait()
}

// binary is a test binary that has all changes in it.
type binary struct {
	dir   string // of the package
	path  string
	work  string // a directory for what is written
	parts []part // of the tests, in the order in which they are run
}

// complaint is where a compiler finds something wrong in a change.
var complaint = regexp.MustCompile(`(?m)^\S*mutant(\d+):\d+`)

// build compiles the changes, and leaves out those that do not compile.
func (b *binary) build(ctx context.Context, all []*file, chosen []*change) ([]*change, error) {
	for {
		overlay, err := b.write(all, chosen)
		if err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-gcflags=-e", "-overlay", overlay, "-o", b.path, ".")
		cmd.Dir = b.dir
		said, err := cmd.CombinedOutput()
		if err == nil {
			return chosen, nil
		}
		bad := map[string]bool{}
		for _, m := range complaint.FindAllSubmatch(said, -1) {
			bad[string(m[1])] = true
		}
		if len(bad) == 0 {
			return nil, fmt.Errorf("go test -c: %w:\n%s", err, said)
		}
		chosen = number(slices.DeleteFunc(chosen, func(c *change) bool { return bad[strconv.Itoa(c.number)] }))
	}
}

// number gives the changes the numbers that they have in the binary.
func number(chosen []*change) []*change {
	for i, c := range chosen {
		c.number = i + 1
	}
	return chosen
}

// write writes the files with all changes in them, and an overlay that has them in the
// place of those that are there.
func (b *binary) write(all []*file, chosen []*change) (overlay string, err error) {
	dir, err := filepath.Abs(b.dir)
	if err != nil {
		return "", err
	}
	texts := map[string]string{"mutant_number.go": fmt.Sprintf(theNumber, all[0].pkg, variable)}
	for _, f := range all {
		texts[filepath.Base(f.name)] = f.with(chosen)
	}
	replace := map[string]string{}
	for name, text := range texts {
		to := filepath.Join(b.work, name)
		replace[filepath.Join(dir, name)] = to
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(b.work, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

const variable = "TEND_MUTANT"

const theNumber = `package %s

import (
	"os"
	"strconv"
)

var mutantNumber, _ = strconv.Atoi(os.Getenv(%q))
`

// with is the file with all those changes that are its own: a function that is changed
// begins with a copy of its body for each. The compiler is told to call the copies by
// their number.
func (f *file) with(chosen []*change) string {
	var b strings.Builder
	done := 0
	var in *ast.FuncDecl
	finish := func() {
		if in != nil {
			fmt.Fprintf(&b, "}\n//line %s:%d\n", filepath.Base(f.name), f.set.Position(in.Body.Lbrace).Line)
		}
	}
	for _, c := range chosen {
		if c.file != f {
			continue
		}
		begin, end := f.offset(c.function.Body.Lbrace)+1, f.offset(c.function.Body.Rbrace)
		if c.function != in {
			finish()
			in = c.function
			b.WriteString(f.source[done:begin] + "\nswitch mutantNumber {\n")
			done = begin
		}
		fmt.Fprintf(&b, "case %d:\n//line mutant%d:1\n{%s%s%s}\n", c.number, c.number, f.source[begin:c.from], c.code, f.source[c.to:end])
		if in.Type.Results == nil {
			b.WriteString("return\n")
		}
	}
	finish()
	b.WriteString(f.source[done:])
	return b.String()
}

// part is a part of the tests, and how long it may take: a change may make it run for
// ever.
type part struct {
	pattern string
	limit   time.Duration
}

// measure finds out how long the tests of each pattern, and then all, take without a
// change.
func (b *binary) measure(ctx context.Context, patterns []string) error {
	for _, pattern := range append(slices.Clone(patterns), ".") {
		begin := time.Now()
		if said, err := b.run(ctx, 0, part{pattern, time.Minute}); err != nil {
			return fmt.Errorf("the tests fail without a change: %w:\n%s", err, said)
		}
		b.parts = append(b.parts, part{pattern, 3*time.Second + 10*time.Since(begin)})
	}
	return nil
}

var failed = regexp.MustCompile(`--- FAIL: (\S+)`)

// killer is the test that fails with the change of that number; empty: none.
func (b *binary) killer(ctx context.Context, number int) string {
	for _, p := range b.parts {
		said, err := b.run(ctx, number, p)
		if err == nil {
			continue
		}
		if test := failed.FindSubmatch(said); test != nil {
			return string(test[1])
		}
		return p.pattern + ", " + err.Error()
	}
	return ""
}

// run runs a part of the tests. A change may also make them eat memory without an end.
func (b *binary) run(ctx context.Context, number int, p part) (said []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, errors.New("out of time"))
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 4000000; exec "$@"`, "sh",
		b.path, "-test.short", "-test.failfast", "-test.run", p.pattern, "-test.timeout", "0")
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, number))
	cmd.WaitDelay = time.Second
	said, err = cmd.CombinedOutput()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return said, err
}
