package tend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
)

// troubled is a tree with something of everything in it.
func troubled(t *testing.T) *tend.Supervisor {
	t.Helper()
	noted := tend.Func("noted", func(ctx context.Context) error {
		tend.Annotate(ctx, slog.String("addr", "old"))
		tend.Annotate(ctx, slog.String("addr", ":8080"), slog.Int("pid", 7), slog.Float64("load", math.NaN()), slog.Any("err", errBoom))
		<-ctx.Done()
		return nil
	})
	boot := tend.New("boot", tend.Spec{Ordered: true})
	boot.Add(tend.Child{Service: idle("first"), ReadyTimeout: time.Hour})
	boot.Add(idle("second"))
	pool := tend.New("pool", tend.Spec{Strategy: tend.OneForAll, FailureThreshold: 0.5, Timeout: time.Second, Jitter: -1})
	pool.Add(slow("hangs", time.Hour))
	bad := ordered("bad")
	pool.Add(bad)
	crash := ordered("crash")
	s, _, _ := serve(t, tend.Spec{}, tend.Child{Service: noted, Significant: true}, boot, pool, crash,
		tend.Child{Service: failing("lost"), Restart: tend.Transient, Significant: true, Limit: tend.Limit{N: 2, Within: time.Hour}},
		tend.Child{Service: failing("later"), Backoff: tend.Backoff{Min: time.Minute}, Limit: tend.Limit{N: 9}})
	susp := s.Add(idle("held"))
	crash.Run(func(context.Context) error { panic(errors.New("no")) })
	bad.End(errBoom)
	_ = s.Suspend(susp)
	time.Sleep(2500 * time.Millisecond)
	synctest.Wait()
	return s
}

// TestSinceWhenItIsServed, and since when it is not.
func TestSinceWhenItIsServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begin := time.Now()
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.Add(slow("a", time.Second))
		want := func(what string, after time.Duration, serving bool) {
			t.Helper()
			st := s.Status()
			if got := st.Since.Sub(begin); got != after || st.Serving != serving {
				t.Errorf("%s: serving %v since %v, want %v since %v", what, st.Serving, got, serving, after)
			}
		}
		time.Sleep(time.Minute)
		want("never served", 0, false)
		done := s.ServeBackground(t.Context())
		time.Sleep(time.Minute)
		want("served", time.Minute, true)
		s.Stop()
		<-done
		time.Sleep(time.Minute)
		want("stopped", 2*time.Minute+time.Second, false)
	})
}

