package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/tendtest"
)

type treeQuestion = asked.Question[tend.Status]

// answers are what a listener says to requests.
type answers struct {
	stopping bool
	tree     tend.Status
	options  Options
}

func (a answers) routes(debug, loopback bool) http.Handler {
	o := a.options
	if o.Ready == nil {
		o.Ready = tend.Status.Ready
	}
	if o.Live == nil {
		o.Live = tend.Status.Alive
	}
	l := newListeners(o, &asked.Question[tend.Status]{Ask: func() tend.Status { return a.tree }}, func() bool { return a.stopping })
	h := l.routes(debug)
	if debug {
		return l.guarded(h, loopback)
	}
	return h
}

// get returns status and body of an answer.
func get(h http.Handler, method, url string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, url, nil))
	body, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(body)
}

func TestProbes(t *testing.T) {
	well := sup("root", svc("root/a", tend.StateRunning))
	down := sup("root", svc("root/a", tend.StateBackoff))
	stuck := sup("root", svc("root/a", tend.StateStuck))
	sick := func(tend.Status) error { return errors.New("out of sorts") }
	hostile := func(tend.Status) error { panic("ouch") }
	for _, test := range []struct {
		name         string
		answers      answers
		live, ready  int
		debug, outer string // bodies of /readyz
	}{
		{"well", answers{tree: well}, 200, 200, "ok\n", "ok\n"},
		{"down", answers{tree: down}, 200, 503, "root/a is in backoff for 1m0s\n", "not ok\n"},
		{"stuck", answers{tree: stuck}, 503, 503, "root/a is stuck for 1m0s\n", "not ok\n"},
		{"down, and there is who tells", answers{tree: down, options: Options{Debug: ":0"}}, 200, 503, "root/a is in backoff for 1m0s\n", "not ok; the debug listener says why\n"},
		{"not served", answers{tree: tend.Status{Path: "root"}}, 200, 503, "root is not served\n", "not ok\n"},
		{"stopping is not sick", answers{tree: stuck, stopping: true}, 200, 503, "the program is stopping\n", "not ok\n"},
		{"checks of its own", answers{tree: well, options: Options{Live: sick, Ready: hostile}}, 503, 503, "panic: ouch\n", "not ok\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			outer, debug := test.answers.routes(false, true), test.answers.routes(true, true)
			for _, h := range []http.Handler{outer, debug} {
				for path, want := range map[string]int{"/livez": test.live, "/readyz": test.ready} {
					for _, method := range []string{"GET", "HEAD"} {
						if got, _ := get(h, method, "http://localhost"+path); got != want {
							t.Errorf("%s %s: %d, want %d", method, path, got, want)
						}
					}
				}
			}
			if _, body := get(outer, "GET", "http://10.0.0.7/readyz"); body != test.outer {
				t.Errorf("outside it says %q, want %q", body, test.outer)
			}
			if _, body := get(debug, "GET", "http://localhost/readyz"); body != test.debug {
				t.Errorf("inside it says %q, want %q", body, test.debug)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "saw "+r.URL.Path) })
	a := answers{tree: sup("root"), options: Options{Tree: echo, Handlers: map[string]http.Handler{"/metrics": echo, "/x/": echo}}}
	outer, loop, open := a.routes(false, false), a.routes(true, true), a.routes(true, false)
	a.tree = tend.Status{Path: "root"}
	a.options.Handlers = map[string]http.Handler{"GET /": echo, "POST /": echo}
	all := a.routes(true, true)
	for _, test := range []struct {
		name        string
		h           http.Handler
		method, url string
		code        int
		body        string
	}{
		{"a handler", outer, "GET", "http://pod/metrics", 200, "saw /metrics"},
		{"a handler for all below", loop, "GET", "http://localhost/x/y", 200, "saw /x/y"},
		{"no tree outside", outer, "GET", "http://pod/debug/tree/", 404, ""},
		{"no profiles outside", outer, "GET", "http://pod/debug/pprof/heap", 404, ""},
		{"the tree, its prefix cut off", loop, "GET", "http://localhost/debug/tree/api/tree", 200, "saw /api/tree"},
		{"the tree without slash", loop, "GET", "http://localhost/debug/tree", 307, ""},
		{"another name on loopback", loop, "GET", "http://evil.example/debug/tree/", 421, ""},
		{"another name for a probe on loopback", loop, "GET", "http://evil.example/livez", 421, ""},
		{"another name where one may come from elsewhere", open, "GET", "http://ops.example/debug/tree/", 200, "saw /"},
		{"a probe is not posted", outer, "POST", "http://pod/livez", 405, ""},
		{"a probe is not posted to what takes the rest", all, "POST", "http://localhost/readyz", 405, ""},
		{"a profile is not posted", loop, "POST", "http://localhost/debug/pprof/heap", 405, ""},
		{"nothing below a profile", loop, "GET", "http://localhost/debug/pprof/heap/x", 404, ""},
		{"the rest", all, "GET", "http://localhost/", 200, "saw /"},
		{"all of the rest", all, "POST", "http://localhost/x", 200, "saw /x"},
		{"a probe beside the rest", all, "GET", "http://localhost/readyz", 503, "root is not served\n"},
		{"the tree beside the rest", all, "GET", "http://localhost/debug/tree/x", 200, "saw /x"},
		{"what is posted to the tree beside the rest", all, "POST", "http://localhost/debug/tree/x", 200, "saw /x"},
	} {
		code, body := get(test.h, test.method, test.url)
		if code != test.code || test.body != "" && body != test.body {
			t.Errorf("%s: %d %q, want %d %q", test.name, code, body, test.code, test.body)
		}
	}
}

