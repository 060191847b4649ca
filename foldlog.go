package tend

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tend-go/tend/internal/timerid"
	"github.com/tend-go/tend/internal/treepath"
	"github.com/thejerf/abtime"
)

// Numbers of the default hook.
const (
	foldFor   = time.Minute      // repeats of a failure are summed up this often
	quietTime = 30 * time.Second // without a failure a service has recovered
	maxFolded = 1000             // services that are told apart
)

// foldLog is the default hook of a root: it logs each event to slog.Default,
// but a failure that repeats itself in full only once, and then in sums.
type foldLog struct {
	clock abtime.AbstractTime

	mu       sync.Mutex
	troubles map[string]*trouble // by path
	timer    abtime.Timer        // while there are any
}

// trouble is a service that keeps failing.
type trouble struct {
	text        string
	first, last time.Time // failures
	summed      time.Time // the last time that something was logged
	repeats     int       // since then
	up          bool      // started since last
}

func newFoldLog(c abtime.AbstractTime) *foldLog {
	return &foldLog{clock: c, troubles: map[string]*trouble{}}
}

// log is the hook.
func (l *foldLog) log(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := e.From().Path()
	t := l.troubles[path]
	switch e := e.(type) { //nolint:gochecksumtype // the others are logged as they are
	case ServiceFailed:
		if l.isRepeat(t, path, e) {
			return
		}
	case ServiceStarted:
		if t != nil {
			t.up = true
		}
	case ServiceEnded:
		if t != nil && e.Next != StatePending {
			l.forget(path, t)
		}
	case ServiceGaveUp:
		if t != nil {
			l.forget(path, t)
		}
	case SupervisorStopped:
		if e.Supervisor == e.From().Path() {
			l.forgetBelow(path)
		}
	}
	say(e)
}

// isRepeat counts a failure. The first of its kind is to be logged in full.
func (l *foldLog) isRepeat(t *trouble, path string, e ServiceFailed) bool {
	now := e.Time
	if t == nil && len(l.troubles) < maxFolded {
		l.troubles[path] = &trouble{text: e.Err.Error(), first: now, last: now, summed: now}
		l.watch()
		return false
	}
	if t == nil {
		return false
	}
	t.last, t.up = now, false
	if t.text != e.Err.Error() {
		l.sum(path, t, now)
		t.text, t.summed = e.Err.Error(), now
		return false
	}
	t.repeats++
	if now.Sub(t.summed) >= foldFor {
		l.sum(path, t, now)
	}
	return true
}

// sum logs the repeats that have not been logged.
func (l *foldLog) sum(path string, t *trouble, now time.Time) {
	if t.repeats == 0 {
		return
	}
	slog.LogAttrs(context.Background(), slog.LevelWarn, "same error", slog.String("path", path), slog.String("error", t.text),
		slog.Int("times", t.repeats), slog.Duration("in", now.Sub(t.summed).Round(time.Millisecond)))
	t.repeats, t.summed = 0, now
}

func (l *foldLog) forget(path string, t *trouble) {
	l.sum(path, t, t.last)
	delete(l.troubles, path)
}

// forgetBelow sums up what is below a supervisor that has stopped.
func (l *foldLog) forgetBelow(path string) {
	for p, t := range l.troubles {
		if treepath.Below(p, path) {
			l.forget(p, t)
		}
	}
	if len(l.troubles) == 0 && l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// watch looks at the troubles from time to time while there are any. The caller
// holds l.mu.
func (l *foldLog) watch() {
	if l.timer == nil && len(l.troubles) > 0 {
		l.timer = l.clock.AfterFunc(quietTime, l.look, timerid.Log)
	}
}

// look sums up, and finds who has recovered.
func (l *foldLog) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	now := l.clock.Now()
	for path, t := range l.troubles {
		switch {
		case t.up && now.Sub(t.last) >= quietTime:
			l.forget(path, t)
			slog.LogAttrs(context.Background(), slog.LevelInfo, "recovered", slog.String("path", path),
				slog.Duration("after", t.last.Sub(t.first).Round(time.Millisecond)))
		case now.Sub(t.summed) >= foldFor:
			l.sum(path, t, now)
		}
	}
	l.watch()
}

// say logs an event as it is.
func say(e Event) {
	ctx := context.Background()
	if d := describe(e); slog.Default().Enabled(ctx, d.level) {
		slog.LogAttrs(ctx, d.level, e.Kind().String(), attrs(e)...)
	}
}
