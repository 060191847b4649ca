package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const asProgram = "AGENT_TEST_PROGRAM"

// TestMain lets the test binary be the program, and so the plugins.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	slog.SetDefault(silent()) // the trees of the tests
	os.Exit(m.Run())
}

// startable is the program with these arguments, to be started.
func startable(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// Without arguments it looks after plugins of its own until its server has seen
// all of their troubles, and exits with 0.
func TestProgram(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	cmd := startable(t)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &stdout, &stderr)
	}
	for _, want := range []string{"refused", "fonts=ONCE_INSTALLED", "disk=PERSIST_RUNNING", "größenmesser €€€€€€€€€€€€€€€€=PERSIST_FAIL"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
}

// What makes no sense is said by name: 2 for the command line, 1 for the world.
func TestBadInput(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "plugins.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ctx, stop := context.WithCancel(t.Context())
	stop() // what makes sense ends at once, with 0
	with := func(text string) []string { return []string{"-server", "http://localhost:1", "-plugins", file(text)} }
	for want, c := range map[string]struct {
		code int
		args []string
	}{
		`-intervals needs -plugins and -server`:      {2, []string{"-intervals", "x"}},
		`open nowhere.json: no such file`:            {1, append(with(`[]`), "-intervals", "nowhere.json")},
		`interval pull is "1s", not 1m0s to 24h0m0s`: {1, append(with(`[]`), "-intervals", file(`{"pull": "1s"}`))},
		`-plugins and -server go together`:           {2, []string{"-server", "http://localhost:1"}},
		`unexpected ["x"]`:                           {2, []string{"x"}},
		`-server is "localhost:1", not http://host`:  {2, []string{"-plugins", "x", "-server", "localhost:1"}},
		`-server is "http://[::1", not http://host`:  {2, []string{"-plugins", "x", "-server", "http://[::1"}},
		`no such file or directory`:                  {1, []string{"-plugins", "nowhere", "-server", "http://localhost:1"}},
		`is a directory`:                             {1, []string{"-plugins", t.TempDir(), "-server", "http://localhost:1"}},
		`reading plugins: unexpected EOF`:            {1, with(`[{"name": "a"`)},
		`plugin 1, "": name is empty`:                {1, with(`[{}]`)},
		`plugin 1, "a": path is empty`:               {1, with(`[{"name": "a"}]`)},
		`plugin 1, "a": heartbeat is empty`:          {1, with(`[{"name": "a", "path": "/a"}]`)},
		`plugin 1, "a": heartbeat_seconds is 0`:      {1, with(`[{"name": "a", "path": "/a", "heartbeat": "/b"}]`)},
		`plugin 1, "a": heartbeat_seconds is 1e+300`: {1, with(`[{"name": "a", "path": "/a", "heartbeat": "/b", "heartbeat_seconds": 1e300}]`)},
		`plugin 1, "a": start_seconds is -1`:         {1, with(`[{"name": "a", "path": "/a", "heartbeat": "/b", "heartbeat_seconds": 1, "start_seconds": -1}]`)},
		`two plugins are called "a"`: {1, with(`[{"name": "a", "path": "/a", "heartbeat": "/b", "heartbeat_seconds": 1},
			{"name": "a", "path": "/a", "heartbeat": "/b", "heartbeat_seconds": 1}]`)},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(ctx, c.args, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d, want %d with %s\n%s", c.args, code, c.code, want, &stderr)
		}
	}
}

// With a server and plugins of others it runs until it is asked to stop; a plugin
// whose program or heartbeat is not there is a dead plugin, no more.
func TestPluginsOfOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "plugins.json")
	text := `[{"name": "a", "path": "/nowhere/a", "heartbeat": "/nowhere/b", "heartbeat_seconds": 60}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-plugins", path, "-server", server.URL + "/"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}
