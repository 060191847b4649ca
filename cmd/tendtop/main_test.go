package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/tendtest"
)

// asProgram makes the test binary the program itself.
const asProgram = "TENDTOP_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// page is a program with a tree, and its page at a URL.
func page(t *testing.T, services ...tend.Service) (*tend.Supervisor, string) {
	t.Helper()
	root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
	for _, s := range services {
		root.Add(s)
	}
	handler := observe.Handler(root, observe.Options{Allow: func(_ *http.Request, a observe.Action, _ tend.ServiceStatus) error {
		if a == observe.Remove {
			return errors.New("not that")
		}
		return nil
	}})
	done := root.ServeBackground(t.Context()) // now, so that the page misses nothing
	mux := http.NewServeMux()
	mux.Handle("/debug/tree/", handler)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		root.Stop()
		<-done
	})
	return root, server.URL
}

// broken has failed for good.
func broken() tend.Service {
	return tend.Child{Service: tendtest.Failing("broken", errors.New("boom")), Limit: tend.Limit{N: 1}}
}

func wait(t *testing.T, root *tend.Supervisor, service int, state tend.State) {
	t.Helper()
	if err := root.WaitState(t.Context(), root.Status().Services[service].Token, state); err != nil {
		t.Fatal(err)
	}
}

func TestOnce(t *testing.T) {
	well, at := page(t, tendtest.Idle("a"))
	wait(t, well, 0, tend.StateRunning)
	sick, elsewhere := page(t, broken())
	wait(t, sick, 0, tend.StateFailed)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer other.Close()
	for _, c := range []struct {
		args   []string
		code   int
		stdout string // its beginning, whatever the columns are wide: that is how long it has been running
		stderr string
	}{
		{[]string{"-once", at}, 0, "service state for restarts notes shop serving", ""},
		{[]string{"-once", strings.TrimPrefix(at, "http://")}, 0, "service state for restarts notes shop serving", ""},
		{[]string{"-once", elsewhere}, 1, "service", "tendtop: not ready: "},
		{[]string{"-once", other.URL}, 2, "", "tendtop: " + other.URL + "/debug/tree/ does not answer as a page of tend does: "},
		{[]string{"-once", at + "/elsewhere"}, 2, "", "tendtop: 404 Not Found: "},
		{[]string{"-once", "ftp://x"}, 2, "", `tendtop: "ftp://x" is no address of a page`},
		{[]string{"-once", "unix:"}, 2, "", "tendtop: unix: wants the path of a socket"},
		{[]string{"a", "b"}, 2, "", `tendtop: one address, not ["a" "b"]`},
		{[]string{"-every", "1ms"}, 2, "", "tendtop: -every is 1ms, less than 100ms"},
		{[]string{"-once", "-q", "db", at}, 2, "", "tendtop: -once prints all of the tree and takes no -q; "},
		{[]string{"-what"}, 2, "", "flag provided but not defined"},
		{[]string{"-h"}, 0, "", "usage: tendtop"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), c.args, &stdout, &stderr)
		if code != c.code || !strings.HasPrefix(strings.Join(strings.Fields(stdout.String()), " "), c.stdout) || !strings.HasPrefix(stderr.String(), c.stderr) {
			t.Errorf("%q: %d, %q, %q", c.args, code, &stdout, &stderr)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "debug.sock")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	root := tend.New("shop", tend.Spec{})
	mux := http.NewServeMux()
	mux.Handle("/debug/tree/", observe.Handler(root, observe.Options{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-once", "unix:" + path}, &stdout, &stderr); code != 1 || !strings.Contains(stdout.String(), "\nshop     not served") {
		t.Errorf("%d, %q, %q", code, &stdout, &stderr)
	}
}

// screen is a model that answers itself, and what it shows.
type screen struct {
	t *testing.T
	m *model
}

func newScreen(t *testing.T, at string) *screen {
	t.Helper()
	c, err := newClient(at)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t, newModel(c, options{every: time.Hour})}
	s.do(s.m.Init())
	return s
}

// do runs a command and what comes of it, but for the next tick.
func (s *screen) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			s.do(cmd)
		}
	case treeMsg:
		s.m.Update(msg) // and no tick: that would be an hour
	default:
		_, cmd := s.m.Update(msg)
		s.do(cmd)
	}
}

