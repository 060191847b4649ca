package observe

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tend-go/tend"
)

// What the page is made of stays below 40 KiB and is only text to the browser.
func TestFiles(t *testing.T) {
	total := 0
	err := fs.WalkDir(files, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := files.ReadFile(name)
		total += len(data)
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "https:", "//fonts", "@import", "url("} {
			if bytes.Contains(data, []byte(bad)) {
				t.Errorf("%s contains %s", name, bad)
			}
		}
		return err
	})
	if err != nil || total == 0 || total >= 40<<10 {
		t.Errorf("%d bytes, %v; want less than 40 KiB", total, err)
	}
}

// embedded is the data in a page.
func embedded(t *testing.T, page string) (v reply) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no data in %.500s", page)
	}
	if err := json.Unmarshal([]byte(m[1]), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// All that the page shows first is in it.
func TestTheFirstPaintNeedsNoRequest(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a", "b/", "c").Status()), Options{Title: "the <title>"})
	page := request(p, "GET", "/").Body.String()
	if v := embedded(t, page); len(v.Rows) != 4 || v.Title != "the <title>" || v.Seq == "" || v.Allow {
		t.Errorf("embedded %+v", v)
	}
	for _, bad := range []string{" src=", `rel="stylesheet"`, "{{"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	for _, want := range []string{"<title>the &lt;title&gt;</title>", file("list.js"), file("page.css")} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not contain %.40s", want)
		}
	}
}

// And nothing in the page names another host.
func TestWithoutScriptThePageIsTheTreeAsText(t *testing.T) {
	p := newTestPage(t, newFakeTree(supervisor("root", "a<b>", "b/", "c").Status()), Options{})
	page := request(p, "GET", "/").Body.String()
	_, rest, _ := strings.Cut(page, "<noscript><pre>")
	text, _, ok := strings.Cut(rest, "</pre></noscript>")
	if want := p.hub.view.status.String(); !ok || html.UnescapeString(text) != want {
		t.Errorf("text %q, want %q", html.UnescapeString(text), want)
	}
	if hosts := regexp.MustCompile(`(?:https?:)?//[a-z][a-z0-9.]+\.[a-z]+`).FindAllString(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), -1); hosts != nil {
		t.Errorf("the page names %q", hosts)
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
}

func TestNamesAndErrorsOfAnyContentStayTextAndShort(t *testing.T) {
	for name, hostile := range map[string]string{
		"script":   "</script><script>alert(1)</script><!--",
		"quotes":   "\"'`${alert(1)}\\ &lt;",
		"megabyte": strings.Repeat("</pre><b>x", 100_000),
		"not utf8": "\xff\xfe\x80",
		"bidi":     "a\u202eb\u2066c\u200f",
		"lines":    "a\r\nevent: reset\r\ndata: {}\n\n\u2028\u2029\x00",
		"empty":    "",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeTree(supervisor("root", "a", "b/", "c").Status())
			s := &f.status.Services[0]
			reason := tend.Reason{Text: hostile}
			s.Name, s.WaitingFor, s.HeldBy, s.Stopping = hostile, reason, hostile, reason
			s.State = tend.StateBackoff
			s.Failures = []tend.Failure{{Err: reason}, {Err: reason}}
			f.status.Services[1].Supervisor.Name = hostile
			f.status.Name, f.status.Serving, f.status.Stopping = hostile, true, reason
			p := newTestPage(t, f, Options{Title: hostile})
			id := s.Token.String()[1:]
			paths := []string{"/", "/api/view", "/api/view?q=a", "/api/node/" + id, "/api/node/0", "/api/tree.dot"}
			if len(hostile) < 1000 { // what these say is the core's, which bounds it
				paths = append(paths, "/api/tree", "/api/tree?format=text")
			}
			for _, path := range paths {
				w := request(p, "GET", path)
				body := w.Body.String()
				if w.Code != 200 || !utf8.ValidString(body) {
					t.Errorf("%s: %d, valid %v", path, w.Code, utf8.ValidString(body))
				}
				if len(body) > 250_000 {
					t.Errorf("%s: %d bytes", path, len(body))
				}
				if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && strings.Count(body, "<script") != 2 || strings.Contains(body, "alert(1)</script>") && path == "/" {
					t.Errorf("%s: the page has markup that is not its own", path)
				}
			}
			embedded(t, request(p, "GET", "/").Body.String())
		})
	}
}

