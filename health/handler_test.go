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
		m := newMonitor(t, health.Config{})
		live, ready, startup := m.Handler(health.Liveness, nil), m.Handler(health.Readiness, nil), m.Handler(health.Startup, nil)
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
		want("it is not served", 503, 503, 503)
		if _, body := ask(live, http.MethodGet); body != `{"status":"fail","output":"the health monitor is not running"}` {
			t.Error(body)
		}
		stop := serve(t, m)
		want("no probes", 200, 200, 200)
		report := func(name string, errs ...error) {
			for _, err := range errs {
				if err := m.Report(name, err); err != nil {
					t.Fatal(err)
				}
			}
		}
		add(t, m, health.Probe{Name: "a", Optional: true})
		want("an optional one is unknown", 200, 200, 200)
		report("a", errSick, errSick, errSick)
		want("an optional one is unhealthy", 200, 200, 200)
		if _, body := ask(ready, http.MethodGet); body != `{"status":"warn"}` {
			t.Error(body)
		}
		add(t, m, health.Probe{Name: "r"})
		want("readiness is unknown", 200, 503, 200)
		report("r", health.Warn(errSick))
		want("degraded", 200, 200, 200)
		add(t, m, health.Probe{Name: "l", Kind: health.Liveness})
		want("liveness is unknown", 200, 503, 200)
		report("l", nil)
		want("all is well", 200, 200, 200)
		report("l", errSick, errSick, errSick)
		want("liveness fails", 503, 503, 200)
		m.Remove("l")
		add(t, m, health.Probe{Name: "s", Kind: health.Startup})
		want("startup is unknown", 200, 503, 503)
		report("s", errSick, errSick, errSick)
		want("startup fails", 503, 503, 503)
		report("s", nil)
		want("startup has passed", 200, 200, 200)

		add(t, m, health.Probe{Name: "runs", InitialDelay: time.Hour, Check: func(context.Context) error { runs.Add(1); return nil }})
		for range 1000 {
			ask(ready, http.MethodGet)
			ask(m.Handler(health.Readiness, everybody), http.MethodGet)
		}
		if runs.Load() != 0 {
			t.Error("a request has run a check")
		}
		if code, body := ask(ready, http.MethodPost); code != http.StatusMethodNotAllowed || !strings.Contains(body, "GET") {
			t.Errorf("POST: %d %s", code, body)
		}
		if code, body := ask(m.Handler(health.Readiness, func(r *http.Request) bool { return r.Header.Get("X") != "" }), http.MethodGet); code != 503 || strings.Contains(body, "runs") {
			t.Errorf("a stranger sees %d %s", code, body)
		}
		_ = stop()
		want("it was stopped", 503, 503, 503)
	})
}

func TestHeadHasTheStatusAndHeadersOfGet(t *testing.T) {
	m := newMonitor(t, health.Config{})
	s := httptest.NewServer(m.Handler(health.Readiness, everybody))
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
		m := newMonitor(t, health.Config{Tree: tree{
			Name: "root", Serving: true, Ready: true, Services: []tend.ServiceStatus{{Path: "root/a", State: tend.StateRunning}},
		}})
		add(t, m,
			health.Probe{Name: "db:ping", Instance: "i1", Kind: health.Liveness, Optional: true, Check: func(ctx context.Context) error {
				health.Detail(ctx, slog.Int("queue", 3), slog.Float64("load", math.NaN()), slog.Duration("lag", time.Second),
					slog.Group("g", slog.Bool("b", true), slog.Time("t", time.Now())), slog.Any("err", errSick))
				time.Sleep(1500 * time.Microsecond)
				return health.Warn(errors.New("<slow>"))
			}},
			health.Probe{Name: "other"})
		serve(t, m)
		time.Sleep(time.Second)
		code, body := ask(m.Handler(health.Readiness, everybody), http.MethodGet)
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
	})
}

// tree is a tree that never changes.
type tree tend.Status

func (s tree) Status() tend.Status { return tend.Status(s) }

