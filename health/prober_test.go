package health_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// TestSchedule: from start to start, with the fast interval while the last result
// speaks against the state.
func TestSchedule(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		slow := script("+---+")
		add(t, prober, health.Probe{
			Name: "p", InitialDelay: 3 * time.Second, Interval: 30 * time.Second, FastInterval: 2 * time.Second,
			Check: l.logged("run", func(ctx context.Context) error {
				time.Sleep(time.Second) // is part of the interval
				return slow(ctx)
			}),
		})
		serve(t, prober)
		time.Sleep(2 * time.Minute)
		l.want(t,
			"3s run", "4s p unknown>healthy 0",
			"33s run", "35s run", "37s run", "38s p healthy>unhealthy 3",
			"1m7s run", "1m8s p unhealthy>healthy 3",
			"1m37s run")
	})
}

// TestDefaults: a probe with nothing but a name and a check.
func TestDefaults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		add(t, prober, health.Probe{Name: "p", Check: l.logged("run", obey)})
		serve(t, prober)
		time.Sleep(26 * time.Second)
		l.want(t, "0s run", "10s run", "20s run", "25s p unknown>unhealthy 3")
		p := status(t, prober, "p")
		want := health.ProbeStatus{
			Name: "p", State: health.Unhealthy, Status: health.GradeFail, Since: p.Checked, Checked: p.Checked,
			Took: 5 * time.Second, Failures: 3, Output: "the check did not end in time (5s)",
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestCheckContext: a check sees its deadline and why it is over.
func TestCheckContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		begun := time.Now()
		add(t, prober, health.Probe{Name: "p", Timeout: time.Second, Check: func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			<-ctx.Done()
			if deadline.Sub(begun) != time.Second || !errors.Is(context.Cause(ctx), health.ErrTimeout) {
				t.Errorf("deadline %v, cause %v", deadline.Sub(begun), context.Cause(ctx))
			}
			return nil // too late
		}})
		if err := prober.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if p := status(t, prober, "p"); p.Failures != 1 {
			t.Errorf("a success at the deadline is no timeout: %+v", p)
		}
	})
}

// TestBadConfig and TestBadProbe: the error names the value.
func TestBadConfig(t *testing.T) {
	for want, c := range map[string]health.Config{
		"Config.Concurrency is -1": {Concurrency: -1},
		"Backoff.Min is -1s":       {Retry: tend.Backoff{Min: -time.Second}},
		"Config.Retry.Min is 0":    {Retry: tend.Backoff{Max: time.Second}},
		"Config.Ready is set":      {Ready: tend.Status.AllRunning},
	} {
		prober, err := health.New(c)
		if wantError(t, err, want); prober != nil {
			t.Errorf("%s: there is a Prober", want)
		}
	}
}

