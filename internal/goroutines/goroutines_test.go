package goroutines

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/internal/guard"
)

const profile = `goroutine profile: total 7
3 @ 0x47b8ee 0x415d2a 0x4159b2
# labels: {"service":"db#17", "supervisor":"root/a, \"b\": c"}
#	0x415d29	main.wait+0x29	/src/main.go:30
#	0x4159b1	main.(*pool[...]).serve+0x11	/src/a b/pool.go:9

2 @ 0x47b8ee
# labels: {"service":"web#170"}
#	0x415d29	main.other+0x29	/src/main.go:50

1 @ 0x47b8ef
# labels: {"service":"odd \"#17\", \"service\":\"x#4", "z":"\u202e"}
#	0x415d29	main.odd+0x29	/src/main.go:60

1 @ 0x47b8f0
# labels: {"other":"x"}
#	0x415d29	main.main+0x29		/src/main.go:70

1 @ 0x47b8f1
# labels: {"service":"db#17"}
#	0x415d29	main.read+0x29		/src/main.go:80
`

// feed writes text in pieces of any length.
func feed(t *testing.T, f *filter, text string) {
	for text != "" {
		n := min(len(text), 1+rand.IntN(60))
		if k, err := f.Write([]byte(text[:n])); k != n || err != nil {
			t.Fatalf("Write: %d, %v", k, err)
		}
		text = text[n:]
	}
}

func TestFilter(t *testing.T) {
	const odd = `odd "#17", "service":"x#4`
	all := map[string]string{
		"db#17":   "3 goroutines:\nmain.wait\n\t/src/main.go:30\nmain.(*pool[...]).serve\n\t/src/a b/pool.go:9\n\n1 goroutine:\nmain.read\n\t/src/main.go:80\n",
		"web#170": "2 goroutines:\nmain.other\n\t/src/main.go:50\n",
		odd:       "1 goroutine:\nmain.odd\n\t/src/main.go:60\n",
	}
	for _, wanted := range [][]string{nil, {"db#17"}, {"web#170", odd}, {"#17", "17", "x#4", ""}, {"db#17", "web#170", odd}} {
		want := maps.Clone(all)
		maps.DeleteFunc(want, func(value, _ string) bool { return !slices.Contains(wanted, value) })
		for range 20 {
			f := newFilter("service", func(value string) bool { return slices.Contains(wanted, value) })
			feed(t, f, profile)
			if d := cmp.Diff(want, f.texts()); d != "" {
				t.Fatalf("%q: -want +got\n%s", wanted, d)
			}
		}
	}
}

// Labels are Go strings; what is not so has no value.
func TestLabelValue(t *testing.T) {
	for labels, want := range map[string]string{
		`{"k":"v"}`:            "v",
		`{"a":"b", "k":"v\n"}`: "v\n",
		`{"k":""}`:             "",
		`{"a":"k", "k":"v"}`:   "v",
		`{}`:                   "none",
		`{"a":"b"}`:            "none",
		`{"k"`:                 "none",
		`{"k":v}`:              "none",
		`{"k":"v`:              "none",
		`{"a":b, "k":"v"}`:     "none",
		`{"a":"b, "k":"v"}`:    "none",
		`{"a":, "k":"v"}`:      "none",
		`{:"b", "k":"v"}`:      "none",
		`{k:"v"}`:              "none",
	} {
		got, ok := labelValue(labels, "k")
		if !ok && got == "" {
			got = "none"
		}
		if got != want || ok != (want != "none") {
			t.Errorf("of %s it is %q, %v, want %q", labels, got, ok, want)
		}
	}
}

// A profile in words that it has seldom is told as it is.
func TestOddProfiles(t *testing.T) {
	const labels = "# labels: {\"service\":\"a\"}\n"
	for profile, want := range map[string]string{
		"1 @ 0x1\n" + labels + "#\t0x1\tf+0x1\t/f.go:1\n":     "1 goroutine:\nf\n\t/f.go:1\n",
		"1 @ 0x1\n" + labels + "#\t0x1\tmain.f\t/f.go:1\n":    "1 goroutine:\nmain.f\n\t/f.go:1\n",
		"1 @ 0x1\n" + labels + "#\t0x1\t+0x1\t/f.go:1\n":      "1 goroutine:\n+0x1\n\t/f.go:1\n",
		"1 @ 0x1\n" + labels + "#\t0x47b8ee\n":                "1 goroutine:\n#\t0x47b8ee\n",
		"some @ 0x1\n" + labels + "#\t0x1\tmain.f\t/f.go:1\n": "some:\nmain.f\n\t/f.go:1\n",
	} {
		f := newFilter("service", func(string) bool { return true })
		feed(t, f, profile)
		if d := cmp.Diff(map[string]string{"a": want}, f.texts()); d != "" {
			t.Errorf("%q: -want +got\n%s", profile, d)
		}
	}
}