func TestTreeAsText(t *testing.T) {
	root := tend.New("shop", tend.Spec{})
	root.Add(tendtest.Idle("web"))
	code, body := get(answers{tree: root.Status()}.routes(true, true), "GET", "http://[::1]:6060/debug/tree/")
	if code != 200 || !strings.Contains(body, "└─ web") {
		t.Errorf("%d %q", code, body)
	}
}

func TestProfiles(t *testing.T) {
	h := answers{}.routes(true, false)
	for _, test := range []struct {
		path string
		code int
		body string // its beginning
	}{
		{"", 200, "allocs?debug=1\t"},
		{"goroutine?debug=1", 200, "goroutine profile: total "},
		{"heap?gc=1", 200, "\x1f\x8b"},
		{"profile?seconds=0.01", 200, "\x1f\x8b"},
		{"trace?seconds=0.01", 200, "go 1."},
		{"nonsense", 404, `there is no profile "nonsense"`},
		{"heap?seconds=1", 400, "differences of profiles"},
		{"profile?seconds=x", 400, `seconds is "x", not a number up to 3600`},
		{"trace?seconds=-1", 400, `seconds is "-1"`},
		{"profile?seconds=NaN", 400, `seconds is "NaN"`},
	} {
		code, body := get(h, "GET", "http://x/debug/pprof/"+test.path)
		if code != test.code || !strings.HasPrefix(body, test.body) {
			t.Errorf("%s: %d %.60q, want %d %q", test.path, code, body, test.code, test.body)
		}
	}
	if _, pattern := http.DefaultServeMux.Handler(httptest.NewRequest("GET", "/debug/pprof/heap", nil)); pattern != "" {
		t.Errorf("the DefaultServeMux serves profiles at %q", pattern)
	}
}

// What a browser sends for another site is refused, whatever it is for, but for a link
// to the page.
func TestOtherSitesAreRefused(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	a := answers{tree: sup("root"), options: Options{Tree: ok, Handlers: map[string]http.Handler{"/metrics": ok}}}
	outer := a.routes(false, false)
	for name, debug := range map[string]http.Handler{"loopback": a.routes(true, true), "anywhere": a.routes(true, false)} {
		for path, link := range map[string]int{
			"/debug/pprof/trace?seconds=3600": 403, "/debug/pprof/profile": 403, "/debug/pprof/heap?gc=1": 403, "/debug/pprof/": 403,
			"/debug/tree/api/tree": 403, "/debug/tree/api/events": 403, "/debug/tree/api/node/1/restart": 403, "/metrics": 403, "/livez": 403, "/readyz": 403,
			"/debug/tree/": 200, "/debug/tree/?q=web": 200, "/debug/tree": 307,
		} {
			for _, c := range []struct {
				site, mode string
				want       int
			}{{"cross-site", "no-cors", 403}, {"cross-site", "cors", 403}, {"same-site", "no-cors", 403}, {"cross-site", "navigate", link}} {
				r := httptest.NewRequest("GET", "http://localhost"+path, nil)
				r.Header.Set("Sec-Fetch-Site", c.site)
				r.Header.Set("Sec-Fetch-Mode", c.mode)
				w := httptest.NewRecorder()
				if debug.ServeHTTP(w, r); w.Code != c.want {
					t.Errorf("%s: %s, %v: %d %q, want %d", name, path, c, w.Code, w.Body, c.want)
				}
				if path == "/metrics" {
					w = httptest.NewRecorder()
					if outer.ServeHTTP(w, r); w.Code != 200 {
						t.Errorf("the outer listener refuses it: %d", w.Code)
					}
				}
			}
		}
	}
}

