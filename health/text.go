package health

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// Bounds of what is kept of texts that come from outside, in bytes; Consul cuts
// at 4 kB, Pebble at 512.
const (
	maxText    = 1 << 10
	maxDetails = 32 // attributes of one result
	maxDepth   = 4  // of groups in them
)

// textOf is what an error says, bounded and cleaned. It runs user code: never
// call it with a lock held.
func textOf(err error) (text string) {
	if err == nil {
		return ""
	}
	text = fmt.Sprintf("%T", err)
	defer func() { _ = recover() }()
	return clean(err.Error(), maxText)
}

// clean cuts s to at most limit bytes at a rune boundary, on one line, without
// what controls a terminal or the direction of text.
func clean(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\r', c == '\t', c == '\u2028', c == '\u2029':
			return ' '
		case c < ' ', 0x7f <= c && c < 0xa0, '\u202a' <= c && c <= '\u202e', '\u2066' <= c && c <= '\u2069':
			return '\ufffd'
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = strings.TrimSpace(s)
	if cut {
		s += "…"
	}
	return s
}

// freeze makes values of user types texts, so that nothing of theirs is kept or
// read again later. It runs user code, whose panics fmt and slog contain.
func freeze(attrs []slog.Attr, depth int) []slog.Attr {
	if len(attrs) > maxDetails {
		attrs = attrs[:maxDetails]
	}
	frozen := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		v := a.Value.Resolve()
		switch v.Kind() {
		case slog.KindAny, slog.KindLogValuer:
			v = slog.StringValue(clean(fmt.Sprint(v.Any()), maxText))
		case slog.KindString:
			v = slog.StringValue(clean(v.String(), maxText))
		case slog.KindGroup:
			if depth == 0 {
				v = slog.StringValue("…")
				break
			}
			v = slog.GroupValue(freeze(v.Group(), depth-1)...)
		case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		}
		frozen = append(frozen, slog.Attr{Key: clean(a.Key, maxName), Value: v})
	}
	return frozen
}