func TestBadProbe(t *testing.T) {
	ok := func(context.Context) error { return nil }
	list := func(context.Context) ([]health.Probe, error) { return nil, nil }
	prober := newProber(t, health.Config{})
	add(t, prober, health.Probe{Name: "taken", Check: ok})
	for _, c := range []struct {
		p    health.Probe
		want string
	}{
		{health.Probe{Check: ok}, "a probe has no name"},
		{health.Probe{Name: "taken", Check: ok}, `there is already a probe "taken"`},
		{health.Probe{Name: "a\nb", Check: ok}, `probe "a\nb": the name is not printable`},
		{health.Probe{Name: "a\xff", Check: ok}, `probe "a\xff": the name is not printable`},
		{health.Probe{Name: strings.Repeat("ä", 200), Check: ok}, `probe "` + strings.Repeat("ä", 20) + `…": the name has 400 bytes, more than 255`},
		{health.Probe{Name: "p", Check: ok, Interval: -time.Second}, `probe "p": Interval is -1s`},
		{health.Probe{Name: "p", Check: ok, FastInterval: -1}, `FastInterval is -1ns`},
		{health.Probe{Name: "p", Check: ok, Timeout: -1}, `Timeout is -1ns`},
		{health.Probe{Name: "p", Check: ok, InitialDelay: -1}, `InitialDelay is -1ns`},
		{health.Probe{Name: "p", MaxAge: -1}, `MaxAge is -1ns`},
		{health.Probe{Name: "p", Check: ok, MaxAge: time.Second}, `MaxAge is 1s, but the probe is not passive`},
		{health.Probe{Name: "p", Interval: time.Second}, `Interval is 1s, but there is no Check`},
		{health.Probe{Name: "p", Timeout: time.Second}, `Timeout is 1s, but there is no Check`},
		{health.Probe{Name: "p", Check: ok, FastInterval: time.Minute}, `FastInterval is 1m0s, longer than Interval 10s`},
		{health.Probe{Name: "p", Check: ok, Jitter: 20}, `Jitter is 20`}, // of 100, somebody thought
		{health.Probe{Name: "p", Check: ok, Jitter: 1.01}, `Jitter is 1.01`},
		{health.Probe{Name: "p", Check: ok, Jitter: math.NaN()}, `Jitter is NaN`},
		{health.Probe{Name: "p", Check: ok, Jitter: math.Inf(1)}, `Jitter is +Inf`},
		{health.Probe{Name: "p", Check: ok, FailureThreshold: -3}, `FailureThreshold is -3`},
		{health.Probe{Name: "p", Check: ok, SuccessThreshold: -3}, `SuccessThreshold is -3`},
		{health.Probe{Name: "p", Check: ok, Kind: 7}, `Kind is health.Kind(7)`},
		{health.Probe{Name: "p", Check: ok, List: list}, `List is set, and so is Check`},
	} {
		wantError(t, prober.Add(c.p), c.want)
	}
	if n := len(prober.Snapshot(health.Readiness).Probes); n != 1 {
		t.Errorf("%d probes after errors, want 1", n)
	}
	wantError(t, prober.Report("nobody", nil), `there is no probe "nobody"`)
	prober.Remove("nobody")
}

// TestPanicsAndExits: whatever a check does is a failure and nothing else.
func TestPanicsAndExits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		results := map[string]health.Result{}
		prober := newProber(t, health.Config{OnResult: func(_ context.Context, r health.Result) { results[r.Name] = r }})
		add(t, prober,
			health.Probe{Name: "panic", Check: func(context.Context) error { panic(errSick) }},
			health.Probe{Name: "exit", Check: func(context.Context) error { runtime.Goexit(); return nil }},
			health.Probe{Name: "error", Check: func(context.Context) error { return panicky{} }},
			health.Probe{Name: "list", List: func(context.Context) ([]health.Probe, error) { panic("no list") }},
			health.Probe{Name: "long", Check: func(context.Context) error { return errors.New(strings.Repeat("x", 2000)) }},
		)
		if err := prober.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for name, r := range results {
			texts[name] = r.Err.Error()
		}
		want := map[string]string{
			"panic": "panic: sick", "exit": "the check called runtime.Goexit", "error": "health_test.panicky",
			"list": "panic: no list", "long": strings.Repeat("x", 1024) + "…",
		}
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		var p *tend.PanicError
		if err := results["panic"].Err; !errors.As(err, &p) || !errors.Is(err, errSick) || !strings.Contains(err.Stack(), "TestPanicsAndExits") {
			t.Errorf("%#v does not say what panicked and where", err)
		}
	})
}

