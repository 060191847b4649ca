package health_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tend-go/tend/health"
)

var errSick = errors.New("sick")

// newProber makes a Prober or fails the test.
func newProber(t testing.TB, c health.Config) *health.Prober {
	t.Helper()
	prober, err := health.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return prober
}

// add adds probes or fails the test. Their schedules are exact.
func add(t testing.TB, prober *health.Prober, probes ...health.Probe) {
	t.Helper()
	for _, p := range probes {
		p.Jitter = -1
		if err := prober.Add(p); err != nil {
			t.Fatal(err)
		}
	}
}

// wantError fails the test unless err says want, after the prefix of this package and
// with no other prefix.
func wantError(t testing.TB, err error, want string) {
	t.Helper()
	const prefix = "tend/health: "
	if err == nil || !strings.HasPrefix(err.Error(), prefix) || strings.Count(err.Error(), "health: ") > 1 || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s…%s", err, prefix, want)
	}
}

// serve serves prober until the function returned is called, or the test ends.
func serve(t testing.TB, prober *health.Prober) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- prober.Serve(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// script is a check whose n-th run succeeds (+), warns (~) or fails (-) as the
// n-th letter says; the last letter goes on for ever.
func script(letters string) health.Check {
	n := 0
	return func(context.Context) error {
		letter := letters[min(n, len(letters)-1)]
		n++
		switch letter {
		case '-':
			return errSick
		case '~':
			return health.Warn(errSick)
		}
		return nil
	}
}

// log is a timeline: what happened, and how long after the log was made.
type log struct {
	mu    sync.Mutex
	begun time.Time
	lines []string
}

func newLog() *log { return &log{begun: time.Now()} }

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%v ", time.Since(l.begun))+fmt.Sprintf(format, args...))
}

// take returns the lines since the last take.
func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// want fails the test unless exactly these lines came since the last take. The
// order of what happened at one moment in several goroutines does not matter.
func (l *log) want(t testing.TB, lines ...string) {
	t.Helper()
	got := l.take()
	for _, lines := range [][]string{lines, got} {
		slices.SortFunc(lines, func(a, b string) int { return cmp.Or(moment(a).Compare(moment(b)), strings.Compare(a, b)) })
	}
	l.diff(t, lines, got)
}

// wantInOrder is want where the order does matter.
func (l *log) wantInOrder(t testing.TB, lines ...string) {
	t.Helper()
	l.diff(t, lines, l.take())
}

func (l *log) diff(t testing.TB, want, got []string) {
	t.Helper()
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

// moment is when a line was added; as a time, for its Compare.
func moment(line string) time.Time {
	at, _, _ := strings.Cut(line, " ")
	d, err := time.ParseDuration(at)
	if err != nil {
		panic(err)
	}
	return time.Time{}.Add(d)
}

// changes is an OnChange that logs.
func (l *log) changes(_ context.Context, c health.Change) error {
	l.add("%s %v>%v %d", c.Name, c.From, c.To, c.Failures)
	return nil
}

// logged is a check that logs each run under the name and then does as c says.
func (l *log) logged(name string, c health.Check) health.Check {
	return func(ctx context.Context) error {
		l.add("%s", name)
		return c(ctx)
	}
}

// hang ignores its context until release is closed.
func hang(release <-chan struct{}) health.Check {
	return func(context.Context) error {
		<-release
		return nil
	}
}

// obey takes until its context is done.
func obey(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// state is that of one probe.
func state(t testing.TB, prober *health.Prober, name string) health.State {
	t.Helper()
	return status(t, prober, name).State
}

func status(t testing.TB, prober *health.Prober, name string) health.ProbeStatus {
	t.Helper()
	probes := prober.Snapshot(health.Readiness).Probes
	i := slices.IndexFunc(probes, func(p health.ProbeStatus) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no probe %q in %v", name, probes)
	}
	return probes[i]
}

// bubble runs f in a synctest bubble as a subtest, so that the cleanups of f run
// inside of it.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// detail is an attribute.
func detail(key string, value any) slog.Attr { return slog.Any(key, value) }