func (s *screen) press(keys ...string) {
	named := map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "down": tea.KeyDown, "up": tea.KeyUp, "end": tea.KeyEnd, "back": tea.KeyBackspace}
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		if key, is := named[k]; is {
			msg = tea.KeyMsg{Type: key}
		}
		_, cmd := s.m.Update(msg)
		s.do(cmd)
	}
}

// shows says whether a text is on the screen, which has the right size.
func (s *screen) shows(text string) bool {
	s.t.Helper()
	view := ansi.Strip(s.m.View())
	lines := strings.Split(view, "\n")
	if len(lines) != s.m.height {
		s.t.Errorf("%d lines on a screen of %d", len(lines), s.m.height)
	}
	for _, l := range lines {
		if ansi.StringWidth(l) > s.m.width {
			s.t.Errorf("a line is wider than the screen: %q", l)
		}
	}
	return strings.Contains(view, text)
}

// await asks again until a text is on the screen: the page hears of events a moment after
// the tree has changed.
func (s *screen) await(text string) {
	s.t.Helper()
	for range 10_000 {
		if s.shows(text) {
			return
		}
		s.do(s.m.ask(false))
	}
	s.want(text)
}

func (s *screen) want(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if !s.shows(text) {
			s.t.Errorf("no %q on the screen:\n%s", text, ansi.Strip(s.m.View()))
		}
	}
}

func TestKeys(t *testing.T) {
	root, at := page(t, tendtest.Idle("web"), broken(), tendtest.Idle("db"))
	wait(t, root, 1, tend.StateFailed)
	s := newScreen(t, at)
	s.want("shop  not ready  1 failed, 2 running", "web ", "broken ", "ago: boom", "3 by tree")
	s.press("t")
	s.want("1 in trouble, by last failure")
	if s.shows("web ") {
		t.Error("what is well is shown")
	}
	s.press("enter")
	s.await("broken gave up: ")
	s.want("── shop/broken ─", "failed: boom")
	s.press("g")
	s.want("tend: ") // why there are no goroutines
	s.press("esc", "t", "/", "d", "b", "x", "back", "enter")
	s.want("1 by tree, with db", "db ")
	s.press("esc", "end", "z")
	s.want("suspend shop/db? y confirms")
	s.press("n")
	if got := root.Status().Services[2].State; got != tend.StateRunning {
		t.Errorf("it is %v", got)
	}
	s.press("z", "y")
	s.want("suspend requested")
	wait(t, root, 2, tend.StateSuspended)
	s.press("x", "y")
	s.want("remove: 403 Forbidden: ")
	s.press("?")
	s.want("restart, suspend, remove, if the page allows it")
	s.press("q", "s")
	s.want("3 by restarts")
}

// TestAPauseCanBeEnded: that of a supervisor, and that which a service waits for.
func TestAPauseCanBeEnded(t *testing.T) {
	flaky := func(name string) tend.Service {
		fails := 6
		return tend.Func(name, func(ctx context.Context) error {
			if fails--; fails >= 0 {
				return errors.New("boom")
			}
			<-ctx.Done()
			return nil
		})
	}
	pool := tend.New("pool", tend.Spec{FailureBackoff: time.Hour})
	token := pool.Add(flaky("worker"))
	root, at := page(t, flaky("web"), pool)
	paused := func(s *tend.Supervisor) bool { return !s.Status().PausedUntil.IsZero() }
	for !paused(root) || !paused(pool) {
		if t.Context().Err() != nil {
			t.Fatal("they do not pause")
		}
	}
	s := newScreen(t, at)
	s.await("; pauses for ")
	s.want("pauses for 1h", "waits for the pause of its supervisor")
	s.press("e")
	s.want("resume shop? y confirms")
	s.press("y")
	s.want("resume requested")
	wait(t, root, 0, tend.StateRunning)
	s.press("down", "e")
	s.want("resume shop/pool? y confirms")
	s.press("n", "end", "e")
	s.want("resume shop/pool? y confirms")
	s.press("y")
	if err := pool.WaitState(t.Context(), token, tend.StateRunning); err != nil {
		t.Error(err)
	}
	s.await("3 running")
	s.press("e")
	s.want("shop/pool does not pause")
}

