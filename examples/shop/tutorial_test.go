package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// steps are the files of the program after each step of the tutorial. A comment before
// a piece of code says which file it is, and in which step it comes to be so.
func steps(t *testing.T) (all []map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	piece := regexp.MustCompile("(?s)<!-- step (\\d): (\\S+) -->\n```\\w*\n(.*?)```")
	files := map[string]string{}
	for _, m := range piece.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < len(all) || n > len(all)+1 {
			t.Fatalf("step %s comes after step %d", m[1], len(all))
		}
		if n > len(all) {
			all = append(all, nil)
		}
		files[m[2]] = m[3]
		all[n-1] = maps.Clone(files)
	}
	return all
}

// TestTutorialBuildsTheShop: what comes out of it in the end is this program.
func TestTutorialBuildsTheShop(t *testing.T) {
	all := steps(t)
	if len(all) != 8 {
		t.Fatalf("there are %d steps", len(all))
	}
	built := all[7]
	for _, pattern := range []string{"*.go", "shop.service", "kubernetes.yaml"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") && built[name] != string(text) {
				t.Errorf("%s is not as the tutorial has it", name)
			}
			delete(built, name)
		}
	}
	for name, text := range built {
		whole, err := os.ReadFile("shop_test.go")
		if err != nil || !strings.Contains(string(whole), text) {
			t.Errorf("%s is in the tutorial only", name)
		}
	}
}

// TestStepsRun: after each step there is a program that is ready, and ends with 0 when it
// is told to.
func TestStepsRun(t *testing.T) {
	for i, files := range steps(t) {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			run(t, exec.CommandContext(t.Context(), build(t, module(t, files))))
		})
	}
}

// TestReadmePrograms: what the README shows builds. Of its second program, which is the
// first one with another main, it leaves out what an editor puts in.
func TestReadmePrograms(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	pieces := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(pieces) != 2 {
		t.Fatalf("there are %d programs", len(pieces))
	}
	_, work, _ := strings.Cut(pieces[0][1], "\nfunc work(")
	const imports = `package main

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/tendprom"
)

`
	for name, program := range map[string]string{"first": pieces[0][1], "second": imports + pieces[1][1] + "\nfunc work(" + work} {
		t.Run(name, func(t *testing.T) { build(t, module(t, map[string]string{"main.go": program})) })
	}
}

// build builds the program in a directory.
func build(t *testing.T, dir string) (program string) {
	t.Helper()
	program = filepath.Join(dir, "shop")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// module is a directory with the code of a step, and what it needs.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = strings.ReplaceAll(string(text), "=> ../..", "=> "+root)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "SHOP_WEB="+free(t), "SHOP_PROBES="+free(t), "SHOP_DEBUG="+free(t))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := newReader(log)
	said.await(t, "INFO ready ")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said.await(t, "INFO ended code=0 ")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestWhatNeedsANewerGo is named in the README, and nothing else: what users import or install.
func TestWhatNeedsANewerGo(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, said, is := strings.Cut(string(text), "Your program needs Go ")
	said, _, ends := strings.Cut(said, ")")
	if !is || !ends {
		t.Fatal("it does not say what a program needs")
	}
	root := goOf(t, ".")
	if !strings.HasPrefix(said, root+" ") {
		t.Errorf("it says %q, and the root needs %s", said, root)
	}
	for name, dir := range map[string]string{
		"tendprom": "tendprom", "tendotel": "tendotel", "cluster": "cluster", "tendtop": "cmd/tendtop", "suture": "suture/shim",
	} {
		if needs := goOf(t, dir); strings.Contains(said, "`"+name+"`") != (needs != root) {
			t.Errorf("%s needs %s, and it says %q", name, needs, said)
		}
	}
}

// goOf is the version of Go that the module in a directory needs, without its patch.
func goOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s names no version of Go", dir)
	}
	return string(found[1])
}
