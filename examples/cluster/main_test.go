package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
)

// TestMain makes the test binary a node if the driver starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		main()
	}
	os.Exit(m.Run())
}

// racing: processes are so slow under the race detector that those which are paused often
// end themselves when they wake, and there is less to tell.
var racing bool

func story(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if racing {
		t.Skip("too slow to tell a story")
	}
	if !supported {
		t.Skip("processes cannot be paused here")
	}
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	t.Logf("%s\n%s", &out, &err)
	return code, out.String(), err.String()
}

// TestRun is the program as it is: the checker judges it.
func TestRun(t *testing.T) {
	code, stdout, _ := story(t)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		`421 Misdirected Request, Tend-Owner: 127\.0\.0\.1:\d+ \d+`,
		`307 Temporary Redirect, .* http://127\.0\.0\.1:\d+/accounts/alice`,
		`\d+ shards of node-\d: node-\d took \d+.*, after `,
		`\d+ shards handed over in \d`,
		`a deposit had to wait for `,
		`token \d+ refused, newest is \d+`,
		` 0 overlaps, 0 old tokens taken`,
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("it does not say %s", want)
		}
	}
}

// TestNoFence: without a fence a process that was paused writes under a token that is over,
// and the checker finds it.
func TestNoFence(t *testing.T) {
	code, _, stderr := story(t, "-nofence", "-chapters", "pause")
	if code != 1 || !strings.Contains(stderr, "the checker finds: stale act taken") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestStop: it ends when it is asked to, at any time.
func TestStop(t *testing.T) {
	if !supported {
		t.Skip("it does not begin here")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, nil, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}

func TestArguments(t *testing.T) {
	for args, want := range map[string]int{"-ttl 1s": 2, "-ttl 2500ms": 2, "-chapters war": 2, "-x": 2, "what": 2, "node -x": 2, "-help": 0, "node -help": 0} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &stdout, &stderr); code != want || stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, want %d\n%s", args, code, want, &stderr)
		}
	}
}

// A deposit that comes twice is made once, and what an old owner has in memory is not
// written any more once the next one has read.
func TestDeposits(t *testing.T) {
	notes, err := openNotes(t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	vault := httptest.NewServer(newVault(notes, false).handler())
	defer vault.Close()
	under := func(token int64) context.Context {
		return clustertest.Context(t.Context(), cluster.Claim{Role: "accounts", Token: token})
	}
	first, second := &accounts{books: books{vault.URL}}, &accounts{books: books{vault.URL}}
	for range 2 {
		if n, err := first.deposit(under(1), "alice", deposit{1, 5}); n != 5 || err != nil {
			t.Error(n, err)
		}
	}
	if n, err := second.balance(under(2), "alice"); n != 5 || err != nil {
		t.Error(n, err)
	}
	if _, err := first.deposit(under(1), "alice", deposit{2, 5}); err != cluster.ErrStale {
		t.Error(err)
	}
	if n, err := second.deposit(under(2), "alice", deposit{2, 1}); n != 6 || err != nil {
		t.Error(n, err)
	}
}

// What a node says of a shard that it has not got, a caller understands.
func TestElsewhere(t *testing.T) {
	for _, c := range []cluster.Claim{{}, {Token: 41, Owner: cluster.Member{Addr: "10.0.0.7:80"}}} {
		rw := httptest.NewRecorder()
		elsewhere(rw, httptest.NewRequest(http.MethodPost, "/accounts/alice", nil), c)
		if got := namedBy(rw.Header()); rw.Code != http.StatusMisdirectedRequest || got.Token != c.Token || got.Owner.Addr != c.Owner.Addr {
			t.Errorf("%d, %+v", rw.Code, got)
		}
	}
}
