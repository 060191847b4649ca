// Package said makes words of what tend keeps as data: the texts of errors and of
// panics, counts and durations, cut and cleaned so that they can be shown anywhere.
package said

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tend-go/tend/internal/guard"
)

// MaxText bounds what is kept of an error, in bytes; Consul cuts at as much.
const MaxText = 4 << 10

// Text is what an error says: cleaned, without space at its ends, and of 4 KiB at
// most. It is the error's type if that panics, and empty for nil. Asking an error
// runs user code: never call Text with a lock held, or where runtime.Goexit must
// not be called.
func Text(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimSpace(Clean(By(err, err.Error), MaxText))
}

// panicked is how the texts of Panic begin.
const panicked = "panic:"

// Panic is what a value says that somebody panicked with, after "panic: ". What
// holds for Text holds for it.
func Panic(v any) string {
	return strings.TrimSpace(Clean(panicked+" "+Value(v), MaxText))
}

// PanicValue is what the value says in a text that Panic has made: for those who say
// in words of their own that it was a panic.
func PanicValue(text string) string { return strings.TrimSpace(strings.TrimPrefix(text, panicked)) }

// By is what say says about v, as it is, or the type of v if say panics. Package
// fmt is kept out of the way while all is well: it needs more stack than a goroutine
// begins with.
func By(v any, say func() string) (text string) {
	if !guard.Do(func() { text = say() }) {
		text = fmt.Sprintf("%T", v)
	}
	return text
}

// Clean makes any text one line of valid UTF-8, without characters that control a
// terminal or the direction of text. If that is more than limit bytes, they are cut
// off where a rune ends, and an ellipsis is added.
func Clean(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	kept := s[:Cut(s, limit)] // first: s may be very long
	clean := strings.Map(plain, strings.ToValidUTF8(kept, "\ufffd"))
	n := Cut(clean, limit) // a replacement is longer than what it replaces
	if len(kept) < len(s) || n < len(clean) {
		return clean[:n] + "…"
	}
	return clean
}

// Short makes any text valid UTF-8 of at most limit bytes and an ellipsis. Unlike
// Clean it leaves lines and controls as they are: for stacks and other texts of
// many lines, and for those that are clean.
func Short(s string, limit int) string {
	kept := s[:Cut(s, limit)]
	valid := strings.ToValidUTF8(kept, "\ufffd")
	n := Cut(valid, limit)
	if len(kept) < len(s) || n < len(valid) {
		return valid[:n] + "…"
	}
	return valid
}

// Cut is the largest place up to limit at which s can be cut without cutting a rune
// in two; that may be 0. It is limit itself if there is no such place near it, as in
// what is not UTF-8.
func Cut[S string | []byte](s S, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for n := limit; n >= 0 && n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return limit
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

// plain is c, or what stands for it in a clean text.
func plain(c rune) rune {
	switch {
	case c == '\n', c == '\r', c == '\t', c == '\u2028', c == '\u2029': // separators of lines
		return ' '
	case c < ' ', 0x7f <= c && c < 0xa0: // controls
		return '\ufffd'
	case c == '\u061c', c == '\u200e', c == '\u200f', '\u202a' <= c && c <= '\u202e', '\u2066' <= c && c <= '\u2069': // direction
		return '\ufffd'
	}
	return c
}