// Middleware is put around all of the debug listener, and nothing else.
func TestMiddleware(t *testing.T) {
	made := 0
	var saw []string
	o := Options{Debug: "127.0.0.1:0", Middleware: func(h http.Handler) http.Handler {
		made++
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			saw = append(saw, r.URL.Path)
			if user, password, _ := r.BasicAuth(); user != "eve" || password != "apple" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	}}
	o.withDefaults(tend.New("root", tend.Spec{}))
	a := answers{tree: sup("root"), options: o}
	outer, debug := a.routes(false, true), a.routes(true, true)
	if made != 1 {
		t.Errorf("it was called %d times", made)
	}
	for _, path := range []string{"/livez", "/debug/tree/", "/debug/pprof/heap", "/nothing"} {
		if code, _ := get(debug, "GET", "http://localhost"+path); code != 401 {
			t.Errorf("%s: %d to a stranger", path, code)
		}
	}
	r := httptest.NewRequest("GET", "http://localhost/debug/tree/", nil)
	r.SetBasicAuth("eve", "apple")
	w := httptest.NewRecorder()
	if debug.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("%d to eve", w.Code)
	}
	before := len(saw)
	if code, _ := get(outer, "GET", "http://pod/livez"); code != 200 || len(saw) != before {
		t.Errorf("%d of the outer listener, or it has asked", code)
	}
	if code, _ := get(debug, "GET", "http://evil.example/"); code != 421 || len(saw) != before {
		t.Errorf("%d for another site, or it was asked", code)
	}
	wantPanic(t, "tend/app: Options.Middleware returned nil", func() {
		answers{options: Options{Middleware: func(http.Handler) http.Handler { return nil }}}.routes(true, true)
	})
}

// A probe asks the tree once a second at most, whoever asks it and how often; what it
// says is never older than that.
func TestProbesAreGoodForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, asked := time.Now(), 0
		tree := &treeQuestion{Ask: func() tend.Status {
			asked++
			if time.Since(began) >= 300*time.Millisecond {
				return sup("root", svc("root/a", tend.StateBackoff))
			}
			return sup("root", svc("root/a", tend.StateRunning))
		}}
		root := tend.New("root", tend.Spec{})
		l := newListeners(Options{}.withDefaults(root), tree, func() bool { return false })
		outer, debug := l.routes(false), l.routes(true)
		for range 1000 {
			for _, h := range []http.Handler{outer, debug} {
				if code, body := get(h, "GET", "http://localhost/readyz"); code != 200 {
					t.Fatalf("after %v: %d %q", time.Since(began), code, body)
				}
			}
			time.Sleep(time.Millisecond)
		}
		if asked != 1 {
			t.Errorf("the tree was asked %d times in the first second", asked)
		}
		if code, _ := get(outer, "GET", "http://localhost/readyz"); code != 503 || asked != 2 {
			t.Errorf("after %v: %d, asked %d times", time.Since(began), code, asked)
		}
		if code, _ := get(outer, "GET", "http://localhost/livez"); code != 200 || asked != 3 {
			t.Errorf("the other probe: %d, asked %d times", code, asked)
		}
	})
}

// As soon as the stop begins, /readyz says no.
func TestStoppingIsToldAtOnce(t *testing.T) {
	stopping := false
	tree := &treeQuestion{Ask: func() tend.Status { return sup("root") }}
	l := newListeners(Options{}.withDefaults(tend.New("root", tend.Spec{})), tree, func() bool { return stopping })
	before, _ := get(l.routes(false), "GET", "http://pod/readyz")
	stopping = true
	if after, _ := get(l.routes(false), "GET", "http://pod/readyz"); before != 200 || after != 503 {
		t.Errorf("%d, then %d", before, after)
	}
}

