package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	at := time.Date(2000, time.October, 10, 13, 55, 36, 0, time.FixedZone("", -7*3600))
	for _, test := range []struct {
		name, text string
		want       entry
	}{
		{
			"common", `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326`,
			entry{"127.0.0.1", "frank", at, "GET /apache_pb.gif HTTP/1.0", 200, 2326, "", ""},
		},
		{
			"combined", `2001:db8::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/2.0" 304 0 "https://a.example/?q=1" "Mozilla/5.0 (X11)"`,
			entry{"2001:db8::1", "-", at, "GET / HTTP/2.0", 304, 0, "https://a.example/?q=1", "Mozilla/5.0 (X11)"},
		},
		{
			"no body", `h - - [10/Oct/2000:13:55:36 -0700] "HEAD / HTTP/1.1" 200 - "-" "-"`,
			entry{"h", "-", at, "HEAD / HTTP/1.1", 200, 0, "-", "-"},
		},
		{
			"no body, common", `h - - [10/Oct/2000:13:55:36 -0700] "HEAD / HTTP/1.1" 200 -`,
			entry{"h", "-", at, "HEAD / HTTP/1.1", 200, 0, "", ""},
		},
		{
			"escaped quotes", `h - - [10/Oct/2000:13:55:36 -0700] "GET /\"x\\ HTTP/1.1" 200 1 "-" "the \"agent\""`,
			entry{"h", "-", at, `GET /\"x\\ HTTP/1.1`, 200, 1, "-", `the \"agent\"`},
		},
		{
			"said nothing", `h - - [10/Oct/2000:13:55:36 -0700] "-" 408 - "-" "-"`,
			entry{"h", "-", at, "-", 408, 0, "-", "-"},
		},
		{
			"empty strings", `h - - [10/Oct/2000:13:55:36 -0700] "" 400 0 "" ""`,
			entry{"h", "-", at, "", 400, 0, "", ""},
		},
		{
			"user with spaces", `h - Ann B. [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1`,
			entry{"h", "Ann B.", at, "GET / HTTP/1.1", 200, 1, "", ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, malformed := tryParse(test.text)
			if malformed != nil {
				t.Fatalf("parse panicked: %v", malformed)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(entry{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseMalformed(t *testing.T) {
	const good = `h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1 "-" "-"`
	if _, malformed := tryParse(good); malformed != nil {
		t.Fatalf("the line to spoil is malformed already: %v", malformed)
	}
	replace := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("there is no %q to replace", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	for name, text := range map[string]string{
		"empty":             "",
		"one word":          "h",
		"no host":           replace("h ", " "),
		"a message":         "nginx: [emerg] unknown directive",
		"bad date":          replace("10/Oct", "31/Feb"),
		"no date":           replace("[10/Oct/2000:13:55:36 -0700]", "-"),
		"open date":         replace("-0700] ", ""),
		"unquoted request":  replace(`"GET / HTTP/1.1"`, "GET / HTTP/1.1"),
		"unescaped quote":   replace("GET /", `GET /"`),
		"status is a word":  replace(" 200 ", " OK "),
		"status too small":  replace(" 200 ", " 99 "),
		"status too large":  replace(" 200 ", " 600 "),
		"no status":         replace("200 ", ""),
		"negative size":     replace("200 1", "200 -1"),
		"size too large":    replace("200 1", "200 9223372036854775808"),
		"size is a word":    replace("200 1", "200 1k"),
		"no agent":          replace(` "-" "-"`, ` "-"`),
		"open agent":        strings.TrimSuffix(good, `"`),
		"escape at the end": strings.TrimSuffix(good, `"`) + `\`,
		"more behind":       good + ` "x"`,
		"space behind":      good + " ",
		"two lines in one":  good[:50] + good,
	} {
		t.Run(name, func(t *testing.T) {
			if e, malformed := tryParse(text); malformed == nil {
				t.Errorf("parse(%q) is %+v, want a panic", text, e)
			}
		})
	}
	for i := range len(good) + 1 {
		if e, malformed := tryParse(good[:i] + cutMark); malformed == nil {
			t.Errorf("parse(%q) is %+v, want a panic", good[:i]+cutMark, e)
		}
		if i == len(good) || strings.HasSuffix(good[:i], "200 1") {
			continue // cut there it is a good line
		}
		if e, malformed := tryParse(good[:i]); malformed == nil {
			t.Errorf("parse(%q) is %+v, want a panic", good[:i], e)
		}
	}
}

func TestTarget(t *testing.T) {
	for request, want := range map[string][2]string{
		"GET / HTTP/1.1":          {"GET", "/"},
		"GET /a?b=c HTTP/2.0":     {"GET", "/a"},
		"OPTIONS * HTTP/1.1":      {"OPTIONS", "*"},
		"-":                       {"-", "-"},
		"":                        {"-", "-"},
		`\x16\x03\x01`:            {"-", "-"},
		"BREW /pot HTCPCP/1.0":    {"-", "-"},
		"get / HTTP/1.1":          {"-", "-"},
		"GET / and more HTTP/1.1": {"-", "-"},
		"GET /":                   {"-", "-"},
	} {
		method, path := entry{request: request}.target()
		if got := [2]string{method, path}; got != want {
			t.Errorf("the target of %q is %q, want %q", request, got, want)
		}
	}
}

// Whatever a line holds, it is either refused or means what was written: written
// again it is read the same.
func FuzzParse(f *testing.F) {
	for _, text := range sampleTexts(f)[:500] {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, malformed := tryParse(text)
		if malformed != nil {
			return
		}
		if e.host == "" || e.status < 100 || e.status > 599 || e.bytes < 0 {
			t.Fatalf("parse(%q) is %+v", text, e)
		}
		e.time = e.time.Truncate(time.Second) // time.Parse takes fractions that no log has
		again, malformed := tryParse(format(e))
		if malformed != nil {
			t.Fatalf("parse(%q), which is %q written again, panicked: %v", format(e), text, malformed)
		}
		if diff := cmp.Diff(e, again, cmp.AllowUnexported(entry{})); diff != "" {
			t.Fatalf("parse(%q) and parse(%q): %s", text, format(e), diff)
		}
	})
}

// format is the opposite of parse.
func format(e entry) string {
	text := fmt.Sprintf(`%s - %s [%s] "%s" %d %d`, e.host, e.user, e.time.Format(stamp), e.request, e.status, e.bytes)
	if e.referer != "" || e.agent != "" {
		text += fmt.Sprintf(` "%s" "%s"`, e.referer, e.agent)
	}
	return text
}

// tryParse is parse with its panic as a value.
func tryParse(text string) (e entry, malformed any) {
	defer func() { malformed = recover() }()
	return parse(text), nil
}