// Less than 200 kB.
func TestAPageOfTenThousandServicesIsSmall(t *testing.T) {
	p := newTestPage(t, newFakeTree(large(10_000)), Options{})
	w := request(p, "GET", "/", "Accept-Encoding", "gzip")
	size := w.Body.Len()
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if _, err := page.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	if v := embedded(t, page.String()); len(v.Rows) != 10_101 || v.Total != 10_101 {
		t.Errorf("%d rows of %d", len(v.Rows), v.Total)
	}
	t.Logf("%d bytes, %d compressed", page.Len(), size)
	if size >= 200_000 {
		t.Errorf("the page has %d bytes, want less than 200,000", size)
	}
}

// Of more than 20,000 services it gets a part, and the rest on demand.
func TestOfALargeTreeThePageHasThePartThatItShows(t *testing.T) {
	f := newFakeTree(large(25_000))
	wanted := f.status.Services[200].Supervisor.Services[50].Token
	p := newTestPage(t, f, Options{})
	v := embedded(t, request(p, "GET", "/?id="+wanted.String()[1:]).Body.String())
	if v.Wanted != wanted.ID() {
		t.Errorf("it is told that %d is wanted, want %v", v.Wanted, wanted)
	}
	if len(v.Rows) > maxView || len(v.Rows) < maxView-100 || v.Total != 25_251 {
		t.Errorf("%d rows of %d", len(v.Rows), v.Total)
	}
	known := map[uint64]bool{0: true}
	for _, r := range v.Rows {
		if !known[r.Parent] {
			t.Fatalf("row %d comes before its supervisor %d", r.ID, r.Parent)
		}
		known[r.ID] = true
	}
	if !known[wanted.ID()] {
		t.Error("the service that the address names is not among them")
	}
	for _, s := range f.status.Services {
		if !known[s.Token.ID()] {
			t.Fatalf("supervisor %s is not among them", s.Name)
		}
	}
}

// A link may mean a service that there is no room for: the page is told which it is.
func TestAPageIsToldWhatItsLinkMeans(t *testing.T) {
	root := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
	for i := range maxView + 50 {
		root.Add(idle(fmt.Sprintf("s%05d", i)))
	}
	f := newFakeTree(root.Status())
	p := newTestPage(t, f, Options{})
	last := f.status.Services[maxView+49]
	for _, c := range []struct {
		query string
		want  uint64
	}{
		{"path=root%2Fs20049", last.Token.ID()},
		{"path=root%2Fs20049&id=1", last.Token.ID()}, // the number that it had in another program
		{"id=" + last.Token.String()[1:], last.Token.ID()},
		{"path=root%2Fgone", 0},
		{"", 0},
	} {
		v := embedded(t, request(p, "GET", "/?"+c.query).Body.String())
		var again reply
		if err := json.Unmarshal(request(p, "GET", "/api/view?"+c.query).Body.Bytes(), &again); err != nil {
			t.Fatal(err)
		}
		if v.Wanted != c.want || again.Wanted != c.want {
			t.Errorf("%q: %d and %d are wanted, want %d", c.query, v.Wanted, again.Wanted, c.want)
		}
		if len(v.Rows) != maxView || slices.ContainsFunc(v.Rows, func(r row) bool { return r.ID == last.Token.ID() }) {
			t.Errorf("%q: %d rows, want %d without that of the last service", c.query, len(v.Rows), maxView)
		}
	}
}
