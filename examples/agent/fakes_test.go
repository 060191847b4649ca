package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	errDown = errors.New("503")
	errDead = errors.New("not running")
	errStop = errors.New("operator said so")
)

// timeline is what happened when, since the start of a test.
type timeline struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func newTimeline() *timeline { return &timeline{start: time.Now(), lines: []string{}} }

func (l *timeline) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, at(fmt.Sprintf(format, args...), time.Since(l.start)))
}

func at(what string, d time.Duration) string { return what + "@" + short(d) }

// short is d without its zero parts: 15m30s, 1h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// want compares with lines separated by white space.
func (l *timeline) want(t *testing.T, lines string) {
	t.Helper()
	l.wantLines(t, strings.Fields(lines))
}

func (l *timeline) wantLines(t *testing.T, lines []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := cmp.Diff(lines, l.lines); d != "" {
		t.Errorf("timeline (-want +got):\n%s", d)
	}
}

// fakeServer writes reports to a timeline: "status:+-" for one about two plugins of
// which the second is dead, "status!" for one that it did not accept.
type fakeServer struct {
	l       *timeline
	only    string // path; the others are answered and not written down
	answer  func(ctx context.Context, path string, times int) (directive, error)
	mu      sync.Mutex
	times   map[string]int
	reports []report
}

func newServer(l *timeline, only string) *fakeServer {
	return &fakeServer{l: l, only: only, times: map[string]int{}}
}

func (s *fakeServer) post(ctx context.Context, path string, r report) (d directive, err error) {
	s.mu.Lock()
	s.times[path]++
	times := s.times[path]
	s.reports = append(s.reports, r)
	s.mu.Unlock()
	if s.answer != nil {
		d, err = s.answer(ctx, path, times)
	}
	if s.only == "" || s.only == path {
		s.l.add("%s", text(path, r, err))
	}
	return d, err
}

func text(path string, r report, err error) string {
	text := strings.TrimPrefix(path, "/")
	if err != nil {
		return text + "!"
	}
	if path != scanPath && path != pullPath {
		return text
	}
	text += ":"
	for _, p := range r.Plugins {
		text += map[string]string{running: "+", failed: "-", installed: "1"}[p.Status]
	}
	return text
}

// last is the last report.
func (s *fakeServer) last() report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports[len(s.reports)-1]
}

// fakeCommands are plugins that need no process.
type fakeCommands struct {
	l  *timeline
	mu sync.Mutex
	// dead plugins fail their status.
	dead map[string]bool
	// What a command does first. Nil: nothing.
	onStatus, onStart func(ctx context.Context, p plugin) error
}

func newCommands(l *timeline, dead ...string) *fakeCommands {
	c := &fakeCommands{l: l, dead: map[string]bool{}}
	for _, name := range dead {
		c.dead[name] = true
	}
	return c
}

func (c *fakeCommands) set(name string, dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead[name] = dead
}

func (c *fakeCommands) status(ctx context.Context, p plugin) error {
	if c.onStatus != nil {
		if err := c.onStatus(ctx, p); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead[p.Name] {
		return errDead
	}
	return nil
}

func (c *fakeCommands) start(ctx context.Context, p plugin) error {
	c.l.add("start-%s", p.Name)
	if c.onStart != nil {
		if err := c.onStart(ctx, p); err != nil {
			c.l.add("failed-%s", p.Name)
			return err
		}
	}
	c.set(p.Name, false)
	return nil
}

// plugins makes plugins whose heartbeats are good for a year.
func plugins(t *testing.T, names ...string) (list []plugin) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		p := plugin{Name: name, Version: "1.0", Path: "/plugins/" + name, Heartbeat: filepath.Join(dir, name), HeartbeatSeconds: 365 * 24 * 3600}
		write(t, p, fmt.Sprint(time.Now().Unix()))
		list = append(list, p)
	}
	return list
}

// write writes p's heartbeat file, as it is.
func write(t *testing.T, p plugin, text string) {
	t.Helper()
	if err := os.WriteFile(p.Heartbeat, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// prepare makes an agent whose random delays are fixed: the first scan is after
// 30 s, the first pull after 90 s, the first list after 3 m, and a start after 4 s.
func prepare(t *testing.T, list []plugin, s server, c commands) *agent {
	t.Helper()
	return prepareFor(t, func() ([]plugin, error) { return list, nil }, s, c)
}

func prepareFor(t *testing.T, plugins func() ([]plugin, error), s server, c commands) *agent {
	t.Helper()
	a, err := newAgent(plugins, s, c, usual, silent())
	if err != nil {
		t.Fatal(err)
	}
	settle(a)
	return a
}

// settle fixes the random delays.
func settle(a *agent) {
	a.scan.InitialDelay, a.scan.InitialSpread = 30*time.Second, 0
	a.pull.InitialDelay, a.pull.InitialSpread = 90*time.Second, 0
	a.list.InitialDelay, a.list.InitialSpread = 3*time.Minute, 0
	hire := a.starters.hire
	a.starters.hire = func(name string) *starter {
		s := hire(name)
		s.delay = func() time.Duration { return 4 * time.Second }
		return s
	}
}

// serveFor serves the agent's tree for d, and checks that it stops at once.
func serveFor(t *testing.T, a *agent, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ended := a.root.ServeBackground(ctx)
	time.Sleep(d)
	synctest.Wait() // what is due at this very moment comes first
	cancel(errStop)
	stopped := time.Now()
	if err := <-ended; !errors.Is(err, errStop) {
		t.Errorf("the tree returned %v", err)
	}
	if late := time.Since(stopped); late != 0 {
		t.Errorf("the stop took %v", late)
	}
}

// after calls f when the test has lasted for d.
func after(d time.Duration, f func()) { time.AfterFunc(d, f) }

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
