package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rig is a reader with something that takes its lines.
type rig struct {
	*reader
	taken chan line // synctest.Wait before reading it
}

// newRig must be called in a bubble.
func newRig(t *testing.T, log source, follow bool) *rig {
	s := newStore()
	serveStore(t, s)
	g := &rig{reader: &reader{log: log, follow: follow, lines: newQueue[line](2, 1), store: s}, taken: make(chan line, 100)}
	go func() {
		_ = g.lines.work(t.Context(), func(l *line) error {
			g.taken <- *l
			return nil
		})
	}()
	return g
}

// start serves the reader; stop ends it and returns what Serve returned.
func (g *rig) start(t *testing.T) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// want checks that these lines came since the last call, numbered on.
func (g *rig) want(t *testing.T, first int, texts ...string) {
	t.Helper()
	synctest.Wait()
	var want, got []line
	for i, text := range texts {
		want = append(want, line{number: first + i, text: text})
	}
	for len(g.taken) > 0 {
		got = append(got, <-g.taken)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, test := range map[string]struct {
		data string
		want []string
	}{
		"empty":          {"", nil},
		"one":            {"a\n", []string{"a"}},
		"no end":         {"a\nb", []string{"a", "b"}},
		"blank":          {"\n\na\n", []string{"", "", "a"}},
		"windows":        {"a\r\nb\r\n", []string{"a", "b"}},
		"as long as may": {long[1:] + "\nb\n", []string{long[1:], "b"}},
		"one too long":   {long + "\nb\n", []string{long + cutMark, "b"}},
		"far too long":   {long + long + long + "\nb\n", []string{long + cutMark, "b"}},
		"long, no end":   {long + long, []string{long + cutMark}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := fstest.MapFS{"log": {Data: []byte(test.data)}}
				g := newRig(t, source{files, "log"}, false)
				if err := g.Serve(t.Context()); err != nil {
					t.Fatal(err)
				}
				g.want(t, 1, test.want...)
				if g.store.lines != len(test.want) {
					t.Errorf("the store was told of %d lines, want %d", g.store.lines, len(test.want))
				}
			})
		})
	}
}

// A reader that is stopped and served again, at any line, goes on behind the
// last one that it handed over.
func TestReaderGoesOn(t *testing.T) {
	var data bytes.Buffer
	var want []string
	for n := range 30 {
		want = append(want, fmt.Sprint("line ", n))
		fmt.Fprintln(&data, want[n])
	}
	files := fstest.MapFS{"log": {Data: data.Bytes()}}
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		serveStore(t, s)
		r := &reader{log: source{files, "log"}, lines: newQueue[line](1, 1), store: s}
		var taken []string
		for len(taken) < len(want) {
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Serve(ctx) }()
			synctest.Wait() // the queue is full
			stop()
			<-ended
			for _, l := range takeAll(t, r.lines) {
				taken = append(taken, l.text)
			}
		}
		if diff := cmp.Diff(want, taken); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReaderFollows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "one\nhalf")
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, sourceOf(path), true)
		stop := g.start(t)
		g.want(t, 1, "one")

		began := time.Now()
		write(t, path, " and half\nthree\n")
		g.want(t, 2)
		time.Sleep(pollEvery)
		g.want(t, 2, "half and half", "three")
		if took := time.Since(began); took != pollEvery {
			t.Errorf("it took %v", took)
		}

		t.Log("cut short and written anew, as copytruncate does")
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		write(t, path, "four\n")
		time.Sleep(pollEvery)
		g.want(t, 4, "four")

		t.Log("renamed; the writer goes on in the old file until the new one is there")
		write(t, path, "five\n")
		rename(t, path)
		time.Sleep(3 * pollEvery)
		g.want(t, 5, "five")
		write(t, path, "")
		write(t, path+".1", "six\ncut")
		time.Sleep(pollEvery)
		g.want(t, 6, "six")
		write(t, path, "eight\n")
		time.Sleep(pollEvery)
		g.want(t, 7, "cut", "eight")

		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("Serve returned %v, want the cause of the stop", err)
		}
		t.Log("served again, and replaced while nobody read")
		write(t, path, "nine\n")
		stop = g.start(t)
		g.want(t, 9, "nine")
		_ = stop()
		rename(t, path)
		write(t, path, "ten\n")
		stop = g.start(t)
		g.want(t, 10, "ten")
		_ = stop()
		if g.store.lines != -1 {
			t.Errorf("the store was told that the log ends at %d", g.store.lines)
		}
	})
}

// write appends text to the file at path.
func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, path string) {
	t.Helper()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
}

// A read that fails is the reader's failure; the next incarnation goes on where
// it stood.
func TestReaderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &flakyFS{data: []byte("one\ntwo\nthree\n"), failAt: []int64{5, 0, 9}}
		g := newRig(t, source{files, "log"}, false)
		for n := 1; len(files.failAt) > 0; n++ {
			if err := g.Serve(t.Context()); !errors.Is(err, errFlaky) {
				t.Fatalf("run %d returned %v, want %v", n, err, errFlaky)
			}
		}
		if err := g.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.want(t, 1, "one", "two", "three")
	})
}

func TestSourceCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	write(t, path, "")
	for _, good := range []string{path, ""} {
		if err := sourceOf(good).check(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	missing := filepath.Join(dir, "missing")
	err := sourceOf(missing).check()
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file: %v", err)
	}
	if err := sourceOf(dir).check(); err == nil || err.Error() != "open "+dir+": not a regular file" {
		t.Errorf("a directory: %v", err)
	}
}

var errFlaky = errors.New("input/output error")

// flakyFS holds one file. The first read after each opening that reaches the
// first offset in failAt fails, and takes that off the list.
type flakyFS struct {
	data   []byte
	failAt []int64
}

func (f *flakyFS) Open(string) (fs.File, error) {
	file, err := fstest.MapFS{"log": {Data: f.data}}.Open("log")
	return &flakyFile{File: file, of: f}, err
}

type flakyFile struct {
	fs.File
	of *flakyFS
	at int64
}

func (f *flakyFile) Seek(offset int64, whence int) (int64, error) {
	f.at = offset
	return f.File.(interface {
		Seek(offset int64, whence int) (int64, error)
	}).Seek(offset, whence)
}

// Read returns what stands before the offset first, and the error then.
func (f *flakyFile) Read(into []byte) (int, error) {
	if len(f.of.failAt) > 0 {
		left := f.of.failAt[0] - f.at
		if left <= 0 {
			f.of.failAt = f.of.failAt[1:]
			return 0, errFlaky
		}
		into = into[:min(int64(len(into)), left)]
	}
	n, err := f.File.Read(into)
	f.at += int64(n)
	return n, err
}
