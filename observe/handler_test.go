package observe

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/tend-go/tend"
)

func TestThePageWorksHoweverItIsMounted(t *testing.T) {
	page := newTestPage(t, newFakeTree(supervisor("root", "a").Status()), Options{})
	mux := func(pattern string, h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle(pattern, h)
		return m
	}
	strip := func(prefix string) http.Handler { return http.StripPrefix(prefix, page) }
	const html, asJSON, none, redirect = "text/html; charset=utf-8", "application/json; charset=utf-8", "404", "redirect"
	for _, c := range []struct {
		name    string
		handler http.Handler
		paths   map[string]string
	}{
		{"at the root", page, map[string]string{"/": html, "/api/tree": asJSON, "/api/tree/": none, "/x": none, "/favicon.ico": none, "/api/x": none}},
		{"stripped", mux("/debug/tree/", strip("/debug/tree")), map[string]string{"/debug/tree/": html, "/debug/tree": redirect, "/debug/tree/api/tree": asJSON, "/debug/tree/x": none}},
		{"stripped with the slash", mux("/debug/tree/", strip("/debug/tree/")), map[string]string{"/debug/tree/": html, "/debug/tree/api/tree": asJSON}},
		{"stripped, without slash", mux("/debug/tree", strip("/debug/tree")), map[string]string{"/debug/tree": html}},
		{"not stripped", mux("/debug/tree/", page), map[string]string{"/debug/tree/": html, "/debug/tree/api/tree": asJSON, "/debug/tree/api/view": asJSON, "/debug/tree/x": none}},
		{"not stripped, without slash", mux("/debug/tree", page), map[string]string{"/debug/tree": html}},
		{"with method and host", mux("GET localhost/debug/tree/", page), map[string]string{"/debug/tree/": html, "/debug/tree/api/tree": asJSON}},
		{"exactly", mux("GET /t/{$}", page), map[string]string{"/t/": html}},
		{"below something called api", mux("/api/tree/", page), map[string]string{"/api/tree/": html, "/api/tree/api/tree": asJSON}},
		{"in a mux at the root", mux("/", page), map[string]string{"/": html, "/api/tree": asJSON, "/x": none}},
	} {
		for path, want := range c.paths {
			t.Run(c.name+" "+path, func(t *testing.T) {
				w := request(c.handler, "GET", path)
				got := w.Header().Get("Content-Type")
				switch {
				case w.Code == http.StatusNotFound:
					got = none
				case w.Code/100 == 3:
					got = redirect
				}
				if got != want {
					t.Errorf("got %d %q, want %q", w.Code, got, want)
				}
			})
		}
	}
}

func TestWhatIsEmptyIsAListAndNotNull(t *testing.T) {
	p := newTestPage(t, newFakeTree(tend.New("root", tend.Spec{}).Status()), Options{})
	for path, want := range map[string][]string{
		"/api/view":          {`"rows":[{`},
		"/api/view?under=0":  {`"rows":[]`},
		"/api/view?under=77": {`"rows":[]`},
		"/api/view?q=zzz":    {`"rows":[]`},
		"/api/tree":          {`"services":[]`},
		"/api/node/0":        {`"services":[]`, `"events":[]`, `"minutes":[0,`, `"facts":[{`, `"texts":[]`, `"service":null`},
		"/api/view?state=failed&q=" + `%00%ff"<script`: {`"rows":[]`},
	} {
		w := request(p, "GET", path)
		body := w.Body.String()
		if w.Code != http.StatusOK || !json.Valid([]byte(body)) {
			t.Errorf("%s: %d %s", path, w.Code, body)
		}
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%s: %s is not in %s", path, part, body)
			}
		}
	}
}

