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
	foldFirst = 10 * time.Second // repeats of a failure are summed up so long after it,
	foldFor   = time.Minute      // and then this often
	quietMin  = 5 * time.Second  // a service has recovered when it has run twice as long as
	quietMost = 30 * time.Second // those runs that failed, but within these bounds
	lookEvery = 5 * time.Second  // as long as anybody is in trouble
	maxFolded = 1000             // services that are told apart
)

// LogHook is what a tree logs by default, for a [Spec].EventHook that does more than
// that: it logs each event to a logger, with the context. A failure that repeats itself
// is logged in full once, with its stack if it is a panic, and then in sums at the same
// level, with no context: after 10 seconds, then each minute, and before a record that
// says what came of it. So is it when the service is up again. The logger nil is
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
	timer    abtime.Timer  // while there are any
	last     ServiceFailed // of anybody
}

// trouble is a service that keeps failing.
type trouble struct {
	path        string
	err         Reason        // of the last failure,
	level       slog.Level    // and how it was logged
	first, last time.Time     // failures
	failures    int           // since the first
	ran         time.Duration // the longest of the runs that failed
	summed      time.Time     // the last time that something was logged
	repeats     int           // since then
	each        time.Duration // when they are summed up
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
		repeat := n != nil && n.sup != nil && l.isRepeat(n, e) // one that was read from JSON is of no tree
		l.last = e
		if !e.Restarting {
			l.forget(n)
		}
		if repeat {
			return
		}
	case ServiceEnded:
		switch e.Next {
		case StateSuspended, StateDone, StateFailed, StateGone:
			l.forget(n)
		default: // it is to run again, or is the one that this one was to replace
		}
	case PauseBegan:
		l.sumOf(e.Supervisor, e.Time)
		l.say(ctx, e, l.lastOf(e.Supervisor)...)
		return
	case Escalated:
		l.sumOf(e.Supervisor, e.Time)
	case SupervisorStopped:
		l.forgetBelow(e.Supervisor)
		l.last = ServiceFailed{}
	}
	l.say(ctx, e)
}

// isRepeat counts a failure. The first of its kind is to be logged in full.
func (l *foldLog) isRepeat(n *node, e ServiceFailed) bool {
	now, t := e.Time, l.troubles[n]
	if t == nil {
		if len(l.troubles) < maxFolded {
			t = &trouble{path: e.Path(), first: now, failures: 1, ran: e.Ran}
			t.isNew(e)
			l.troubles[n] = t
			l.watch(n)
		}
		return false
	}
	t.last = now
	t.failures++
	t.ran = max(t.ran, e.Ran)
	if !isSame(t.err, e.Err) || e.Late > 0 { // that it has ended after all is news
		l.sum(t, now)
		t.isNew(e)
		return false
	}
	t.repeats++
	l.sumIfDue(t, now)
	return true
}

// isNew notes a failure that is logged in full.
func (t *trouble) isNew(e ServiceFailed) {
	t.err, t.level, t.last, t.summed, t.each = e.Err, e.Level(), e.Time, e.Time, foldFirst
}

// quiet is for how long a service has to run before it has recovered. One that fails
// after 10 seconds each time has not after 5, and one that could not begin need not run
// for half a minute to show that it can.
func (t *trouble) quiet() time.Duration { return min(max(2*t.ran, quietMin), quietMost) }

// isSame: two failures say the same and, if they are panics, are of the same place.
// That is compared without making the text of a stack.
func isSame(a, b Reason) bool {
	p, q := a.panicked(), b.panicked()
	return a.Error() == b.Error() && (p == nil) == (q == nil) && (p == nil || slices.Equal(p.PCs, q.PCs))
}

// sum logs the repeats that have not been logged. The stack of a panic was told with
// the first.
func (l *foldLog) sum(t *trouble, now time.Time) {
	if t.repeats == 0 {
		return
	}
	level := t.level
	l.logger().LogAttrs(context.Background(), level, "same error", slog.String("path", t.path), slog.String("error", t.err.Error()),
		slog.Int("again", t.repeats), slog.Duration("in", now.Sub(t.summed).Round(time.Millisecond)))
	t.repeats, t.summed, t.each = 0, now, foldFor
}

func (l *foldLog) sumIfDue(t *trouble, now time.Time) {
	if now.Sub(t.summed) >= t.each {
		l.sum(t, now)
	}
}

// sumOf sums up the services of a supervisor, before it is told what their failures
// have led to.
func (l *foldLog) sumOf(supervisor string, now time.Time) {
	for _, t := range l.troubles {
		if treepath.Parent(t.path) == supervisor {
			l.sum(t, now)
		}
	}
}

// lastOf is what a supervisor has failed of: the plan tells of a failure and of the
// pause that it begins in one piece.
func (l *foldLog) lastOf(supervisor string) []slog.Attr {
	if l.last.Supervisor != supervisor {
		return nil
	}
	return []slog.Attr{slog.String("last", l.last.Service), slog.String("error", l.last.Err.Error())}
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
		l.timer = n.sup.clock.Load().AfterFunc(lookEvery, l.look, timerid.Log)
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
	n.sup.query(func(_ *plan, now instant) {
		n := n.holder()
		state, since = n.state, now-n.since
	})
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
		if since >= t.quiet() {
			l.forget(n)
			l.logger().LogAttrs(context.Background(), slog.LevelInfo, "recovered", slog.String("path", t.path),
				slog.Int("failures", t.failures), slog.Duration("after", now.Add(-since).Sub(t.first).Round(time.Millisecond)))
			return
		}
	case StateSuspended, StateDone, StateFailed, StateGone: // it may have come there without an event
		l.forget(n)
		return
	case StatePending, StateStarting, StateBackoff, StateStopping, StateStuck:
	}
	l.sumIfDue(t, now)
}

// say logs an event as it is, with what else is known of it.
func (l *foldLog) say(ctx context.Context, e Event, more ...slog.Attr) {
	if to, level := l.logger(), e.Level(); to.Enabled(ctx, level) {
		to.LogAttrs(ctx, level, e.Kind().String(), append(attrs(e), more...)...)
	}
}

// wantsDetails: it logs what is at level debug, or has to know who is in no trouble any more.
func (l *foldLog) wantsDetails() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.troubles) > 0 || l.logger().Enabled(context.Background(), slog.LevelDebug)
}

func (l *foldLog) logger() *slog.Logger { return cmp.Or(l.to, slog.Default()) }
