package tend

import (
	"fmt"
	"log/slog"
)

// Bounds of annotations.
const (
	maxAnnotations = 32
	maxAnnotation  = 1 << 10 // bytes of a key or a text
)

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
