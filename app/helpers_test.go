package app

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend"
)

// buffer is a writer for several goroutines.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// logTo makes a logger that writes "0s INFO message key=value" lines, with the
// time since now.
func logTo(w *buffer) *slog.Logger {
	began := time.Now()
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Duration("at", a.Value.Time().Sub(began))
		}
		return a
	}}))
}

// lines are the lines of what was written, without level= and msg=.
func (b *buffer) lines() []string {
	text := strings.NewReplacer("at=", "", "level=", "", "msg=", "").Replace(b.String())
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// stage runs a program in a bubble, with signals from the test.
type stage struct {
	root    *tend.Supervisor
	program *program
	signals chan os.Signal
	log     *buffer
	stderr  *buffer
	code    chan int
}

// quiet is a Spec whose events nobody logs.
func quiet(s tend.Spec) tend.Spec {
	if s.EventHook == nil {
		s.EventHook = func(tend.Event) {}
	}
	s.Jitter = -1
	return s
}

// perform runs root until the bubble ends.
func perform(ctx context.Context, root *tend.Supervisor, o Options) *stage {
	s := &stage{root: root, signals: make(chan os.Signal), log: &buffer{}, stderr: &buffer{}, code: make(chan int, 1)}
	if o.Logger == nil {
		o.Logger = logTo(s.log)
	}
	if o.Stderr == nil {
		o.Stderr = s.stderr
	}
	s.program = newProgram(root, o)
	return s.begin(ctx)
}

func (s *stage) begin(ctx context.Context) *stage {
	go func() { s.code <- s.program.run(ctx, s.signals) }()
	return s
}

// readyAfter takes a time to be ready, and half a second to stop.
func readyAfter(name string, d time.Duration) tend.Service {
	return tend.Child{Name: name, ReadyTimeout: time.Minute, Service: tend.Func(name, func(ctx context.Context) error {
		time.Sleep(d)
		tend.Ready(ctx)
		<-ctx.Done()
		time.Sleep(500 * time.Millisecond)
		return nil
	})}
}

// wantCode checks the exit code and after how long it came.
func (s *stage) wantCode(t *testing.T, code int, after time.Duration) {
	t.Helper()
	began := time.Now()
	if got := <-s.code; got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	if got := time.Since(began); got != after {
		t.Errorf("it ended after %v, want %v", got, after)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		i := strings.Index(rest, part)
		if i < 0 {
			t.Fatalf("%q is not in its place in\n%s", part, text)
		}
		rest = rest[i+len(part):]
	}
}