// The text of each value has its own bound, which Find tells, to the byte.
func TestTextIsBounded(t *testing.T) {
	const most = 64 << 10
	text := func(function string) string { return "1 goroutine:\n" + function + "\n\t/src/main.go:30\n" }
	f := newFilter("service", func(string) bool { return true })
	block := func(label, function string) {
		feed(t, f, fmt.Sprintf("1 @ 0x47b8ee\n# labels: {\"service\":%q}\n#\t0x1\t%s+0x29\t/src/main.go:30\n\n", label, function))
	}
	for i := range 5000 {
		block("many", fmt.Sprint("main.f", i))
	}
	one := text("main.f")
	block("few", "main.f")
	longest := strings.Repeat("x", most-len(one+"\n"+text("")))
	block("full", "main.f")
	block("full", longest)
	block("one too many", "main.f")
	block("one too many", longest+"x")
	block("too many", "main.f")
	block("too many", longest+"x")
	block("too many", "main.g") // smaller, but the order is kept: what is left out is at the end
	texts := f.texts()
	if kept, said, _ := strings.Cut(texts["many"], "\n… and "); len(kept) > most || len(kept) < most-100 {
		t.Errorf("%d bytes are kept", len(kept))
	} else if want := fmt.Sprintf("%d more stacks\n", 5000-strings.Count(kept, "main.f")); said != want {
		t.Errorf("it ends with %q, want %q", said, want)
	}
	for label, want := range map[string]string{
		"few":          one,
		"full":         one + "\n" + text(longest),
		"one too many": one + "\n… and 1 more stack\n",
		"too many":     one + "\n… and 2 more stacks\n",
	} {
		if got := texts[label]; got != want {
			t.Errorf("of %s %d bytes are kept, want %d", label, len(got), len(want))
		}
	}
}

// labelled starts goroutines with a label, and returns when they wait; end ends them.
func labelled(t *testing.T, value string, n int, wait func(begun func(), end <-chan struct{})) {
	end := make(chan struct{})
	var begun, done sync.WaitGroup
	begun.Add(n)
	for range n {
		done.Go(func() {
			pprof.Do(t.Context(), pprof.Labels("test", value), func(context.Context) {
				wait(begun.Done, end)
			})
		})
	}
	begun.Wait()
	t.Cleanup(func() { close(end); done.Wait() })
}

//go:noinline
func waitsHere(begun func(), end <-chan struct{}) { begun(); <-end }

//go:noinline
func waitsThere(begun func(), end <-chan struct{}) { begun(); <-end }

func TestFind(t *testing.T) {
	odd := "a \"b\",\n\t\\ \"test\":\"two\" \x00\u202e"
	labelled(t, "two", 2, waitsHere)
	labelled(t, "two", 1, waitsThere)
	labelled(t, odd, 1, waitsThere)
	labelled(t, "not wanted", 1, waitsHere)
	found, err := Find("test", func(value string) bool { return value != "not wanted" })
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, []string{odd, "two"}) {
		t.Errorf("found are %q", got)
	}
	for value, want := range map[string][]string{
		"two": {"goroutines.waitsHere\n\t", "goroutines.waitsThere\n\t", "goroutines_test.go:", "1 goroutine:\n"},
		odd:   {"1 goroutine:\n", "goroutines.waitsThere\n\t"},
	} {
		for _, part := range want {
			if !strings.Contains(found[value], part) {
				t.Errorf("%q does not have %q:\n%s", value, part, found[value])
			}
		}
	}
}

func TestNothingFound(t *testing.T) {
	found, err := Find("no such label", func(string) bool { return true })
	if len(found) != 0 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

func TestTooMany(t *testing.T) {
	err := check(4, 3)
	var tooMany *TooManyError
	if !errors.As(err, &tooMany) || *tooMany != (TooManyError{4, 3}) || err.Error() != "the program has 4 goroutines, more than 3" {
		t.Errorf("%#v", err)
	}
	for _, err := range []error{check(3, 3), Check()} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := find("test", func(string) bool { return true }, 0); !errors.As(err, &tooMany) {
		t.Errorf("looked up: %v", err)
	}
	if _, err := count("test", 0); !errors.As(err, &tooMany) {
		t.Errorf("counted: %v", err)
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("db", "root")
	f.Add(`"`, "\\\x00\xff, \"service\":\"x\"}")
	f.Fuzz(func(t *testing.T, service, supervisor string) {
		ctx := pprof.WithLabels(t.Context(), pprof.Labels("service", service, "supervisor", supervisor))
		pprof.Do(ctx, pprof.Labels(), func(context.Context) {
			for key, value := range map[string]string{"service": service, "supervisor": supervisor} {
				found, err := Find(key, func(v string) bool { return v == value })
				if !strings.Contains(found[value], "goroutines.FuzzLabels.") || err != nil {
					t.Errorf("%s=%q: %q, %v", key, value, found, err)
				}
			}
		})
	})
}

// functions are the names of the first n of program counters.
func functions(pcs []uintptr, n int) (names []string) {
	frames := runtime.CallersFrames(pcs)
	for range n {
		f, _ := frames.Next()
		names = append(names, f.Function[strings.LastIndexByte(f.Function, '.')+1:])
	}
	return names
}

//go:noinline
func outer(skip int) []uintptr { return inner(skip) }

//go:noinline
func inner(skip int) []uintptr { return Callers(skip) }

func TestCallers(t *testing.T) {
	for skip, want := range [][]string{{"inner", "outer"}, {"outer", "TestCallers"}} {
		if got := functions(outer(skip), 2); !slices.Equal(got, want) {
			t.Errorf("without %d: %q", skip, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { outer(0) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestCallersAreBounded(t *testing.T) {
	var deep func(n int) []uintptr
	deep = func(n int) []uintptr {
		if n == 0 {
			return Callers(0)
		}
		return deep(n - 1)
	}
	if got := deep(1000); len(got) != 64 {
		t.Errorf("%d", len(got))
	}
}

// What the documentation says of guard.Try is so.
func TestCallersOfAPanic(t *testing.T) {
	var pcs []uintptr
	_ = guard.Try(func() error { panic("x") }, func(any) error { pcs = Callers(2); return nil })
	got := functions(pcs, 2)
	if got[0] != "gopanic" || !strings.HasPrefix(got[1], "func") {
		t.Errorf("%q", got)
	}
}