func TestStatusString(t *testing.T) {
	bubble(t, func(t *testing.T) {
		want := strings.TrimPrefix(`
service      state      for   restarts   notes
root         serving    2.5s             not ready; failure count 0.9 of 5
├─ noted     running    2.5s             addr=:8080; pid=7; load=NaN; err=boom
├─ boot      starting   2.5s             not ready
│  ├─ first  starting   2.5s
│  └─ second pending    2.5s             waits for its turn, held by root/boot/first
├─ pool      running    2.5s             not ready; failure count 0.9 of 0.5; pauses for 12.5s
│  ├─ hangs  stuck      1.5s             because: tend: a sibling failed and the group restarts; waits for its last run to end
│  └─ bad    backoff    2.5s             waits for the pause of its supervisor, 12.5s; last failure: boom
├─ crash     running    2.5s  1          last failure: panic: no
├─ lost      failed     2.5s  1          2 of 2 failures; last failure: boom
├─ later     backoff    2.5s             waits for its delay, 57.5s; 1 of 9 failures; last failure: boom
└─ held      suspended  2.5s
11 services: 1 failed, 1 stuck, 2 backoff, 2 starting, 1 pending, 1 suspended, 3 running
`, "\n")
		got := troubled(t).Status().String()
		spaces := regexp.MustCompile(`  +`) // the alignment is the tabwriter's
		if diff := cmp.Diff(strings.Split(spaces.ReplaceAllString(want, " "), "\n"), strings.Split(spaces.ReplaceAllString(got, " "), "\n")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		columns := map[int]bool{}
		for line := range strings.Lines(got) {
			if loc := regexp.MustCompile(`(serving|running|starting|pending|stuck|backoff|failed|suspended) `).FindStringIndex(line); loc != nil {
				columns[len([]rune(line[:loc[0]]))] = true
			}
		}
		if len(columns) != 1 {
			t.Errorf("the states are not aligned:\n%s", got)
		}
	})
}

// TestStatusStringNotes is what the text of a status notes, and what is nothing to note.
func TestStatusStringNotes(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)
	of := func(c tend.ServiceStatus) tend.Status {
		c.Name, c.State, c.Since = "a", tend.StateRunning, now
		return tend.Status{Name: "root", Time: now, Since: now, Serving: true, Started: true, Services: []tend.ServiceStatus{c}}
	}
	pending := tend.ServiceStatus{Name: "a", Wanted: true, Since: now}
	reason := tend.Reason{Err: tend.ErrStopped, Text: "enough"}
	limit := func(n, recent int) tend.Status {
		return of(tend.ServiceStatus{Limit: tend.Limit{N: n}, Recent: recent})
	}
	failed := func(texts ...string) (c tend.ServiceStatus) {
		for _, text := range texts {
			c.Failures = append(c.Failures, tend.Failure{Err: tend.Reason{Err: errBoom, Text: text}})
		}
		return c
	}
	up := func(c tend.ServiceStatus) tend.Status {
		return tend.Status{Serving: true, Started: true, Time: now, Services: []tend.ServiceStatus{c}}
	}
	middle := up(pending)
	top := up(tend.ServiceStatus{Name: "b", State: tend.StateRunning, Wanted: true, Since: now, Supervisor: &middle})
	long := strings.Repeat("x", 81)
	const root, a = "root serving 0s", "└─ a running 0s"
	for name, c := range map[string]struct {
		status tend.Status
		want   string
	}{
		"ready":                           {of(tend.ServiceStatus{}), root + "\n" + a},
		"members that are not listed":     {tend.Status{Name: "root", Time: now, Since: now, Serving: true, Started: true, Idle: 7}, root + "\n└─ and 7 more idle"},
		"not ready":                       {tend.Status{Name: "root", Time: now, Since: now, Serving: true, Started: true, Services: []tend.ServiceStatus{pending}}, root + " not ready\n└─ a pending 0s"},
		"not served":                      {tend.Status{Name: "root", Time: now, Since: now, Services: []tend.ServiceStatus{pending}}, "root not served 0s\n└─ a pending 0s"},
		"stopping":                        {tend.Status{Name: "root", Time: now, Since: now, Serving: true, Stopping: reason}, "root stopping 0s because: enough"},
		"the smallest count":              {tend.Status{Name: "root", Time: now, Since: now, Serving: true, Started: true, Count: 0.05, Threshold: 5}, root + " failure count 0.1 of 5"},
		"a count that reads as 0.0":       {tend.Status{Name: "root", Time: now, Since: now, Serving: true, Started: true, Count: 0.049, Threshold: 5}, root},
		"a budget, and no failure":        {limit(3, 0), root + "\n" + a},
		"a budget of one":                 {limit(1, 1), root + "\n" + a + " 1 of 1 failure"},
		"failures, and no budget":         {limit(0, 2), root + "\n" + a},
		"the last failure":                {of(failed("first", "last")), root + "\n" + a + " last failure: last"},
		"a long failure":                  {of(failed(long[:80])), root + "\n" + a + " last failure: " + long[:80]},
		"a longer one":                    {of(failed(long)), root + "\n" + a + " last failure: " + long[:80] + "…"},
		"a long annotation":               {of(tend.ServiceStatus{Annotations: []slog.Attr{slog.String("k", long[:80])}}), root + "\n" + a + " k=" + long[:80]},
		"a longer annotation":             {of(tend.ServiceStatus{Annotations: []slog.Attr{slog.String("k", long)}}), root + "\n" + a + " k=" + long[:80] + "…"},
		"a time that was":                 {of(tend.ServiceStatus{Annotations: []slog.Attr{slog.Time("renewed", now.Add(-3*time.Second))}}), root + "\n" + a + " renewed=3s ago"},
		"a time that is now":              {of(tend.ServiceStatus{Annotations: []slog.Attr{slog.Time("renewed", now)}}), root + "\n" + a + " renewed=0s ago"},
		"a time that will be":             {of(tend.ServiceStatus{Annotations: []slog.Attr{slog.Time("until", now.Add(time.Minute))}}), root + "\n" + a + " until=in 1m0s"},
		"what is not ready below":         {of(tend.ServiceStatus{Supervisor: &top}), root + "\n" + a + "\n └─ b running 0s not ready\n └─ a pending 0s"},
		"nothing to say of what is below": {of(tend.ServiceStatus{Supervisor: &tend.Status{Serving: true, Started: true}}), root + "\n" + a},
		"something to say of it":          {of(tend.ServiceStatus{Supervisor: &tend.Status{Serving: true, Stopping: reason}}), root + "\n" + a + " because: enough"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(regexp.MustCompile(`  +`).ReplaceAllString(c.status.String(), " "), "\n")
			got := strings.Join(lines[1:len(lines)-2], "\n") // without headings and sum
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestInTrouble: in which states a service is.
func TestInTrouble(t *testing.T) {
	var got []tend.State
	for state := range tend.StateGone + 1 {
		if s := (tend.ServiceStatus{State: state}); s.InTrouble() {
			got = append(got, state)
		}
	}
	if diff := cmp.Diff([]tend.State{tend.StateBackoff, tend.StateStuck, tend.StateFailed}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAllServices are walked over in order, with their depths, as far as one likes.
func TestAllServices(t *testing.T) {
	deep, sub, root := tend.New("deep", tend.Spec{}), tend.New("sub", tend.Spec{}), tend.New("root", tend.Spec{})
	deep.Add(idle("a"))
	deep.Add(idle("b"))
	sub.Add(deep)
	sub.Add(idle("c"))
	root.Add(sub)
	root.Add(idle("d"))
	status := root.Status()
	want := []string{"0 sub", "1 deep", "2 a leaf", "2 b leaf", "1 c leaf", "0 d leaf"}
	for n := range want {
		var got []string
		for depth, c := range status.All() {
			line := fmt.Sprint(depth, " ", c.Name)
			if c.IsLeaf() {
				line += " leaf"
			}
			if got = append(got, line); len(got) == n+1 {
				break
			}
		}
		if diff := cmp.Diff(want[:n+1], got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	n := 0
	for range status.All() {
		n++
	}
	if n != len(want) {
		t.Errorf("%d services, want %d", n, len(want))
	}
}

func TestStatusJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		text, err := json.Marshal(troubled(t).Status())
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		services := tree["services"].([]any)
		service := func(i int) map[string]any {
			m := services[i].(map[string]any)
			delete(m, "id")
			return m
		}
		at := func(s string) string { return "2000-01-01T00:00:" + s + "Z" }
		noted, lost := service(0), service(4)
		if diff := cmp.Diff(map[string]any{
			"name": "noted", "path": "root/noted", "state": "running", "since": at("00"), "restart": "permanent", "significant": true,
			"wanted": true, "incarnation": 1.0, "restarts": 0.0, "failed": 0.0,
			"annotations": map[string]any{"addr": ":8080", "pid": 7.0, "load": "NaN", "err": "boom"},
		}, noted); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		failure := func(n float64) any {
			return map[string]any{"time": at("00"), "incarnation": n, "error": map[string]any{"text": "boom"}}
		}
		if diff := cmp.Diff(map[string]any{
			"name": "lost", "path": "root/lost", "state": "failed", "since": at("00"), "restart": "transient", "significant": true,
			"wanted": true, "incarnation": 2.0, "restarts": 1.0, "failed": 2.0,
			"limit": map[string]any{"n": 2.0, "within": 3.6e12}, "recent": 2.0,
			"failures": []any{failure(1), failure(2)},
		}, lost); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		stack := service(3)["failures"].([]any)[0].(map[string]any)["error"].(map[string]any)["stack"].(string)
		if !strings.Contains(stack, "tend_test.troubled.func2\n\t") {
			t.Errorf("stack: %s", stack)
		}
		if got := service(5)["waiting_until"]; got != "2000-01-01T00:01:00Z" {
			t.Errorf("it waits until %v", got)
		}
		pool := service(2)["supervisor"].(map[string]any)
		delete(pool, "services")
		if diff := cmp.Diff(map[string]any{
			"name": "pool", "path": "root/pool", "serving": true, "started": true, "since": at("00"), "strategy": "one for all", "ordered": false,
			"time": at("02.5"), "count": math.Exp2(-2.5 / 30), "threshold": 0.5, "decay": 30e9, "paused_until": at("15"),
		}, pool); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if empty, _ := json.Marshal(tend.New("empty", tend.Spec{}).Status()); !strings.Contains(string(empty), `"services":[]`) {
			t.Errorf("no services are told as %s", empty)
		}
	})
}

// TestKeysInJSON: which there are, and which are left out when there is nothing to say. Who
// reads them is not of this version, or not even Go.
func TestKeysInJSON(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	reason := tend.Reason{Err: errBoom, Text: "boom"}
	for name, c := range map[string]struct {
		zero, full      any
		always, besides []string
	}{
		"supervisor": {
			tend.Status{},
			tend.Status{Stopping: reason, PausedUntil: now},
			[]string{"count", "decay", "name", "ordered", "path", "services", "serving", "since", "started", "strategy", "threshold", "time"},
			[]string{"paused_until", "stopping"},
		},
		"service": {
			tend.ServiceStatus{},
			tend.ServiceStatus{
				Significant: true, Failures: []tend.Failure{{}}, WaitingUntil: now, WaitingFor: reason, HeldBy: "root/a", Stopping: reason,
				StopBy: now, Limit: tend.Limit{N: 1}, Recent: 1, Annotations: []slog.Attr{slog.Int("a", 1)}, Supervisor: &tend.Status{},
			},
			[]string{"failed", "id", "incarnation", "name", "path", "restart", "restarts", "since", "state", "wanted"},
			[]string{
				"annotations", "failures", "held_by", "limit", "recent", "significant", "stop_by", "stopping", "supervisor",
				"waiting_for", "waiting_until",
			},
		},
		"failure": {tend.Failure{}, tend.Failure{}, []string{"error", "incarnation", "time"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, say := range []struct {
				of   any
				want []string
			}{{c.zero, c.always}, {c.full, slices.Sorted(slices.Values(slices.Concat(c.always, c.besides)))}} {
				text, err := json.Marshal(say.of)
				var got map[string]any
				if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(say.want, slices.Sorted(maps.Keys(got))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestHistoryIsBounded: the last five failures are kept, oldest first.
func TestHistoryIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, _, _ := serve(t, tend.Spec{FailureThreshold: 100}, o)
		for range 12 {
			o.End(errBoom)
		}
		a := s.Status().Services[0]
		var runs []uint64
		for _, f := range a.Failures {
			runs = append(runs, f.Incarnation)
		}
		if diff := cmp.Diff([]uint64{8, 9, 10, 11, 12}, runs); diff != "" || a.Failed != 12 || a.Restarts != 12 || a.Failures[0].Err.Stack() != "" {
			t.Errorf("failed %d, restarts %d, %s", a.Failed, a.Restarts, diff)
		}
	})
}

func TestSelf(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("me")
		sub := tend.New("sub", tend.Spec{})
		sub.Add(o)
		serve(t, tend.Spec{}, sub)
		o.End(errBoom)
		o.Run(func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Bool("mine", true))
			self, ok := tend.Self(context.WithValue(ctx, tend.StateGone, 1))
			if !ok || self.Path != "root/sub/me" || self.State != tend.StateRunning || self.Incarnation != 2 ||
				self.Failures[0].Err.Error() != "boom" || len(self.Annotations) != 1 {
				t.Errorf("Self is %+v, %v", self, ok)
			}
			return nil
		})
	})
}

// TestSelfOfOneThatHasLeft: it is gone, and nobody wants it.
func TestSelfOfOneThatHasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		contexts := make(chan context.Context, 1)
		serve(t, tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			contexts <- ctx
			return tend.ErrDoNotRestart
		}))
		self, ok := tend.Self(<-contexts)
		if !ok || self.State != tend.StateGone || self.Wanted || self.Incarnation != 1 {
			t.Errorf("Self is %+v, %v", self, ok)
		}
	})
}

