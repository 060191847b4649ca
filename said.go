package tend

import (
	"fmt"
	"strings"
)

// guard calls f, which runs user code. A panic in it ends there. Should it exit
// the goroutine, the deferred calls of the caller still run.
func guard(f func()) {
	defer func() { _ = recover() }()
	f()
}

// maxText bounds the texts that are kept of user values, in bytes.
const maxText = 4 << 10

// textOf is what an error says, bounded and cleaned; its type if that fails.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return clean(told(err, err.Error), maxText)
}

// told is what say says about v, or the type of v if it panics. Package fmt is
// kept out of the way when all is well: it needs more stack than a goroutine
// begins with.
func told(v any, say func() string) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T", v)
		}
	}()
	return say()
}

// panicText is what a value says that somebody panicked with.
func panicText(v any) string {
	var say func() string
	switch v := v.(type) {
	case string:
		say = func() string { return v }
	case error:
		say = v.Error
	default:
		say = func() string { return fmt.Sprint(v) }
	}
	return clean("panic: "+told(v, say), maxText)
}

// clean cuts s to at most limit bytes of valid UTF-8 on one line, without
// characters that control a terminal or the direction of text.
func clean(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	cut := len(s) > limit
	if cut {
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
	if len(s) > limit { // a replacement is longer than what it replaces
		s, cut = strings.ToValidUTF8(s[:limit], ""), true
	}
	if cut {
		s += "…"
	}
	return s
}

// isPlain: s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
