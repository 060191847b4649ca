package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

var (
	errDown   = errors.New("503")
	errRefuse = errors.New("400")
	errStore  = errors.New("store unreachable")
	errStop   = errors.New("operator said so")
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
	l.lines = append(l.lines, fmt.Sprintf(format, args...)+"@"+short(time.Since(l.start)))
}

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
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := cmp.Diff(strings.Fields(lines), l.lines); d != "" {
		t.Errorf("timeline (-want +got):\n%s", d)
	}
}

// fake is a sender. Each attempt is written to the timeline: name:id when it was
// sent, name!id when it failed.
type fake struct {
	title  string
	l      *timeline
	answer func(ctx context.Context, id string, times int) error

	mu       sync.Mutex
	tried    map[string]int
	got      map[string]int
	sending  map[string]bool
	overlaps int // attempts while another one for the same notification was under way
}

func newFake(l *timeline, name string, answer func(ctx context.Context, id string, times int) error) *fake {
	return &fake{title: name, l: l, answer: answer, tried: map[string]int{}, got: map[string]int{}, sending: map[string]bool{}}
}

func (f *fake) name() string { return f.title }

func (f *fake) send(ctx context.Context, n notification) error {
	times := f.begin(n.ID)
	defer f.end(n.ID)
	err := f.answer(ctx, n.ID, times)
	if err != nil {
		f.l.add("%s!%s", f.title, n.ID)
		return err
	}
	f.l.add("%s:%s", f.title, n.ID)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[n.ID]++
	return nil
}

func (f *fake) begin(id string) (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sending[id] {
		f.overlaps++
	}
	f.sending[id] = true
	f.tried[id]++
	return f.tried[id]
}

func (f *fake) end(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sending, id)
}

func works(context.Context, string, int) error { return nil }

// failing fails the first n times.
func failing(n int) func(context.Context, string, int) error {
	return func(_ context.Context, _ string, times int) error {
		if times <= n {
			return errDown
		}
		return nil
	}
}

// taking works, and takes d, or until it is stopped.
func taking(d time.Duration) func(context.Context, string, int) error {
	return func(ctx context.Context, _ string, _ int) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watched is a store that writes what happens to locks to a timeline, and can be
// out of order.
type watched struct {
	*memory
	l      *timeline
	mu     sync.Mutex
	broken error
}

func (w *watched) setBroken(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

func (w *watched) is() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

func (w *watched) next(ctx context.Context) (notification, error) {
	if err := w.is(); err != nil {
		return notification{}, err
	}
	return w.memory.next(ctx)
}

func (w *watched) size(ctx context.Context) (int, error) {
	if err := w.is(); err != nil {
		return 0, err
	}
	return w.memory.size(ctx)
}

func (w *watched) extend(ctx context.Context, id, owner string, ttl time.Duration) error {
	w.l.add("renew:%s", id)
	if err := w.is(); err != nil {
		return err
	}
	return w.memory.extend(ctx, id, owner, ttl)
}

func (w *watched) unlock(ctx context.Context, id, owner string) error {
	w.l.add("unlock:%s", id)
	return w.memory.unlock(ctx, id, owner)
}

// steal gives the lock of a notification to somebody else.
func (w *watched) steal(id, owner string, ttl time.Duration) {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	e := w.entries[w.find(id)]
	e.owner, e.locked = owner, time.Now().Add(ttl)
}

// put makes a store with these notifications.
func put(t *testing.T, l *timeline, ids ...string) *watched {
	t.Helper()
	w := &watched{memory: &memory{}, l: l}
	for _, id := range ids {
		w.put(t, id)
	}
	return w
}

func (w *watched) put(t *testing.T, id string) {
	if err := w.add(notification{ID: id}); err != nil {
		t.Error(err)
	}
}

// clair is a notifier with Clair's numbers.
func clair(s store, senders ...sender) *notifier {
	return &notifier{
		store: s, senders: senders, owner: "me",
		poll:     5 * time.Minute,
		backoff:  tend.Backoff{Min: time.Second, Max: 15 * time.Minute},
		attempts: 4,
		timeout:  10 * time.Minute,
		lockTTL:  10 * time.Minute,
		log:      slog.New(slog.DiscardHandler),
	}
}

// serve runs the tree of n for d, and checks that it stops at once, with nothing
// locked.
func serve(t *testing.T, n *notifier, d time.Duration) {
	t.Helper()
	root, _, err := tree(n, "")
	if err != nil {
		t.Error(err)
		return
	}
	serveTree(t, root, d)
	checkUnlocked(t, n.store)
}

func serveTree(t *testing.T, root *tend.Supervisor, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ended := root.ServeBackground(ctx)
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

func checkUnlocked(t *testing.T, s store) {
	t.Helper()
	m := s.(*watched).memory
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.isLocked() && e.owner == "me" {
			t.Errorf("%s is still locked", e.ID)
		}
	}
}

// counting counts how often the size is asked for, and can hang.
type counting struct {
	*watched
	sizes atomic.Int64
	hangs atomic.Bool
	hang  chan struct{}
}

func (c *counting) size(ctx context.Context) (int, error) {
	c.sizes.Add(1)
	if c.hangs.Load() {
		<-c.hang
	}
	return c.watched.size(ctx)
}