// TestAnnotationsAreBounded and end with the run.
func TestAnnotationsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := ordered("a")
		s, _, _ := serve(t, tend.Spec{}, o)
		var late context.Context
		o.Run(func(ctx context.Context) error {
			late = ctx
			for i := range 100 {
				tend.Annotate(ctx, slog.String(strings.Repeat("k", i+1), strings.Repeat("v", 10_000)))
			}
			<-ctx.Done()
			return nil
		})
		notes := s.Status().Services[0].Annotations
		if len(notes) != 32 || len(notes[0].Value.String()) > 1100 {
			t.Errorf("%d annotations, the first of %d bytes", len(notes), len(notes[0].Value.String()))
		}
		_ = s.Restart(s.Status().Services[0].Token, nil)
		synctest.Wait()
		tend.Annotate(late, slog.Int("late", 1))
		if notes := s.Status().Services[0].Annotations; len(notes) != 0 {
			t.Errorf("annotations of the last run: %v", notes)
		}
	})
}

func TestWords(t *testing.T) {
	want := []string{"pending", "starting", "running", "backoff", "stopping", "stuck", "suspended", "done", "failed", "gone"}
	for state := range tend.StateGone + 1 {
		if got := state.String(); got != want[state] {
			t.Errorf("state %d is %q, want %q", state, got, want[state])
		}
	}
	for want, got := range map[string]any{
		`"permanent"`: tend.Permanent, `"temporary"`: tend.Temporary, `"one for one"`: tend.OneForOne, `"rest for one"`: tend.RestForOne,
		`"pending"`: tend.StatePending, `"gone"`: tend.StateGone, `"tend.State(99)"`: tend.State(99), `0`: tend.ServiceToken{},
	} {
		if text, err := json.Marshal(got); err != nil || string(text) != want {
			t.Errorf("%v is told as %s, %v", got, text, err)
		}
	}
}

