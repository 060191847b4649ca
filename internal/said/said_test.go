package said

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		what  string
		in    string
		limit int
		want  string
	}{
		{"plain text", "as it is", 8, "as it is"},
		{"nothing", "", 0, ""},
		{"no room", "x", 0, "…"},
		{"too long", "123456789", 8, "12345678…"},
		{"separators of lines", "a\nb\r\nc\td\u2028e\u2029f", 80, "a b  c d e f"},
		{"controls", "a\x00b\x1b[31mc\x7fd\u0085e\u009bf", 80, "a\ufffdb\ufffd[31mc\ufffdd\ufffde\ufffdf"},
		{"direction", "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", 80, strings.Repeat("\ufffd", 12)},
		{"what joins", "a\u200db\u200cc", 80, "a\u200db\u200cc"},
		{"other scripts", "naïve 日本語 שלום 🎉", 80, "naïve 日本語 שלום 🎉"},
		{"not UTF-8", "a\xff\xfeb\xc3", 80, "a\ufffdb\ufffd"},
		{"cut before a rune", "aé€", 3, "aé…"},
		{"cut in a rune of two", "aé€", 2, "a…"},
		{"cut in a rune of three", "aé€", 5, "aé…"},
		{"whole", "aé€", 6, "aé€"},
		{"cut in a first rune", "€", 2, "…"},
		{"a replacement that is longer than what it replaces", "\x01\x02\x03\x04", 4, "\ufffd…"},
		{"a replacement that just fits", "ab\x01", 5, "ab\ufffd"},
		{"no rune begins", "\x80\x80\x80\x80\x80\x80\x80\x80", 6, "\ufffd…"},
	} {
		got := Clean(c.in, c.limit)
		if got != c.want {
			t.Errorf("%s: Clean(%q, %d) = %q, want %q", c.what, c.in, c.limit, got, c.want)
		}
		if again := Clean(got, c.limit+len("…")); again != got {
			t.Errorf("%s: clean it again: %q, not %q", c.what, again, got)
		}
	}
}

func TestShort(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"two\nlines\t\x1b", 80, "two\nlines\t\x1b"},
		{"two\nlines", 5, "two\nl…"},
		{"aé€", 5, "aé…"},
		{"aé€", 6, "aé€"},
		{"a\xff\xfeb", 6, "a\ufffdb"},
		{"a\xffb", 3, "a…"}, // the replacement does not fit
		{"", 0, ""},
	} {
		if got := Short(c.in, c.limit); got != c.want {
			t.Errorf("Short(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\u202e€\xff", 5)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit &= 0xff
		clean, short := Clean(s, limit), Short(s, limit)
		for name, got := range map[string]string{"Clean": clean, "Short": short} {
			if kept := strings.TrimSuffix(got, "…"); !utf8.ValidString(got) || len(kept) > limit && got != s {
				t.Errorf("%s(%q, %d) = %q", name, s, limit, got)
			}
		}
		for _, c := range clean {
			if plain(c) != c {
				t.Errorf("Clean(%q, %d) = %q", s, limit, clean)
			}
		}
	})
}

func TestCut(t *testing.T) {
	for limit, want := range []int{0, 1, 1, 3, 3, 3, 6, 7, 7} {
		if got := Cut("aé€b", limit); got != want {
			t.Errorf("Cut at %d: %d, want %d", limit, got, want)
		}
		if got := Cut([]byte("aé€b"), limit); got != want {
			t.Errorf("Cut of bytes at %d: %d, want %d", limit, got, want)
		}
	}
}

type sayer func() string

func (s sayer) Error() string { return s() }

type stringer func() string

func (s stringer) String() string { return s() }

