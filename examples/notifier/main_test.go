package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend/lease"
)

const asProgram = "NOTIFIER_TEST_PROGRAM"

// TestMain lets the test binary be the program, for tests that need a process.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the trees of the tests
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

// Without arguments it sends the sample to receivers of its own, one of which is
// down for longer than a poll tries, and exits with 0.
func TestProgram(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	cmd := program(t)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	want := `chat  got 12 notifications in 12 requests, 0 of them twice
mail  got 12 notifications in 14 requests, 0 of them twice
pager got 12 notifications in 18 requests, 0 of them twice
`
	if stdout.String() != want {
		t.Errorf("got\n%swant\n%s\n%s", &stdout, want, &stderr)
	}
}

// storeFile is a file of notifications that holds text.
func storeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A receiver whose url makes no sense is logged, and the others get everything.
func TestReceiverThatCannotBeConfiguredIsLeftOut(t *testing.T) {
	got := 0 // requests come one after the other
	mail := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got++ }))
	defer mail.Close()
	var stdout, stderr bytes.Buffer
	args := []string{"-http", "", "-store", storeFile(t, `[{"id": "1"}, {"id": "2"}]`), "-to", "chat=http://[::1", "-to", "mail=" + mail.URL}
	code := run(t.Context(), args, &stdout, &stderr)
	want := `level=ERROR msg="left out" receiver=chat error="the url is \"http://[::1\", not http://host/path"`
	if code != 0 || got != 2 || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, the other one got %d, want 2, and %s in\n%s", code, got, want, &stderr)
	}
}

// If none is left, that is said, and nothing was taken for sent.
func TestNoReceivers(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"-http", "", "-store", storeFile(t, `[{"id": "1"}, {"id": "2"}]`), "-to", "chat=ftp://x/y"}
	code := run(t.Context(), args, &stdout, &stderr)
	for _, want := range []string{"msg=stopped left=2\n", "notifier: disabled: there is nobody to send to\n"} {
		if code != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("exit code %d, want 1 with %q in\n%s", code, want, &stderr)
		}
	}
}

// Two runs of one process, as in a container that is restarted, are not the same
// owner of a lock: what the first has left locked is not the second's.
func TestLockIdentityIsUniqueForEachRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := put(t, newTimeline(), "a")
		first, second := owner(), owner()
		if err := s.lock(t.Context(), "a", first, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := s.finish(t.Context(), "a", second); !errors.Is(err, lease.ErrLost) {
			t.Errorf("%q finishes what %q has locked: %v", second, first, err)
		}
		if err := s.finish(t.Context(), "a", first); err != nil {
			t.Error(err)
		}
	})
}

// What makes no sense is said by name: 2 for the command line, 1 for the world.
func TestBadInput(t *testing.T) {
	for want, c := range map[string]struct {
		code int
		args []string
	}{
		`invalid value "chat" for flag -to`:       {2, []string{"-to", "chat"}},
		`invalid value "=http://x/" for flag -to`: {2, []string{"-to", "=http://x/"}},
		`-poll is -1s`:                           {2, []string{"-poll", "-1s"}},
		`-attempts is 0`:                         {2, []string{"-attempts", "0"}},
		`Backoff.Min is -1s`:                     {2, []string{"-first", "-1s"}},
		`Backoff.Max is 1ms, less than Min 20ms`: {2, []string{"-longest", "1ms"}},
		`unexpected ["sample.json"]`:             {2, []string{"sample.json"}},
		`no such file or directory`:              {1, []string{"-store", "nowhere.json"}},
		`is a directory`:                         {1, []string{"-store", t.TempDir()}},
		`reading notifications: unexpected EOF`:  {1, []string{"-store", storeFile(t, `[{"id": "1"`)}},
		`notification "no id" has no id`:         {1, []string{"-store", storeFile(t, `[{"text": "no id"}]`)}},
		`notification "1" is there already`:      {1, []string{"-store", storeFile(t, `[{"id": "1"}, {"id": "1"}]`)}},
		`two receivers are called "a"`:           {2, []string{"-to", "a=http://x/", "-to", "a=http://y/"}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), c.args, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d, want %d with %s\n%s", c.args, code, c.code, want, &stderr)
		}
	}
}
