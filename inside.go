package tend

import (
	"context"
	"log/slog"
	"time"
)

// Ready says that the service whose context ctx is, or comes from, is up: see
// [Child].ReadyTimeout. Later calls, calls of an earlier run, calls of a service
// without ReadyTimeout and calls outside of a supervisor do nothing. But if services
// start in order ([Spec].Ordered), and those after this one did not wait for it because
// it has no ReadyTimeout, and that was a tenth of a second or more, a
// [ServiceAlsoFailed] says so, once for each run.
func Ready(ctx context.Context) {
	if r := runOf(ctx); r != nil && (r.isFirstReady() || r.isInVain()) {
		r.post(readied{r.node, r.number})
	}
}

// Alive says that the service is making progress: see [Child].Watchdog. Call it
// from the loop that does the work; a ticker of its own would only prove that
// the ticker works. It is cheap enough for every round of a busy loop. Without a
// Watchdog, and outside of a supervisor, it does nothing.
func Alive(ctx context.Context) {
	r := runOf(ctx)
	if r == nil {
		return
	}
	m := r.own()
	if m == nil || m.clock == nil {
		return
	}
	m.lastBeat.Store(int64(m.clock.now()))
	m.beats.Add(1)
}

// Annotate notes facts about the service as it runs, such as an address or a
// process id, to be shown in [Status]. An attribute replaces one of the same key;
// at most 32 keys are kept. Values that are not numbers, booleans, times or
// durations are kept as text, of an error, also in a group, what the Redact of [Spec]
// leaves. A time is shown as its age. What a run noted is forgotten when it ends. Outside
// of a supervisor Annotate does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	r := runOf(ctx)
	if r == nil {
		return
	}
	frozen := make([]slog.Attr, len(attrs))
	for i, a := range attrs { // before any lock: values may be user code
		frozen[i] = freeze(a, func(err error) string { return r.node.sup.Reason(err).Error() })
	}
	m := r.open()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range frozen {
		m.annotate(a)
	}
}

// Go starts a goroutine, a helper, that belongs to the service whose context ctx is.
// f gets ctx. If f returns an error, panics or calls runtime.Goexit, the service's
// context is cancelled with that error, and it is what the service has ended with,
// just as if Serve had. The service counts as ended only when all its helpers have;
// nil from f is no news.
//
// What Serve returns, and the first helper that fails before, is how a service ends.
// Whatever fails besides is told in [ServiceAlsoFailed]. A helper of a service that
// was asked to stop, or whose Serve has returned, does nothing to the result when it
// returns the error of its context or its cause: that is obedience. So it is if somebody
// else has cancelled ctx, and the helper returns [context.Canceled].
//
// After Serve has returned nothing is started any more; a [ServiceAlsoFailed] says
// so, once for each run. Outside of a supervisor Go is a plain go statement.
func Go(ctx context.Context, f func(context.Context) error) {
	if f == nil {
		panic("tend: Go: the function is nil")
	}
	if r := runOf(ctx); r != nil {
		r.startHelper(ctx, f)
		return
	}
	go func() { _ = f(ctx) }()
}

// StopBy is until when the service whose context ctx is, or comes from, must have
// returned, lest it is reported as stuck; for those who have to finish something, and
// would rather cut it short. It is known once the context has ended, and may come nearer
// then, as when the supervisor is to stop too. Before that, outside of a supervisor, and
// if nothing bounds the stop, it returns false.
func StopBy(ctx context.Context) (time.Time, bool) {
	r := runOf(ctx)
	if r == nil {
		return time.Time{}, false
	}
	var by time.Time
	r.node.sup.query(func(p *plan, _ instant) {
		if at := p.stopLimit(r.node); at != never && r.node.runs(r.number) {
			by = p.wall(at)
		}
	})
	return by, !by.IsZero()
}

// Self is what [Supervisor.Status] says of the service whose context ctx is, or
// comes from; false outside of a supervisor. The subtree of a nested supervisor
// is left out.
func Self(ctx context.Context) (ServiceStatus, bool) {
	r := runOf(ctx)
	if r == nil {
		return ServiceStatus{}, false
	}
	return r.node.sup.statusOf(func() *node { return r.node }), true
}