// TestOwnFailures: what a probe fails with if it is not the check that says so. In a
// result it has no prefix, by itself it has.
func TestOwnFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		results := map[string]health.Result{}
		prober := newProber(t, health.Config{OnResult: func(_ context.Context, r health.Result) { results[r.Name] = r }})
		release := make(chan struct{})
		add(t, prober,
			health.Probe{Name: "timeout", Check: obey},
			health.Probe{Name: "stuck", Check: hang(release)},
			health.Probe{Name: "silent", MaxAge: 3 * time.Second},
			health.Probe{Name: "list", List: func(context.Context) ([]health.Probe, error) { return []health.Probe{{}, {Name: "timeout"}}, nil }})
		serve(t, prober)
		defer close(release)
		time.Sleep(19 * time.Second)
		synctest.Wait()
		for name, c := range map[string]struct {
			err  error
			text string
		}{
			"timeout": {health.ErrTimeout, "the check did not end in time (5s)"},
			"stuck":   {health.ErrStuck, "an earlier run of the check has still not ended (began 15s ago)"},
			"silent":  {health.ErrSilent, "nothing was heard (for 18s)"},
			"list":    {nil, `there is already a probe "timeout"; a probe has no name`},
		} {
			err := results[name].Err
			if c.err != nil && !errors.Is(err, c.err) || err.Text != c.text {
				t.Errorf("%s: got %#v, want %q", name, err, c.text)
			}
			wantError(t, err.Err, c.text)
		}
	})
}

// TestLoggerPanics: the record is lost, and nothing else.
func TestLoggerPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes, Logger: slog.New(panickyHandler{slog.DiscardHandler})})
		add(t, prober, health.Probe{Name: "p", Check: script("+")})
		if err := prober.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.want(t, "0s p unknown>healthy 0")
	})
}

type panickyHandler struct{ slog.Handler }

func (panickyHandler) Enabled(context.Context, slog.Level) bool { panic("no level") }

// panicky is an error that nobody can read.
type panicky struct{}

func (panicky) Error() string { panic("no text") }
func (panicky) Unwrap() error { panic("no cause") }

// TestDetails: facts of user types are read once, when they are told.
func TestDetails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		live := []int{1, 2}
		add(t, prober, health.Probe{Name: "p", Check: func(ctx context.Context) error {
			health.Detail(ctx, detail("queue", live), detail("name", "a\nb"))
			live[0] = 9
			for i := range 100 {
				health.Detail(ctx, detail(fmt.Sprint(i), i))
			}
			return nil
		}})
		health.Detail(t.Context(), detail("nowhere", 1))
		if err := prober.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		d := status(t, prober, "p").Details
		if got := fmt.Sprint(d[:3]); len(d) != 32 || got != "[queue=[1 2] name=a b 0=0]" {
			t.Errorf("%d details: %v", len(d), got)
		}
	})
}

// TestServeTwice: one after the other with the state kept, not at the same time.
func TestServeTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		add(t, prober, health.Probe{Name: "p", Check: script("--+-"), FailureThreshold: 2})
		stop := serve(t, prober)
		time.Sleep(time.Second)
		wantError(t, prober.Serve(t.Context()), "served already")
		wantError(t, prober.Tick(t.Context()), "served already")
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("Serve returned %v", err)
		}
		time.Sleep(time.Hour)
		serve(t, prober)
		time.Sleep(15 * time.Second)
		l.want(t, "1h0m1s p unknown>unhealthy 2", "1h0m11s p unhealthy>healthy 2")
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(errSick)
		if err := newProber(t, health.Config{}).Serve(ended); !errors.Is(err, errSick) {
			t.Errorf("Serve under an ended context: %v", err)
		}
	})
}

// What ignores its context holds up the end for a second, is named, and is not
// started again before it returns.
func TestServeAbandons(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		var logged strings.Builder
		release := make(chan struct{})
		prober := newProber(t, health.Config{
			Logger:   slog.New(slog.NewTextHandler(&logged, nil)),
			OnChange: func(context.Context, health.Change) error { <-release; return nil },
		})
		add(t, prober, health.Probe{Name: "hangs", Check: l.logged("hangs", hang(release))}, health.Probe{Name: "works", Check: l.logged("works", script("+"))})
		stop := serve(t, prober)
		time.Sleep(time.Second)
		_ = stop()
		l.add("stopped")
		stop = serve(t, prober)
		time.Sleep(19 * time.Second)
		close(release)
		time.Sleep(9500 * time.Millisecond)
		_ = stop()
		l.want(t, "0s hangs", "0s works", "2s stopped", "10s works", "20s works", "21s hangs", "30s works")
		if !strings.Contains(logged.String(), `msg="health checks ignore that their context is done" probes=[hangs]`) {
			t.Errorf("nobody was named:\n%s", &logged)
		}
	})
}