func TestText(t *testing.T) {
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"plain", errors.New("no such file"), "no such file"},
		{"what a program printed", errors.New("\nexit status 1:\nno such file\n"), "exit status 1: no such file"},
		{"one that panics", sayer(func() string { panic("no") }), "said.sayer"},
		{"a nil pointer", (*nilled)(nil), "*said.nilled"},
		{"a long one", errors.New(strings.Repeat("x", 5000)), strings.Repeat("x", 4096) + "…"},
	} {
		if got := Text(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

type nilled struct{ text string }

func (n *nilled) Error() string { return n.text }

// deep is of n levels of slices.
func deep(n int) any {
	var v any = n
	for range n {
		v = []any{v}
	}
	return v
}

type pair struct{ left, right any }

func TestPanic(t *testing.T) {
	ring := []any{nil, 1}
	ring[0] = ring
	loop := map[string]any{}
	loop["self"] = loop
	knot := &pair{}
	knot.left, knot.right = pair{right: ring}, knot
	harmless := &pair{}
	harmless.left = harmless // package fmt does not follow it
	bush := any(1)
	for range 20 {
		bush = pair{bush, bush}
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{"out of range\n", "panic: out of range"},
		{errors.New("an error"), "panic: an error"},
		{42, "panic: 42"},
		{struct{ A, B int }{1, 2}, "panic: {1 2}"},
		{&pair{1, "b"}, "panic: &{1 b}"},
		{[]int{1, 2}, "panic: [1 2]"},
		{map[string]any{"a": nil}, "panic: map[a:<nil>]"},
		{deep(3), "panic: [[[3]]]"},
		{deep(1 << 10), "panic: []interface {}"},
		{make([]byte, 1<<20), "panic: []uint8"},
		{ring, "panic: []interface {}"},
		{[1]any{ring}, "panic: [1]interface {}"},
		{loop, "panic: map[string]interface {}"},
		{knot, "panic: *said.pair"},
		{bush, "panic: said.pair"},
		{harmless.left.(*pair) == harmless, "panic: true"},
		{Clean(Value(harmless), 4), "panic: &{0x…"},
		{stringer(func() string { return "a\x1bb" }), "panic: a\ufffdb"},
		{sayer(func() string { panic("no") }), "panic: said.sayer"},
		{strings.Repeat("x", 5000), "panic: " + strings.Repeat("x", 4096-len("panic: ")) + "…"},
	} {
		if got := Panic(c.v); got != c.want {
			t.Errorf("Panic(%v) = %q, want %q", c.v, got, c.want)
		}
	}
}

func TestPanicValue(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{"out of range\n", "out of range"},
		{errors.New("panic: of another"), "panic: of another"},
		{"", ""},
	} {
		if got := PanicValue(Panic(c.v)); got != c.want {
			t.Errorf("PanicValue(Panic(%q)) = %q, want %q", c.v, got, c.want)
		}
	}
	if got := PanicValue("*tend.PanicError"); got != "*tend.PanicError" { // what could not be asked
		t.Errorf("%q", got)
	}
}

// By is as said: nobody has cleaned it.
func TestBy(t *testing.T) {
	if got := By(1, func() string { return " a\n" }); got != " a\n" {
		t.Errorf("%q", got)
	}
	if got := By(1, func() string { panic("no") }); got != "int" {
		t.Errorf("%q", got)
	}
}

// An error that is a constant text costs nothing: many fail at once.
func TestTextDoesNotAllocate(t *testing.T) {
	err := errors.New("no such file")
	if n := testing.AllocsPerRun(100, func() { _ = Text(err) }); n > 1 { // the method value
		t.Errorf("%v allocations", n)
	}
}

func TestTimes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 restarts", 1: "1 restart", 2: "2 restarts"} {
		if got := Times(n, "restart"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Times(-3, "service"); got != "-3 services" {
		t.Errorf("%q", got)
	}
}

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		d                   time.Duration
		brief, age, setting string
	}{
		{0, "0s", "0s", "0s"},
		{-time.Second, "-1s", "0s", "-1s"},
		{999 * time.Nanosecond, "999ns", "0s", "999ns"},
		{999_999, "999.999µs", "1ms", "999.999µs"},
		{1_234_567, "1.235ms", "1ms", "1.234567ms"},
		{12_345_678, "12.346ms", "12ms", "12.345678ms"},
		{1_234_567_890, "1.235s", "1.2s", "1.23456789s"},
		{30 * time.Second, "30s", "30s", "30s"},
		{59*time.Second + 960*time.Millisecond, "59.96s", "1m0s", "59.96s"},
		{time.Minute, "1m0s", "1m0s", "1m"},
		{90 * time.Second, "1m30s", "1m30s", "1m30s"},
		{10 * time.Minute, "10m0s", "10m0s", "10m"},
		{time.Hour, "1h0m0s", "1h0m0s", "1h"},
		{time.Hour + time.Second, "1h0m1s", "1h0m1s", "1h0m1s"},
		{90*time.Minute + 1234*time.Millisecond, "1h30m1.234s", "1h30m1s", "1h30m1.234s"},
		{24 * time.Hour, "24h0m0s", "24h0m0s", "24h"},
	} {
		if got := Brief(c.d); got != c.brief {
			t.Errorf("Brief(%v) = %s, want %s", c.d, got, c.brief)
		}
		if got := Age(c.d); got != c.age {
			t.Errorf("Age(%v) = %s, want %s", c.d, got, c.age)
		}
		if got := Setting(c.d); got != c.setting {
			t.Errorf("Setting(%v) = %s, want %s", c.d, got, c.setting)
		}
	}
}
