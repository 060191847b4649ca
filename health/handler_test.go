package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// ask makes a request and returns the status and the body.
func ask(h http.Handler, method string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
	return w.Code, w.Body.String()
}

func everybody(*http.Request) bool { return true }

// And tells details only to those who may know.
func TestTheHandlerSaysWhatIsAliveAndReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var runs atomic.Int32
		prober := newProber(t, health.Config{})
		live, ready, startup := prober.Handler(health.Liveness, nil), prober.Handler(health.Readiness, nil), prober.Handler(health.Startup, nil)
		want := func(what string, live_, ready_, startup_ int) {
			t.Helper()
			synctest.Wait()
			var got []int
			for _, h := range []http.Handler{live, ready, startup} {
				code, _ := ask(h, http.MethodGet)
				got = append(got, code)
			}
			if diff := cmp.Diff([]int{live_, ready_, startup_}, got); diff != "" {
				t.Errorf("%s: live, ready, startup (-want +got):\n%s", what, diff)
			}
		}
		want("it is not served", 200, 503, 503)
		if _, body := ask(live, http.MethodGet); body != `{"status":"warn","output":"the health prober is not running"}` {
			t.Error(body)
		}
		stop := serve(t, prober)
		want("no probes", 200, 200, 200)
		report := func(name string, errs ...error) {
			for _, err := range errs {
				if err := prober.Report(name, err); err != nil {
					t.Fatal(err)
				}
			}
		}
		add(t, prober, health.Probe{Name: "a", Optional: true})
		want("an optional one is unknown", 200, 200, 200)
		report("a", errSick, errSick, errSick)
		want("an optional one is unhealthy", 200, 200, 200)
		if _, body := ask(ready, http.MethodGet); body != `{"status":"warn"}` {
			t.Error(body)
		}
		add(t, prober, health.Probe{Name: "r"})
		want("readiness is unknown", 200, 503, 200)
		report("r", health.Warn(errSick))
		want("degraded", 200, 200, 200)
		add(t, prober, health.Probe{Name: "l", Kind: health.Liveness})
		want("liveness is unknown", 200, 503, 200)
		report("l", nil)
		want("all is well", 200, 200, 200)
		report("l", errSick, errSick, errSick)
		want("liveness fails", 503, 503, 200)
		prober.Remove("l")
		add(t, prober, health.Probe{Name: "s", Kind: health.Startup})
		want("startup is unknown", 200, 503, 503)
		report("s", errSick, errSick, errSick)
		want("startup fails", 503, 503, 503)
		report("s", nil)
		want("startup has passed", 200, 200, 200)

		add(t, prober, health.Probe{Name: "runs", InitialDelay: time.Hour, Check: func(context.Context) error { runs.Add(1); return nil }})
		for range 1000 {
			ask(ready, http.MethodGet)
			ask(prober.Handler(health.Readiness, everybody), http.MethodGet)
		}
		if runs.Load() != 0 {
			t.Error("a request has run a check")
		}
		if code, body := ask(ready, http.MethodPost); code != http.StatusMethodNotAllowed || !strings.Contains(body, "GET") {
			t.Errorf("POST: %d %s", code, body)
		}
		if code, body := ask(prober.Handler(health.Readiness, func(r *http.Request) bool { return r.Header.Get("X") != "" }), http.MethodGet); code != 503 || strings.Contains(body, "runs") {
			t.Errorf("a stranger sees %d %s", code, body)
		}
		add(t, prober, health.Probe{Name: "l", Kind: health.Liveness})
		report("l", errSick, errSick, errSick)
		want("liveness fails again", 503, 503, 200)
		_ = stop()
		want("it was stopped", 200, 503, 503)
	})
}

func TestHeadHasTheStatusAndHeadersOfGet(t *testing.T) {
	prober := newProber(t, health.Config{})
	s := httptest.NewServer(prober.Handler(health.Readiness, everybody))
	defer s.Close()
	resp, err := s.Client().Head(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got := []string{resp.Status, resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control")}
	if diff := cmp.Diff([]string{"503 Service Unavailable", "application/health+json", "no-store"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDocument: the whole of it.
func TestDocument(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{Tree: tree(func() tend.Status {
			return tend.Status{
				Name: "root", Serving: true, Started: true, Services: []tend.ServiceStatus{{Path: "root/a", State: tend.StateRunning, Wanted: true}},
			}
		})})
		add(t, prober,
			health.Probe{Name: "db:ping", Instance: "i1", Kind: health.Liveness, Optional: true, Check: func(ctx context.Context) error {
				health.Detail(ctx, slog.Int("queue", 3), slog.Float64("load", math.NaN()), slog.Duration("lag", time.Second),
					slog.Group("g", slog.Bool("b", true), slog.Time("t", time.Now())), slog.Any("err", errSick))
				time.Sleep(1500 * time.Microsecond)
				return health.Warn(errors.New("<slow>"))
			}},
			health.Probe{Name: "other"})
		serve(t, prober)
		time.Sleep(time.Second)
		code, body := ask(prober.Handler(health.Readiness, everybody), http.MethodGet)
		var got any
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 503 {
			t.Fatal(code, err, body)
		}
		want := map[string]any{
			"status": "fail",
			"checks": map[string]any{
				"db:ping": []any{map[string]any{
					"componentId": "i1", "status": "warn", "state": "degraded", "kind": "liveness", "optional": true, "output": "<slow>",
					"time": "2000-01-01T00:00:00.0015Z", "since": "2000-01-01T00:00:00.0015Z", "durationMs": 1.5,
					"details": map[string]any{"queue": 3.0, "load": "NaN", "lag": "1s", "g": map[string]any{"b": true, "t": "2000-01-01T00:00:00Z"}, "err": "sick"},
				}},
				"other": []any{map[string]any{
					"status": "fail", "state": "unknown", "kind": "readiness", "output": "no result yet", "since": "2000-01-01T00:00:00Z",
				}},
				"root:services": []any{map[string]any{
					"status": "pass", "state": "healthy", "kind": "readiness", "time": "2000-01-01T00:00:01Z",
					"details": map[string]any{"running": 1.0, "services": 1.0},
				}},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		_, body = ask(prober.Handler(health.Liveness, everybody), http.MethodGet)
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err, body)
		}
		want["status"] = "warn" // an optional probe is degraded
		checks := want["checks"].(map[string]any)
		delete(checks, "other")
		checks["root:services"].([]any)[0].(map[string]any)["kind"] = "liveness"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("liveness: -want +got:\n%s", diff)
		}
	})
}

// TestAReportIsACopy, also of what the tree says, for which all who ask within a second get one
// answer.
func TestAReportIsACopy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{Tree: tree(func() tend.Status { return tend.Status{Name: "root"} })})
		for _, about := range []health.Kind{health.Readiness, health.Liveness} {
			mine, other := prober.Snapshot(about), prober.Snapshot(about)
			want := *other.Tree
			mine.Tree.Output = "redacted"
			if diff := cmp.Diff(want, *other.Tree); diff != "" {
				t.Errorf("%v: -before +after:\n%s", about, diff)
			}
		}
	})
}
