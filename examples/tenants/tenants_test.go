package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// disk is a file in memory.
type disk struct {
	mu   sync.Mutex
	text string
	err  error
}

func (d *disk) read() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []byte(d.text), d.err
}

func (d *disk) write(text string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.text, d.err = text, err
}

// paper keeps what is printed.
type paper struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

// lines are those since the last call.
func (p *paper) lines() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.Split(strings.TrimSuffix(p.buf.String(), "\n"), "\n")
	p.buf.Reset()
	return lines
}

// TestTheFileIsEdited: what changed is changed, two looks later, and nothing else; an error
// leaves the tenants as they are.
func TestTheFileIsEdited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, out := &disk{}, &paper{}
		d.write("anna 1h hello\n\n# and\nbert 1h  good day \n", nil)
		root, each := tree(d.read, time.Second, out)
		done := root.ServeBackground(t.Context())
		want := func(lines ...string) {
			t.Helper()
			if diff := cmp.Diff(lines, out.lines()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		want("added anna, bert")
		wantFile := func(says string) {
			t.Helper()
			if text := root.Status().String(); !strings.Contains(text, "file="+says) {
				t.Errorf("the status does not say %q:\n%s", says, text)
			}
		}
		for _, c := range []struct {
			text string
			err  error
			want string
			says string
		}{
			{"anna 1h hello\nbert 1h good evening\n", nil, "replaced bert", "is as the tenants are"},
			{"", errors.New("no such file"), "", "no such file"},
			{"anna 1h hello\nbert 1h good evening\n", nil, "", "is as the tenants are"},
			{"", errors.New("no such file"), "", "no such file"},
			{"bert 1h good evening\ncleo 1h hi", nil, "added cleo,removed anna", "is as the tenants are"},
			{"bert 1h\nbert 1h", nil, "the tenants stay as they are: line 2: bert is there twice", "line 2"},
			{"bert", nil, "the tenants stay as they are: line 1: time: invalid duration \"\"", "line 1"},
			{"bert 1us", nil, "the tenants stay as they are: line 1: 1µs is too often", "line 1"},
		} {
			d.write(c.text, c.err)
			time.Sleep(time.Second + time.Millisecond) // an editor may be in the middle of it
			if c.err == nil {
				want("")
			}
			time.Sleep(time.Second)
			want(strings.Split(c.want, ",")...)
			wantFile(c.says)
		}
		names := []string{}
		for name := range each.All() {
			names = append(names, name)
		}
		if slices.Sort(names); !slices.Equal(names, []string{"bert", "cleo"}) {
			t.Error(names)
		}
		root.Stop()
		<-done
	})
}

// TestOneSickTenant pauses no other, and its first failure is told.
func TestOneSickTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, out := &disk{}, &paper{}
		d.write("sick 1s panic\nwell 1s hello\n", nil)
		root, each := tree(d.read, time.Hour, out)
		done := root.ServeBackground(t.Context())
		time.Sleep(time.Minute + time.Millisecond)
		said := 0
		for _, line := range out.lines() {
			if line == "well: hello" {
				said++
			}
		}
		if said != 60 || each.Supervisor().Status().Count != 0 {
			t.Errorf("well has spoken %d times; %v", said, root.Status())
		}
		root.Stop()
		<-done
	})
}

// TestNoFile: until there is one it is a failure like others, and waits longer and longer.
func TestNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, out := &disk{}, &paper{}
		d.write("", errors.New("no such file"))
		root, each := tree(d.read, time.Second, out)
		done := root.ServeBackground(t.Context())
		time.Sleep(5 * time.Second)
		d.write("anna 1h hello\n", nil)
		if err := root.WaitReady(t.Context()); err != nil || each.Len() != 1 {
			t.Errorf("%v, %d tenants", err, each.Len())
		}
		if lines := out.lines(); lines[0] != "tenants/file: service failed: no such file; restarts in 1s" {
			t.Error(lines)
		}
		root.Stop()
		<-done
	})
}

// TestRun is the program with a real file, and what it says to bad arguments.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.txt")
	if err := os.WriteFile(path, []byte("anna 10ms hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := &stopper{cancel: cancel, at: "anna: hello"}
	if code := run(ctx, []string{path}, stop, os.Stderr); code != 0 {
		t.Errorf("it returned %d", code)
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"a", "b"}, &bytes.Buffer{}, &stderr); code != 2 || !strings.Contains(stderr.String(), "one file, or none") {
		t.Errorf("it returned %d: %s", code, &stderr)
	}
}

// stopper asks the program to stop when it prints a line.
type stopper struct {
	cancel context.CancelFunc
	at     string
}

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.at) {
		s.cancel()
	}
	return len(p), nil
}

// TestDemo shows all, in some seconds.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes five seconds")
	}
	out := &paper{}
	if code := run(t.Context(), nil, out, os.Stderr); code != 0 {
		t.Errorf("it returned %d", code)
	}
	text := out.buf.String()
	for _, line := range []string{"added anna, bert", "replaced bert", "bert has nothing to say; restarts in", "the tenants stay as they are", "removed anna, bert"} {
		if !strings.Contains(text, line) {
			t.Errorf("it does not say %q:\n%s", line, text)
		}
	}
}
