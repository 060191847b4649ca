package tend

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tend-go/tend/internal/guard"
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

// LogHook is what a tree logs by default, for a [Spec].EventHook that does more than
// that: it logs each event to a logger, with the context, but a failure that repeats
// itself in full only once, and then in sums, with no context. The logger nil is
// slog.Default at each record. It is for the events of one tree, and may be called by
// any number of goroutines.
func LogHook(to *slog.Logger) func(ctx context.Context, e Event) {
	return newFoldLog(to).log
}

// foldLog is the memory of a LogHook. Its handler may panic, exit or block: that costs
// records, and never the program.
type foldLog struct {
	to *slog.Logger // nil: slog.Default

	mu       sync.Mutex
	troubles map[*node]*trouble
	timer    abtime.Timer // while there are any
}

// trouble is a service that keeps failing.
type trouble struct {
	path        string
	err         Reason    // of the last failure
	first, last time.Time // failures
	summed      time.Time // the last time that something was logged
	repeats     int       // since then
}

func newFoldLog(to *slog.Logger) *foldLog {
	return &foldLog{to: to, troubles: map[*node]*trouble{}}
}

// log is the hook.
func (l *foldLog) log(ctx context.Context, e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := e.From().Token.n
	switch e := e.(type) { //nolint:gochecksumtype // the others are logged as they are
	case ServiceFailed:
		repeat := n != nil && l.isRepeat(n, e) // one that was read from JSON is of no tree
		if !e.Restarting {
			l.forget(n)
		}
		if repeat {
			return
		}
	case ServiceEnded:
		if e.Next != StatePending {
			l.forget(n)
		}
	case SupervisorStopped:
		l.forgetBelow(e.Supervisor)
	}
	l.say(ctx, e)
}

// isRepeat counts a failure. The first of its kind is to be logged in full.
func (l *foldLog) isRepeat(n *node, e ServiceFailed) bool {
	now, t := e.Time, l.troubles[n]
	if t == nil {
		if len(l.troubles) < maxFolded {
			l.troubles[n] = &trouble{path: e.Path(), err: e.Err, first: now, last: now, summed: now}
			l.watch(n)
		}
		return false
	}
	t.last = now
	if !isSame(t.err, e.Err) || e.Late > 0 { // that it has ended after all is news
		l.sum(t, now)
		t.err, t.summed = e.Err, now
		return false
	}
	t.repeats++
	if now.Sub(t.summed) >= foldFor {
		l.sum(t, now)
	}
	return true
}

// isSame: two failures say the same and, if they are panics, are of the same place.
// That is compared without making the text of a stack.
func isSame(a, b Reason) bool {
	p, q := a.panicked(), b.panicked()
	return a.Error() == b.Error() && (p == nil) == (q == nil) && (p == nil || slices.Equal(p.PCs, q.PCs))
}

// sum logs the repeats that have not been logged.
func (l *foldLog) sum(t *trouble, now time.Time) {
	if t.repeats == 0 {
		return
	}
	l.logger().LogAttrs(context.Background(), slog.LevelWarn, "same error", slog.String("path", t.path), slog.String("error", t.err.Error()),
		slog.Int("times", t.repeats), slog.Duration("in", now.Sub(t.summed).Round(time.Millisecond)))
	t.repeats, t.summed = 0, now
}

// forget sums up a service that is in no trouble any more, or is not there.
func (l *foldLog) forget(n *node) {
	t := l.troubles[n]
	if t == nil {
		return
	}
	delete(l.troubles, n)
	if len(l.troubles) == 0 && l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.sum(t, t.last)
}

// forgetBelow sums up what is below a supervisor that has stopped.
func (l *foldLog) forgetBelow(path string) {
	for n, t := range l.troubles {
		if treepath.Below(t.path, path) {
			l.forget(n)
		}
	}
}

// watch looks at the troubles from time to time while there are any, by the clock of
// one of them. The caller holds l.mu.
func (l *foldLog) watch(n *node) {
	if l.timer == nil {
		l.timer = n.sup.clock.Load().AfterFunc(quietTime, l.look, timerid.Log)
	}
}

// look sums up, and finds who has recovered or left. It is called in a goroutine of
// the clock, where nobody else catches what the log's handler does.
func (l *foldLog) look() {
	defer l.lookAgain()
	guard.Do(func() {
		for _, n := range l.troubled() {
			state, since := n.standing()
			l.settle(n, n.sup.clock.Load().Now(), state, since)
		}
	})
}

func (l *foldLog) lookAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range l.troubles {
		l.watch(n)
		return
	}
}

// troubled are those to look at. The next failure arms the timer again.
func (l *foldLog) troubled() []*node {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	return slices.Collect(maps.Keys(l.troubles))
}

// standing asks in which state a service is, and for how long.
func (n *node) standing() (state State, since time.Duration) {
	n.sup.query(func(_ *plan, now instant) { state, since = n.state, now-n.since })
	return state, since
}

// settle does what is due about a service that has been in trouble and is in a state
// for so long.
func (l *foldLog) settle(n *node, now time.Time, state State, since time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.troubles[n]
	if t == nil {
		return
	}
	switch state {
	case StateRunning:
		if since >= quietTime {
			l.forget(n)
			l.logger().LogAttrs(context.Background(), slog.LevelInfo, "recovered", slog.String("path", t.path),
				slog.Duration("after", t.last.Sub(t.first).Round(time.Millisecond)))
			return
		}
	case StateSuspended, StateDone, StateFailed, StateGone: // it may have come there without an event
		l.forget(n)
		return
	case StatePending, StateStarting, StateBackoff, StateStopping, StateStuck:
	}
	if now.Sub(t.summed) >= foldFor {
		l.sum(t, now)
	}
}

// say logs an event as it is.
func (l *foldLog) say(ctx context.Context, e Event) {
	if to, d := l.logger(), describe(e); to.Enabled(ctx, d.level) {
		to.LogAttrs(ctx, d.level, e.Kind().String(), attrs(e)...)
	}
}

func (l *foldLog) logger() *slog.Logger { return cmp.Or(l.to, slog.Default()) }
