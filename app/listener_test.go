package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/trace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/tendtest"
)

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
	l := &listeners{
		options:  o,
		tree:     &asked.Question[tend.Status]{Ask: func() tend.Status { return a.tree }},
		stopping: func() bool { return a.stopping },
	}
	return l.routes(debug, loopback)
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

func TestOptions(t *testing.T) {
	root := tend.New("root", tend.Spec{})
	ok := http.NotFoundHandler()
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Handlers: map[string]http.Handler{"/x": nil}, Listen: ":0"}, `tend/app: Options.Handlers["/x"] is nil`},
		{Options{Handlers: map[string]http.Handler{"/x": ok}}, "tend/app: there are Options.Handlers, but neither Listen nor Debug"},
	} {
		wantPanic(t, test.want, func() { test.o.withDefaults(root) })
	}
	func() {
		defer func() {
			if v := recover(); v == nil {
				t.Error("a pattern in conflict with /livez was taken")
			}
		}()
		Options{Handlers: map[string]http.Handler{"GET /livez": ok}, Listen: ":0"}.withDefaults(root)
	}()
	for debug, want := range map[string]string{
		"": "", ":6060": "localhost:6060", "0.0.0.0:6060": "0.0.0.0:6060", "[::]:6060": "[::]:6060", "localhost:1": "localhost:1",
	} {
		if diff := cmp.Diff(want, Options{Debug: debug}.withDefaults(root).Debug); diff != "" {
			t.Errorf("Debug %q: -want +got\n%s", debug, diff)
		}
	}
}