func TestWantsText(t *testing.T) {
	for _, c := range []struct {
		query, accept, agent string
		want                 bool
	}{
		{"", "", "", false},
		{"", "*/*", "curl/8.5.0", true},
		{"", "", "Wget/1.21", true},
		{"", "*/*", "Go-http-client/1.1", false},
		{"", "text/plain", "Go-http-client/1.1", true},
		{"", "text/plain;q=0.9, */*", "", true},
		{"", "application/json", "curl/8.5.0", false},
		{"", "text/plain, text/html;q=0.5", "", true},
		{"", "text/html;q=0.5, text/plain;q=0.4", "curl/8.5.0", false},
		{"", "text/plain;q=0", "Go-http-client/1.1", false},
		{"", "text/*, , a/b/c;", "Go-http-client/1.1", false},
		{"", "application/json, text/plain, */*", "axios", false},
		{"", "text/html,application/xhtml+xml,*/*;q=0.8", "Mozilla/5.0", false},
		{"format=text", "application/json", "", true},
		{"format=json", "text/plain", "curl/8.5.0", false},
	} {
		r := httptest.NewRequest("GET", "/api/tree?"+c.query, nil)
		r.Header.Set("Accept", c.accept)
		r.Header.Set("User-Agent", c.agent)
		if got := wantsText(r); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestTreeAnswers(t *testing.T) {
	sup := supervisor("root", "a", "b/", `c"\`, ".", "d")
	f := newFakeTree(sup.Status())
	p := newTestPage(t, f, Options{})

	for _, c := range [][]string{
		{"/api/tree", "User-Agent", "curl/8"}, {"/", "Accept", "text/plain"}, {"/", "User-Agent", "curl/8"}, {"/?format=text"},
	} {
		text := request(p, "GET", c[0], c[1:]...)
		if got, want := text.Body.String(), p.hub.view.status.String(); got != want {
			t.Errorf("%q: text %q, want %q", c, got, want)
		}
	}
	if found := request(p, "GET", "/?q=d", "Accept", "text/plain").Body.String(); !strings.HasSuffix(found, "\n1 found\n") {
		t.Errorf("found: %q", found)
	}
	if page := request(p, "GET", "/", "Accept", "text/html, */*;q=0.8", "User-Agent", "curl/8").Body.String(); !strings.HasPrefix(page, "<!") {
		t.Errorf("no page: %.40q", page)
	}
	var status tend.Status
	if err := json.Unmarshal(request(p, "GET", "/api/tree").Body.Bytes(), &status); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p.hub.view.status, status); d != "" || len(status.Services) != 3 {
		t.Errorf("JSON -want +got\n%s", d)
	}
	dot := request(p, "GET", "/api/tree.dot").Body.String()
	for _, want := range []string{`label="root\npending", shape=box`, `label="c\"\\\npending", shape=ellipse`, "n0 -> n"} {
		if !strings.Contains(dot, want) {
			t.Errorf("%s is not in %s", want, dot)
		}
	}
	if n := strings.Count(dot, " -> "); n != 4 {
		t.Errorf("%d edges, want 4", n)
	}
}

func TestView(t *testing.T) {
	f := newFakeTree(supervisor("root", "a", "b/", "c", "d", ".", "e").Status())
	b := f.status.Services[1].Token
	f.status.Services[1].Supervisor.Services[0].State = tend.StateFailed
	f.status.Services[1].Supervisor.Services[0].Failures = []tend.Failure{{Err: tend.Reason{Text: "Connection refused"}}}
	f.status.Services[2].State = tend.StateRunning
	p := newTestPage(t, f, Options{Title: "mine"})
	names := func(query string) (names []string) {
		var v reply
		if err := json.Unmarshal(request(p, "GET", "/api/view"+query).Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		for _, r := range v.Rows {
			names = append(names, r.Name)
		}
		return names
	}
	for query, want := range map[string][]string{
		"":                                 {"root", "a", "b", "c", "d", "e"},
		"?under=0":                         {"a", "b", "e"},
		"?under=0&after=" + b.String()[1:]: {"e"},
		"?under=" + b.String()[1:]:         {"c", "d"},
		"?q=B+C":                           {"root", "b", "c"},
		"?q=refused":                       {"root", "b", "c"},
		"?q=refused+root/b":                {"root", "b", "c"},
		"?q=refused+zzz":                   nil,
		"?state=failed":                    {"root", "b", "c"},
		"?state=failed,running":            {"root", "b", "c", "e"},
		"?state=failed&q=e":                {"root", "b", "c"},
		"?state=failed&q=nothing":          nil,
		"?q=root":                          {"root", "a", "b", "c", "d", "e"},
	} {
		if d := cmp.Diff(want, names(query)); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
}

func TestGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "deflate": false, "gzip; q=0": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if got := acceptsGzip(r); got != want {
			t.Errorf("%q: got %v", header, got)
		}
	}
}

func TestMisuse(t *testing.T) {
	panics := func(name, want string, f func()) {
		t.Helper()
		defer func() {
			if got := recover(); got != want {
				t.Errorf("%s: panic %v, want %s", name, got, want)
			}
		}()
		f()
	}
	panics("nil", "tend/observe: Handler: the supervisor is nil", func() { Handler(nil, Options{}) })
	panics("negative", "tend/observe: Options.Events is -1", func() { Handler(tend.New("x", tend.Spec{}), Options{Events: -1}) })
}

func TestClose(t *testing.T) {
	p := Handler(supervisor("root", "a"), Options{})
	p.Close()
	p.Close()
	if w := request(p, "GET", "/"); w.Code != http.StatusOK {
		t.Errorf("status %d after Close, want 200", w.Code)
	}
}

// A page whose server is started again is live again: it gets what happens from then
// on, and starts with the tree as it is.
func TestCloseIsNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTree(supervisor("root", "a").Status())
		p := newTestPage(t, f, Options{})
		l, stop := serveOn(p, 0)
		first := openStream(t, l, "")
		synctest.Wait()
		o, err := p.hub.opening(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if ms := first.all(); len(ms) != 0 {
			t.Errorf("got %v", ms)
		}
		stop()

		l, stop = serveOn(p, 0)
		defer stop()
		if m, _ := openStream(t, l, o.id).next(); m.kind != "reset" {
			t.Errorf("got %v, want a reset: events may be missing", m)
		}
		o, err = p.hub.opening(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second := openStream(t, l, o.id)
		f.events <- started("x")
		if m, ok := second.next(); !ok || len(m.change(t).Events) != 1 {
			t.Errorf("got %v", m)
		}
		p.Close()
	})
}