// TestStatusTravelsAsJSON: a status that has been sent is what it was.
func TestStatusTravelsAsJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := troubled(t)
		_, _ = s.Start(t.Context(), tend.Func("noted too", func(ctx context.Context) error {
			tend.Annotate(ctx, slog.Float64("whole", 3), slog.Float64("half", 0.5), slog.Uint64("most", math.MaxUint64),
				slog.Int("less", -1), slog.Bool("yes", true), slog.Duration("took", 90*time.Second), slog.Time("at", time.Now()),
				slog.Time("far", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), slog.String("q", `"{`))
			<-ctx.Done()
			return nil
		}))
		synctest.Wait()
		for _, sent := range []tend.Status{s.Status(), tend.New("empty", tend.Spec{}).Status()} {
			data, err := json.Marshal(sent)
			if err != nil {
				t.Fatal(err)
			}
			var got tend.Status
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sent, got); diff != "" {
				t.Errorf("(-sent +received):\n%s", diff)
			}
			if fmt.Sprint(sent.Ready()) != fmt.Sprint(got.Ready()) || sent.String() != got.String() {
				t.Errorf("it reads as\n%s\nand then as\n%s", sent, got)
			}
		}
	})
}

// TestStatusOfDeepTrees: JSON takes no longer than the tree is deep.
func TestStatusOfDeepTrees(t *testing.T) {
	bubble(t, func(t *testing.T) {
		top := idle("leaf")
		for i := range 1000 {
			s := tend.New(fmt.Sprint("l", i), tend.Spec{})
			s.Add(top)
			top = s
		}
		status := top.(*tend.Supervisor).Status()
		data, err := json.Marshal(status)
		if err != nil {
			t.Fatal(err)
		}
		deepest := -1
		for depth := range status.All() {
			deepest = max(deepest, depth)
		}
		if deepest != 999 || len(data) < 100_000 {
			t.Errorf("depth %d, %d bytes", deepest, len(data))
		}
	})
}