// A new instance has a new state, what has vanished is forgotten, an error keeps
// the set.
func TestASourceAddsRenewsAndForgetsProbes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		ok := func(context.Context) error { return nil }
		bad := func(context.Context) error { return errSick }
		var targets []health.Probe
		var listErr error
		prober := newProber(t, health.Config{OnChange: l.changes})
		add(t, prober, health.Probe{Name: "mine", Check: ok},
			health.Probe{Name: "targets", FailureThreshold: 1, List: func(context.Context) ([]health.Probe, error) { return targets, listErr }})
		round := func(set ...health.Probe) {
			t.Helper()
			targets = set
			for i := range targets {
				targets[i].Jitter = -1
			}
			if err := prober.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		names := func() (names []string) {
			for _, p := range prober.Snapshot(health.Readiness).Probes {
				names = append(names, p.Name)
			}
			return names
		}
		sick := health.Probe{Name: "t1", Instance: "a", Check: bad, FailureThreshold: 2}
		round(sick, health.Probe{Name: "t2", Check: ok})
		l.want(t, "0s targets unknown>healthy 0", "0s mine unknown>healthy 0", "0s t2 unknown>healthy 0")
		listErr = errSick
		round() // an error keeps the set
		l.want(t, "10s targets healthy>unhealthy 1", "10s t1 unknown>unhealthy 2")
		listErr = health.Warn(errSick)
		round(sick)
		l.want(t, "20s targets unhealthy>degraded 1")
		if diff := cmp.Diff([]string{"mine", "t1", "targets"}, names()); diff != "" {
			t.Errorf("t2 is not forgotten (-want +got):\n%s", diff)
		}
		listErr = nil
		sick.Instance = "b"
		round(sick) // another instance: from the start
		if p := status(t, prober, "t1"); p.State != health.Unknown || p.Failures != 1 || p.Instance != "b" {
			t.Errorf("a new instance has the old state: %+v", p)
		}
		sick.FailureThreshold = 5
		round(sick, sick, health.Probe{Name: "t3"}, health.Probe{Name: "mine"}, health.Probe{}, health.Probe{Name: "t4", Interval: -1})
		l.want(t, "30s targets degraded>healthy 0", "40s targets healthy>unhealthy 1")
		if p := status(t, prober, "t1"); p.State != health.Unknown || p.Failures != 2 {
			t.Errorf("a setting that changes changes the state: %+v", p)
		}
		if diff := cmp.Diff([]string{"mine", "t1", "t3", "targets"}, names()); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		out := status(t, prober, "targets").Output
		for _, want := range []string{`a probe has no name`, `"t4": Interval is -1ns`, `already a probe "mine"`, `"t1" was listed twice`} {
			if !strings.Contains(out, want) {
				t.Errorf("%q does not say %q", out, want)
			}
		}
		sick.Interval = -1
		round(sick) // it makes no sense now, but it is still listed
		if p := status(t, prober, "t1"); p.Failures != 3 {
			t.Errorf("a probe with bad settings is not left alone: %+v", p)
		}
		prober.Remove("targets")
		if diff := cmp.Diff([]string{"mine"}, names()); diff != "" {
			t.Errorf("a source is gone, but not what it listed:\n%s", diff)
		}
	})
}