// A stop that begins while a check is under way is told, whatever the check says.
func TestAStopThatBeginsDuringACheckIsTold(t *testing.T) {
	for path, test := range map[string]struct {
		check error
		want  int
	}{"/readyz": {nil, 503}, "/livez": {io.EOF, 200}} {
		var stopping bool
		check := func(tend.Status) error { stopping = true; return test.check }
		tree := &treeQuestion{Ask: func() tend.Status { return sup("root") }}
		l := newListeners(Options{Ready: check, Live: check}.withDefaults(tend.New("root", tend.Spec{})), tree, func() bool { return stopping })
		if got, body := get(l.routes(false), "GET", "http://pod"+path); got != test.want {
			t.Errorf("%s: %d %q", path, got, body)
		}
	}
}

// All who ask for the tree as text at once get one.
func TestTheTextIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		tree := &treeQuestion{Ask: func() tend.Status {
			asked++
			time.Sleep(time.Second)
			return sup("root")
		}}
		h := newListeners(Options{}.withDefaults(tend.New("root", tend.Spec{})), tree, func() bool { return false }).routes(true)
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				if code, body := get(h, "GET", "http://localhost/debug/tree/"); code != 200 || !strings.Contains(body, "serving") {
					t.Errorf("%d %q", code, body)
				}
			})
		}
		all.Wait()
		if asked != 1 {
			t.Errorf("the tree was asked %d times", asked)
		}
	})
}

// A listener closes connections that bring no head, or no further request, and takes no
// head of any size.
func TestListenersAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		want string // in what comes
		ends time.Duration
	}{
		"no head":     {"GET / HTTP/1.1\r\nHost:", "", headerTimeout},
		"idle":        {"GET / HTTP/1.1\r\nHost: pod\r\n\r\n", "404 Not Found", idleTimeout},
		"a long head": {"GET / HTTP/1.1\r\nHost: pod\r\nX: " + strings.Repeat("x", maxHeader+8<<10) + "\r\n\r\n", "431 Request Header Fields Too Large", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newListeners(Options{Logger: slog.New(slog.DiscardHandler)}, nil, nil)
				client, server := net.Pipe()
				l.serve(t.Context(), &single{conn: server, closed: make(chan struct{})}, http.NotFoundHandler())
				began := time.Now()
				go func() { _, _ = io.WriteString(client, c.send) }()
				got, err := io.ReadAll(client)
				ended := time.Since(began).Truncate(time.Second) // net/http lingers for half a second after an error
				if err != nil || !strings.Contains(string(got), c.want) || ended != c.ends {
					t.Errorf("%q, %v, after %v; want %q after %v", got, err, ended, c.want, c.ends)
				}
				l.close()
				_ = client.Close()
			})
		})
	}
}

// single is a listener of one connection.
type single struct {
	conn   net.Conn
	closed chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	if c := s.conn; c != nil {
		s.conn = nil
		return c, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

func (s *single) Close() error {
	close(s.closed)
	return nil
}

func (s *single) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A recording lasts as long as the request says.
func TestRecord(t *testing.T) {
	for query, want := range map[string]time.Duration{"": 30 * time.Second, "?seconds=2.5": 2500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			began, lasted := time.Now(), time.Duration(0)
			start := func(io.Writer) error { began = time.Now(); return nil }
			get(record("profile", start, func() { lasted = time.Since(began) }), "GET", "http://x/"+query)
			if lasted != want {
				t.Errorf("%q lasted %v, want %v", query, lasted, want)
			}
		})
	}
}

// There can be one trace at a time; who asks for a second one is told.
func TestTraceTwice(t *testing.T) {
	h := answers{}.routes(true, false)
	if err := trace.Start(io.Discard); err != nil {
		t.Fatal(err)
	}
	code, body := get(h, "GET", "http://x/debug/pprof/trace?seconds=3600")
	trace.Stop()
	if code != 409 || body == "" {
		t.Errorf("%d %q", code, body)
	}
}

// Who does not wait for the end of a recording ends it.
func TestTraceLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	answers{}.routes(true, false).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://x/debug/pprof/trace?seconds=3600", nil))
	if w.Code != 200 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// TestTheDebugListenerSaysWhatItHas at its root, unless that is somebody else's.