// TestAWishIsForWhatWasSelected, also if that leaves before it is confirmed.
func TestAWishIsForWhatWasSelected(t *testing.T) {
	root, at := page(t, tendtest.Idle("stays"), tendtest.Idle("leaves"))
	wait(t, root, 1, tend.StateRunning)
	s := newScreen(t, at)
	s.press("end", "z")
	s.want("suspend shop/leaves? y confirms")
	if err := root.RemoveAndWait(t.Context(), root.Status().Services[1].Token); err != nil {
		t.Fatal(err)
	}
	s.do(s.m.ask(false))
	s.want("suspend shop/leaves? y confirms")
	s.press("y")
	s.want("suspend: 4") // gone, or on its way
	if got := root.Status().Services[0].State; got != tend.StateRunning {
		t.Errorf("what was not meant is %v", got)
	}
}

// TestSmallScreens: whatever the size, and whatever is open.
func TestSmallScreens(t *testing.T) {
	root, at := page(t, tendtest.Idle("web"), broken(), tendtest.Idle(strings.Repeat("long ", 20)))
	wait(t, root, 1, tend.StateFailed)
	s := newScreen(t, at)
	for _, size := range [][2]int{{80, 24}, {20, 5}, {10, 3}, {200, 60}} {
		s.m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		for _, keys := range []string{"", "enter", "down", "?", "q", "/", "esc", "enter"} {
			if keys != "" {
				s.press(keys)
			}
			s.shows("")
		}
	}
}

// TestTheProgramGoesAway: the last answer stays, and since when there is none is said.
func TestTheProgramGoesAway(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	s := newScreen(t, gone.URL)
	s.want("tendtop  404 Not Found")
	_, at := page(t, tendtest.Idle("web"))
	s = newScreen(t, at)
	s.m.client.base = gone.URL + "/"
	s.do(s.m.ask(false))
	s.want("shop  no answer since ", "web ")
}

// TestAnAnswerThatDoesNotCome to what the pane asks is said in it until one comes, and of the
// service alone that was asked about.
func TestAnAnswerThatDoesNotCome(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	root, at := page(t, broken(), tendtest.Idle("web"))
	wait(t, root, 0, tend.StateFailed)
	s := newScreen(t, at)
	s.press("enter")
	s.want("failed: boom")
	there := s.m.client.base
	s.m.client.base = gone.URL + "/"
	s.do(s.m.ask(false))
	s.want("no answer: 404 Not Found", "failed: boom")
	late := s.m.look()
	s.m.client.base = there
	s.do(s.m.ask(false))
	if s.want("failed: boom"); s.shows("no answer") {
		t.Error("there was one meanwhile")
	}
	s.press("down")
	s.m.client.base = gone.URL + "/"
	s.do(late)
	if s.shows("no answer") {
		t.Error("that was another service")
	}
}

// TestAQueryOfManyLines is shown in one, and controls nothing.
func TestAQueryOfManyLines(t *testing.T) {
	_, at := page(t, tendtest.Idle("web"))
	s := newScreen(t, at)
	s.press("/", "a\nb\x1b[31m")
	s.want("/a b")
	s.press("enter")
	s.want(", with a b")
}

// TestTerminal runs it in a real one: tmux, 80 by 24.
func TestTerminal(t *testing.T) {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("there is no tmux")
	}
	root, at := page(t, tendtest.Idle("web"), broken())
	wait(t, root, 1, tend.StateFailed)
	socket := filepath.Join(t.TempDir(), "tmux")
	do := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), tmux, append([]string{"-S", socket}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	do("new-session", "-d", "-x", "80", "-y", "24", "-e", asProgram+"=1", os.Args[0], at)
	t.Cleanup(func() {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), tmux, "-S", socket, "kill-server").Run()
	})
	until := func(texts ...string) {
		t.Helper()
		for {
			screen := do("capture-pane", "-p")
			missing := ""
			for _, text := range texts {
				if !strings.Contains(screen, text) {
					missing = text
				}
			}
			switch {
			case missing == "":
				return
			case t.Context().Err() != nil:
				t.Fatalf("no %q on the screen:\n%s", missing, screen)
			}
		}
	}
	until("shop  not ready  1 failed, 1 running", "broken", "2 by tree")
	do("send-keys", "t", "Enter")
	until("── shop/broken ─", "failed: boom")
	if diff := cmp.Diff(24, strings.Count(do("capture-pane", "-p"), "\n")); diff != "" {
		t.Error(diff)
	}
	do("send-keys", "q")
}