// TestTreeGrades: what the tree itself knows.
func TestTreeGrades(t *testing.T) {
	sub := func(states ...tend.State) (s tree) {
		s = tree{Name: "root", Serving: true, Ready: true}
		for _, state := range states {
			s.Services = append(s.Services, tend.ServiceStatus{Path: "root/" + state.String(), State: state})
		}
		return s
	}
	notReady, notServing, nested, failed := sub(tend.StateStarting), sub(tend.StatePending), sub(), sub(tend.StateFailed)
	notReady.Ready, notServing.Serving = false, false
	below := tend.Status(sub(tend.StateStuck))
	nested.Services = append(nested.Services, tend.ServiceStatus{Path: "root/sub", State: tend.StateStarting, Supervisor: &below})
	failed.Services[0].Failures = []tend.Failure{{Err: "old"}, {Err: "exit\nstatus 2"}}
	for name, c := range map[string]struct {
		tree health.Tree
		want health.TreeStatus
	}{
		"all run":       {sub(tend.StateRunning, tend.StateRunning), health.TreeStatus{Services: 2, Running: 2}},
		"over":          {sub(tend.StateDone, tend.StateSuspended), health.TreeStatus{Services: 2}},
		"backoff":       {sub(tend.StateRunning, tend.StateBackoff), health.TreeStatus{Status: health.GradeWarn, Services: 2, Running: 1, Output: "1 of 2 services not running: root/backoff is backoff"}},
		"failed":        {failed, health.TreeStatus{Status: health.GradeWarn, Services: 1, Output: "1 of 1 services not running: root/failed is failed (exit status 2)"}},
		"nested":        {nested, health.TreeStatus{Status: health.GradeWarn, Services: 1, Output: "1 of 1 services not running: root/stuck is stuck"}},
		"not ready yet": {notReady, health.TreeStatus{Status: health.GradeFail, Services: 1, Output: "not all services have been running yet; 1 of 1 services not running: root/starting is starting"}},
		"not serving":   {notServing, health.TreeStatus{Status: health.GradeFail, Services: 1, Output: "the supervisor is not running"}},
	} {
		r := newMonitor(t, health.Config{Tree: c.tree}).Snapshot(health.Readiness)
		c.want.Name, c.want.Time = "root", r.Tree.Time
		if diff := cmp.Diff(c.want, *r.Tree); diff != "" || r.Status != c.want.Status {
			t.Errorf("%s: %v (-want +got):\n%s", name, r.Status, diff)
		}
	}
	if r := newMonitor(t, health.Config{Tree: notServing}).Snapshot(health.Liveness); r.Tree != nil || r.Status != health.GradePass {
		t.Error("the tree is part of liveness")
	}
	many := newMonitor(t, health.Config{Tree: sub(tend.StateStuck, tend.StateStuck, tend.StateStuck, tend.StateStuck, tend.StateStuck, tend.StateStuck)})
	if out := many.Snapshot(health.Readiness).Tree.Output; strings.Count(out, "root/stuck") != 5 {
		t.Error(out)
	}
}

// TestTreeOfSupervisor: a real one, and requests do not ask it each time.
func TestTreeOfSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		started := make(chan struct{})
		s := root(t, l, tend.Child{Name: "slow", ReadyTimeout: time.Minute, Service: tend.Func("", func(ctx context.Context) error {
			<-started
			tend.Ready(ctx)
			return obey(ctx)
		})})
		asked := &counting{Tree: s}
		m := newMonitor(t, health.Config{Tree: asked})
		s.Add(m)
		ready := m.Handler(health.Readiness, nil)
		synctest.Wait()
		for range 1000 {
			if code, body := ask(ready, http.MethodGet); code != 503 || body != `{"status":"fail"}` {
				t.Fatalf("a stranger gets %d %s too early", code, body)
			}
		}
		close(started)
		time.Sleep(time.Second)
		if code, _ := ask(ready, http.MethodGet); code != 200 {
			t.Error("not ready")
		}
		if n := asked.n.Load(); n != 2 {
			t.Errorf("the tree was asked %d times", n)
		}
	})
}

type counting struct {
	health.Tree
	n atomic.Int32
}

func (c *counting) Status() tend.Status {
	c.n.Add(1)
	return c.Tree.Status()
}