func TestTheDebugListenerSaysWhatItHas(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "mine") })
	a := answers{options: Options{Handlers: map[string]http.Handler{"GET /metrics": ok, "/x/{id}": ok, "/a&b": ok}}}
	code, body := get(a.routes(true, false), "GET", "/")
	var paths []string
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		paths = append(paths, m[1])
	}
	if diff := cmp.Diff([]string{"/debug/tree/", "/debug/pprof/", "/readyz", "/livez", "/a&amp;b", "/metrics"}, paths); code != 200 || diff != "" {
		t.Errorf("%d %s", code, diff)
	}
	if strings.Contains(body, "</a> </li>") {
		t.Errorf("something has no description in %s", body)
	}
	if code, _ := get(a.routes(false, false), "GET", "/"); code != 404 {
		t.Errorf("the outer listener answers with %d", code)
	}
	for _, pattern := range []string{"/", "GET /{$}"} {
		a.options.Handlers = map[string]http.Handler{pattern: ok}
		if _, body := get(a.routes(true, false), "GET", "/"); body != "mine" {
			t.Errorf("%q does not get what is for it, but %s", pattern, body)
		}
	}
}

func TestOptions(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	ok := http.NotFoundHandler()
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Handlers: map[string]http.Handler{"/x": nil}, Listen: ":0"}, `tend/app: Options.Handlers["/x"] is nil`},
		{Options{Handlers: map[string]http.Handler{"/x": ok}}, "tend/app: there are Options.Handlers, but neither Listen nor Debug"},
		{Options{Handlers: map[string]http.Handler{"/livez": ok}, Listen: ":0"}, `tend/app: Options.Handlers["/livez"]: package app answers there itself`},
		{Options{Handlers: map[string]http.Handler{"POST example.org/readyz": ok}, Listen: ":0"}, `tend/app: Options.Handlers["POST example.org/readyz"]: package app answers there itself`},
		{Options{Handlers: map[string]http.Handler{"/debug/tree": ok}, Listen: ":0"}, `tend/app: Options.Handlers["/debug/tree"]: package app answers there itself`},
		{Options{Handlers: map[string]http.Handler{"/debug/pprof/heap": ok}, Listen: ":0"}, `tend/app: Options.Handlers["/debug/pprof/heap"]: package app answers there itself`},
	} {
		wantPanic(t, test.want, func() { test.o.withDefaults(root) })
	}
	for _, patterns := range [][]string{{"/livezoo", "/debug/trees"}, {"GET /"}, {"POST /", "GET /{$}"}, {"GET /{a}/tree/", "/{b...}"}} {
		if v := panicOf(patterns, ok); v != nil {
			t.Errorf("%q: %v", patterns, v)
		}
	}
	if panicOf([]string{"/a/{x}", "/{x}/b"}, ok) == nil {
		t.Error("two Handlers are in conflict, and nobody says so")
	}
	for debug, want := range map[string]string{
		"": "", ":6060": "localhost:6060", "0.0.0.0:6060": "0.0.0.0:6060", "[::]:6060": "[::]:6060", "localhost:1": "localhost:1",
	} {
		if diff := cmp.Diff(want, Options{Debug: debug}.withDefaults(root).Debug); diff != "" {
			t.Errorf("Debug %q: -want +got\n%s", debug, diff)
		}
	}
}

// panicOf is what Options with h for these patterns, of Listen alone, panic with.
func panicOf(patterns []string, h http.Handler) (v any) {
	o := Options{Handlers: map[string]http.Handler{}, Listen: ":0"}
	for _, p := range patterns {
		o.Handlers[p] = h
	}
	defer func() { v = recover() }()
	o.withDefaults(tend.New("root", tend.Spec{}))
	return nil
}

// TestATreeThatIsShownNowhere is told of.
func TestATreeThatIsShownNowhere(t *testing.T) {
	for _, debug := range []string{"", "127.0.0.1:0"} {
		var log buffer
		o := Options{Tree: http.NotFoundHandler(), Debug: debug, Logger: logTo(&log)}.withDefaults(tend.New("root", tend.Spec{}))
		l := newListeners(o, &treeQuestion{Ask: func() tend.Status { return tend.Status{} }}, func() bool { return false })
		if err := l.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.close()
		if told := strings.Contains(log.String(), "nowhere to show the tree"); told != (debug == "") {
			t.Errorf("with Debug %q: %s", debug, log.String())
		}
	}
}
