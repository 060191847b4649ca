package tend

import (
	"context"
	"fmt"
	"log/slog"
)

// Ready says that the service whose context ctx is, or comes from, is up: see
// [Child].ReadyTimeout. Later calls, calls of an earlier run, calls of a service
// without ReadyTimeout and calls outside of a supervisor do nothing.
func Ready(ctx context.Context) {
	if r := runOf(ctx); r != nil && r.node.conf().ReadyTimeout > 0 {
		r.node.sup.post(readied{r})
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
	m := r.more.Load()
	if m == nil || m.clock == nil {
		return
	}
	m.lastBeat.Store(int64(m.clock.now()))
	m.beats.Add(1)
}

// beaten is the answer to the plan's question.
func (r *run) beaten() beaten {
	m := r.more.Load()
	return beaten{r, m.beats.Load(), instant(m.lastBeat.Load())}
}

// Bounds of annotations.
const (
	maxAnnotations = 32
	maxAnnotation  = 1 << 10 // bytes of a key or a text
)

// Annotate notes facts about the service as it runs, such as an address or a
// process id, to be shown in [Status]. An attribute replaces one of the same key;
// at most 32 keys are kept. Values that are not numbers, booleans, times or
// durations are kept as text. What a run noted is forgotten when it ends.
// Outside of a supervisor Annotate does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	r := runOf(ctx)
	if r == nil {
		return
	}
	frozen := make([]slog.Attr, len(attrs))
	for i, a := range attrs { // before any lock: values may be user code
		frozen[i] = freeze(a)
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

// annotate replaces or appends a. The caller holds m.mu.
func (m *runMore) annotate(a slog.Attr) {
	for i := range m.annotations {
		if m.annotations[i].Key == a.Key {
			m.annotations[i] = a
			return
		}
	}
	if len(m.annotations) < maxAnnotations {
		m.annotations = append(m.annotations, a)
	}
}

// freeze makes a value of a that nothing can change any more.
func freeze(a slog.Attr) slog.Attr {
	key := clean(a.Key, maxAnnotation)
	v := a.Value
	guard(func() { v = v.Resolve() })
	switch v.Kind() {
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindUint64, slog.KindTime:
		return slog.Attr{Key: key, Value: v}
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer, slog.KindString:
	}
	text := fmt.Sprintf("%T", v.Any())
	guard(func() { text = v.String() })
	return slog.String(key, clean(text, maxAnnotation))
}

// annotations copies what the run has noted.
func (r *run) annotations() []slog.Attr {
	m := r.more.Load()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]slog.Attr(nil), m.annotations...)
}

// Self is what [Supervisor.Status] says of the service whose context ctx is, or
// comes from; false outside of a supervisor. The subtree of a nested supervisor
// is left out.
func Self(ctx context.Context) (ServiceStatus, bool) {
	r := runOf(ctx)
	if r == nil {
		return ServiceStatus{}, false
	}
	var self ServiceStatus
	r.node.sup.query(func(p *plan, now instant) { self = p.serviceStatus(now, r.node, p.holdup()) })
	return self, true
}