// TestNamesWithSlashes: a name may hold what separates names in a path.
func TestNamesWithSlashes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := tend.New("a/b", tend.Spec{Timeout: time.Second, EventHook: func(tend.Event) {}})
		sub.Add(slow("50%", time.Minute))
		s, p, _ := serve(t, tend.Spec{}, sub)
		p.Want(
			"0s root supervisor started services=1",
			"0s root/a%2Fb service started",
			"0s root/a%2Fb supervisor started services=1",
			"0s root/a%2Fb/50%25 service started",
			"0s root/a%2Fb service ready",
		)
		if path := s.Status().Services[0].Supervisor.Services[0].Path; path != "root/a%2Fb/50%25" || sub.Path() != "root/a%2Fb" {
			t.Errorf("the paths are %s and %s", path, sub.Path())
		}
		s.Stop()
		if list := s.UnstoppedServices(); len(list) != 1 || list[0].Path() != "root/a%2Fb/50%25" {
			t.Errorf("unstopped: %v", list)
		}
	})
}

// TestALongNameIsCut in the text, and pushes nothing aside.
func TestALongNameIsCut(t *testing.T) {
	long := strings.Repeat("é", 100)
	s := tend.New(long, tend.Spec{})
	s.Add(idle(long))
	s.Add(idle("short"))
	cut := strings.Repeat("é", 24) + "…"
	if got, want := s.Status().String(), []string{
		cut + strings.Repeat(" ", 5) + "not served", "├─ " + cut + "  pending", "└─ short" + strings.Repeat(" ", 22) + "pending",
	}; !containsAll(got, want...) {
		t.Errorf("got\n%swant\n%s", got, strings.Join(want, "\n"))
	}
	most := strings.Repeat("x", 48)
	s = tend.New("root", tend.Spec{})
	s.Add(idle(most))
	s.Add(idle(most + "x"))
	if got := s.Status().String(); !containsAll(got, "├─ "+most+"   pending", "└─ "+most+"…  pending") {
		t.Errorf("got\n%s", got)
	}
}