// TestPassive: results from outside, and silence.
func TestPassive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		add(t, prober,
			health.Probe{Name: "ttl", MaxAge: 30 * time.Second, FailureThreshold: 2, InitialDelay: 10 * time.Second},
			health.Probe{Name: "told", FailureThreshold: 2})
		serve(t, prober)
		report := func(name string, err error) {
			t.Helper()
			if err := prober.Report(name, err, detail("n", 1)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(99 * time.Second)
		l.want(t, "1m10s ttl unknown>unhealthy 2")
		report("ttl", nil)
		report("told", health.Warn(errSick))
		l.want(t, "1m39s ttl unhealthy>healthy 2", "1m39s told unknown>degraded 0")
		for range 10 {
			time.Sleep(29 * time.Second)
			report("ttl", nil)
		}
		l.want(t)
		report("told", errSick)
		report("told", errSick)
		l.want(t, "6m29s told degraded>unhealthy 2")
		time.Sleep(time.Hour + time.Second)
		l.want(t, "7m29s ttl healthy>unhealthy 2")
		if p := status(t, prober, "told"); p.Failures != 2 || len(p.Details) != 1 || p.Output != "sick" {
			t.Errorf("silence is a failure without MaxAge: %+v", p)
		}
		if out := status(t, prober, "ttl").Output; out != "nothing was heard (for 1h0m0s)" {
			t.Errorf("silence says %q", out)
		}
	})
}

// TestReportHurries: evidence from outside brings the next run of a check forward.
func TestReportHurries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		add(t, prober, health.Probe{Name: "p", Interval: time.Minute, FastInterval: time.Second, Check: l.logged("run", script("+--"))})
		serve(t, prober)
		time.Sleep(5 * time.Second)
		if err := prober.Report("p", errSick); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		l.want(t, "0s run", "0s p unknown>healthy 0", "6s run", "7s run", "7s p healthy>unhealthy 3")
	})
}

// TestRemoveWhileRunning: the check is cancelled and its outcome counts for nothing.
func TestRemoveWhileRunning(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes})
		slow := health.Probe{Name: "p", FailureThreshold: 1, Check: func(ctx context.Context) error {
			<-ctx.Done()
			l.add("cancelled")
			time.Sleep(time.Second) // it takes its time
			return errSick
		}}
		add(t, prober, slow)
		serve(t, prober)
		time.Sleep(time.Second)
		prober.Remove("p")
		add(t, prober, health.Probe{Name: "p", Check: l.logged("new", script("+"))}) // waits for the old run
		time.Sleep(5 * time.Second)
		l.want(t, "1s cancelled", "2s new", "2s p unknown>healthy 0")
	})
}

// The callbacks panic, exit, block and call back.
func TestProbesComeAndGoUnderFire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var prober *health.Prober
		calls := 0
		meddle := func(n int) {
			name := fmt.Sprint("x", n%7)
			_ = prober.Add(health.Probe{Name: name, Check: script("-")})
			prober.Remove(fmt.Sprint("x", (n+3)%7))
			_ = prober.Report(name, nil)
			_ = prober.Tick(t.Context())
			prober.Snapshot(health.Readiness)
		}
		prober = newProber(t, health.Config{
			OnChange: func(ctx context.Context, c health.Change) error {
				calls++
				meddle(calls)
				switch calls % 4 {
				case 0:
					panic(c.Name)
				case 1:
					runtime.Goexit()
				case 2:
					time.Sleep(5 * time.Second)
				}
				return prober.CheckNow(ctx)
			},
			OnResult: func(context.Context, health.Result) { panic("result") },
		})
		stop := serve(t, prober)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for n := range 100 {
					time.Sleep(time.Duration(100+n*i) * time.Millisecond)
					meddle(n + i)
					c, err := prober.Guard(fmt.Sprint("g", i), tend.Func("", func(ctx context.Context) error {
						health.Beat(ctx)
						time.Sleep(50 * time.Millisecond)
						return nil
					}), health.Probe{Name: "a", Kind: health.Liveness, FailureThreshold: 1, Check: script("+-")}, health.Probe{Name: "b", MaxAge: time.Second})
					if err != nil {
						t.Error(err)
					}
					_ = c.Serve(t.Context())
				}
			})
		}
		all.Wait()
		_ = stop()
		for _, p := range prober.Snapshot(health.Readiness).Probes {
			if strings.HasPrefix(p.Name, "g") {
				t.Errorf("%s is left", p.Name)
			}
		}
		if calls < 20 {
			t.Errorf("only %d changes told", calls)
		}
	})
}
