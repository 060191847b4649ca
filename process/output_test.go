package process

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSplitter(t *testing.T) {
	for name, test := range map[string]struct {
		max  int
		in   []string
		want []string // partial ones end in …
	}{
		"lines":                 {8, []string{"a\nb\n"}, []string{"a", "b"}},
		"empty lines":           {8, []string{"\n\n"}, []string{"", ""}},
		"no end":                {8, []string{"a\nb"}, []string{"a", "b"}},
		"nothing":               {8, nil, nil},
		"in pieces":             {8, []string{"a", "b\nc", "", "d\n"}, []string{"ab", "cd"}},
		"carriage returns":      {8, []string{"a\r\nb\rc\r", "\n"}, []string{"a", "b\rc"}},
		"exactly the most":      {4, []string{"abcd\nabcd"}, []string{"abcd", "abcd"}},
		"one more":              {4, []string{"abcde\n"}, []string{"abcd…", "e"}},
		"much more, in pieces":  {4, []string{"abcde", "fghi", "j\nk"}, []string{"abcd…", "efgh…", "ij", "k"}},
		"a rune at the edge":    {4, []string{"abcé\n"}, []string{"abc…", "é"}},
		"runes wider than most": {1, []string{"é\n"}, []string{"\xc3…", "\xa9"}},
		"not UTF-8":             {4, []string{"\xa9\xa9\xa9\xa9\xa9\xa9\n"}, []string{"\xa9\xa9\xa9\xa9…", "\xa9\xa9"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, split(test.max, test.in...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func split(most int, in ...string) []string {
	var got []string
	s := splitter{max: most, emit: func(text []byte, partial bool) {
		line := string(text)
		if partial {
			line += "…"
		}
		got = append(got, line)
	}}
	for _, p := range in {
		s.write([]byte(p))
	}
	s.flush()
	return got
}

// FuzzSplitter: nothing is lost, no piece is longer than the most, and how the
// input was cut into writes does not matter.
func FuzzSplitter(f *testing.F) {
	f.Add("a\nb", 1, 3)
	f.Add("héllo wörld\r\n\n\xff\xfe", 2, 4)
	f.Fuzz(func(t *testing.T, in string, at, most int) {
		if most < 1 || most > 1<<16 || at < 0 || at > len(in) {
			t.Skip()
		}
		var whole strings.Builder
		s := splitter{max: most, emit: func(text []byte, partial bool) {
			if len(text) > most {
				t.Errorf("a piece of %d bytes, at most %d", len(text), most)
			}
			whole.Write(text)
			if !partial {
				whole.WriteByte('\n')
			}
		}}
		s.write([]byte(in))
		s.flush()
		want := strings.ReplaceAll(in, "\n", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		// A return is dropped before a line end; compare without any.
		got := strings.ReplaceAll(whole.String(), "\r", "")
		if want = strings.ReplaceAll(want, "\r", ""); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if a, b := split(most, in), split(most, in[:at], in[at:]); !cmp.Equal(a, b) {
			t.Errorf("in one write %q, in two %q", a, b)
		}
	})
}

func TestTail(t *testing.T) {
	for name, test := range map[string]struct {
		max  int
		in   []string
		want string
		cut  bool
	}{
		"nothing":            {10, nil, "", false},
		"all of it":          {10, []string{"abc\n", "def\n"}, "abc\ndef", false},
		"exactly":            {10, []string{"12345678", "90"}, "1234567890", false},
		"last whole lines":   {10, []string{"abc\n", "def\n", "ghi\n", "jkl\n"}, "ghi\njkl", true},
		"one long line":      {10, []string{"abcdefghijklm"}, "defghijklm", true},
		"not UTF-8":          {10, []string{"a\xffb\n"}, "a\uFFFDb", false},
		"many short writes":  {10, strings.Split(strings.Repeat("x", 99)+"abcdefghij", ""), "abcdefghij", true},
		"a write of its own": {10, []string{"0", "1", strings.Repeat("y", 20) + "\n12345678\n"}, "12345678", true},
		"without a limit":    {math.MaxInt, []string{"abc\n", "def\n"}, "abc\ndef", false},
		"nearly without one": {math.MaxInt/2 + 1, []string{"abc\n", "def\n"}, "abc\ndef", false},
	} {
		t.Run(name, func(t *testing.T) {
			tail := &tail{max: test.max}
			for _, p := range test.in {
				tail.write([]byte(p))
			}
			if got := tail.text(); got != test.want || tail.cut() != test.cut {
				t.Errorf("got %q, cut %v, want %q, cut %v", got, tail.cut(), test.want, test.cut)
			}
		})
	}
}

func TestTellingLine(t *testing.T) {
	long := strings.Repeat("é", 150)
	for tail, want := range map[string]string{
		"":             "",
		"\n\n":         "",
		"one\ntwo\n\n": "two",
		"x\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:3 +0x1": "panic: boom",
		"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1":     "fatal error: all goroutines are asleep - deadlock!",
		long:                     strings.Repeat("é", 100) + "…",
		"10%\r50%\r100%\r\n":     "100%",
		"50%\rdisk full":         "disk full",
		"before\n\r\r\n":         "before",
		"\x1b[1;31mred\x1b[0m\a": "red",
		"\x1b]0;title\atext":     "text",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1b[31mpanic: boom\x1b[m\n\ngoroutine 1": "panic: boom",
		"\x1b(B\x1b=x\x00y\x1b":                    "x\ufffdy\ufffd",
	} {
		if got := tellingLine(tail); got != want {
			t.Errorf("of %q: %q, want %q", tail, got, want)
		}
	}
}

func TestParseNote(t *testing.T) {
	for in, want := range map[string]note{
		"":                                   {},
		"READY=1":                            {ready: true},
		"READY=0":                            {},
		"READY=1\nSTATUS=hello = world\n":    {ready: true, status: "hello = world", hasStatus: true},
		"STATUS=":                            {hasStatus: true},
		"STATUS=\x1b[1mx\a\x01":              {status: "x\ufffd", hasStatus: true},
		"STATUS=a\xffb":                      {status: "a\uFFFDb", hasStatus: true},
		"WATCHDOG=1":                         {alive: true},
		"WATCHDOG=trigger":                   {trigger: true},
		"EXTEND_TIMEOUT_USEC=1500":           {extend: 1500e3},
		"EXTEND_TIMEOUT_USEC=-1":             {},
		"WATCHDOG_USEC=18446744073709551615": {watchdog: 1<<63 - 1},
		"WATCHDOG_USEC=many":                 {},
		"MAINPID=7\nFDSTORE=1\n=\nREADY\n":   {},
	} {
		if diff := cmp.Diff(want, parseNote([]byte(in)), cmp.AllowUnexported(note{})); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", in, diff)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=x\nEXTEND_TIMEOUT_USEC=5"))
	f.Fuzz(func(t *testing.T, message []byte) {
		n := parseNote(message)
		if !utf8.ValidString(n.status) || len(n.status) > maxStatus || n.extend < 0 || n.watchdog < 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestNames(t *testing.T) {
	if got := fmt.Sprint(Stdout, Stderr, Stream(9), KillOrphans, KeepOnSuccess, Orphans(9)); got != "stdout stderr Stream(9) kill orphans keep on success Orphans(9)" {
		t.Error(got)
	}
}
