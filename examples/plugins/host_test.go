package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// exact are the usual rules without chance, for the tests with virtual time.
func exact() rules {
	r := usual
	r.backoff.Jitter = 0
	r.jitter = -1
	return r
}

// fake is a plugin without a process. It crashes and hangs at given times of a
// run, counted from the start of that; zero: never.
type fake struct {
	crashes, hangs time.Duration

	mu    sync.Mutex
	began time.Time
	pings []time.Duration // when they came, since zero
	zero  time.Time
}

var errCrash = errors.New("exit status 2")

func (f *fake) Serve(ctx context.Context) error {
	f.mu.Lock()
	f.began = time.Now()
	crash := f.crashes
	f.mu.Unlock()
	var crashed <-chan time.Time
	if crash > 0 {
		crashed = time.After(crash)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-crashed:
		return errCrash
	}
}

func (f *fake) Ping(ctx context.Context) error {
	f.mu.Lock()
	f.pings = append(f.pings, time.Since(f.zero))
	hung := f.hangs > 0 && time.Since(f.began) >= f.hangs
	f.mu.Unlock()
	if hung {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return nil
}

func (f *fake) repair() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashes, f.hangs = 0, 0
}

// world is a host of fakes in virtual time.
type world struct {
	t     *testing.T
	host  *host
	zero  time.Time
	ended <-chan error

	mu    sync.Mutex
	lines []string
}

// inWorld serves a host with the plugins and runs play.
func inWorld(t *testing.T, plugins map[string]*fake, play func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, zero: time.Now()}
		h, err := newHost(exact(), w.hook)
		if err != nil {
			t.Fatal(err)
		}
		w.host = h
		for name, f := range plugins {
			f.zero = w.zero
			if err := h.add(name, f, tend.Child{}); err != nil {
				t.Fatal(err)
			}
		}
		w.ended = h.root.ServeBackground(t.Context())
		play(w)
		h.root.Stop()
		if err := <-w.ended; err != nil {
			t.Error(err)
		}
	})
}

// hook notes what fails and what comes back.
func (w *world) hook(e tend.Event) {
	var what string
	switch e := e.(type) {
	case tend.ServiceStarted:
		if e.Incarnation == 1 {
			return
		}
		what = "started"
	case tend.ServiceFailed:
		what = "failed: " + e.Err.Error()
		if sick := (*health.UnhealthyError)(nil); errors.As(e.Err, &sick) {
			what = fmt.Sprintf("failed: %s %d times: %s", sick.Probe, sick.Failures, sick.Err.Error())
		}
	case tend.ServiceGaveUp:
		what = "gave up"
	default:
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%v %s %s", e.From().Time.Sub(w.zero), e.From().Service, what))
}

// until lets virtual time pass.
func (w *world) until(at time.Duration) {
	time.Sleep(time.Until(w.zero.Add(at)))
	synctest.Wait()
}

// want compares what happened since the last call.
func (w *world) want(lines ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(lines, w.lines); diff != "" {
		w.t.Errorf("(-want +got)\n%s", diff)
	}
	w.lines = nil
}

func (w *world) status(name string) tend.ServiceStatus {
	w.t.Helper()
	for _, s := range w.host.root.Status().Services {
		if s.Name == name {
			return s
		}
	}
	w.t.Fatalf("there is no plugin %q", name)
	return tend.ServiceStatus{}
}

// A crash is a failure at that instant, not at the next ping.
func TestCrashIsSeenAtOnce(t *testing.T) {
	inWorld(t, map[string]*fake{"a": {crashes: 10*time.Minute + 7*time.Second}}, func(w *world) {
		w.until(11 * time.Minute)
		w.want("10m7s a failed: exit status 2", "10m8s a started")
	})
}

// It hangs at 10m: the ping of 10m is the first that fails, after 5 s. The two
// others should have been a second apart, so they follow at once.
func TestThreePingsAreAFailure(t *testing.T) {
	inWorld(t, map[string]*fake{"a": {hangs: 10 * time.Minute}}, func(w *world) {
		w.until(11 * time.Minute)
		w.want("10m15s a failed: a:ping 3 times: not within 5s", "10m16s a started")
	})
}

// Two pings that fail are not.
func TestTwoPingsAreNone(t *testing.T) {
	a := &fake{hangs: 10 * time.Minute}
	inWorld(t, map[string]*fake{"a": a}, func(w *world) {
		w.until(10*time.Minute + 9*time.Second)
		a.repair()
		w.until(time.Hour)
		w.want()
	})
}

// However many plugins hang, the pings of another one come at their time.
func TestHungPluginsDelayNoOther(t *testing.T) {
	well := &fake{}
	plugins := map[string]*fake{"well": well}
	for i := range 50 {
		plugins[fmt.Sprint("hung", i)] = &fake{hangs: time.Second}
	}
	inWorld(t, plugins, func(w *world) {
		w.until(time.Hour)
		var want []time.Duration
		for at := 30 * time.Second; at <= time.Hour; at += 30 * time.Second {
			want = append(want, at)
		}
		if diff := cmp.Diff(want, well.pings); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if got := len(w.lines); got != 50*6 { // failed, started, failed, started, failed, gave up
			t.Errorf("%d lines, want %d", got, 50*6)
		}
	})
}

// The third failure within an hour is the last; its history stays.
func TestThirdFailureWithinTheHour(t *testing.T) {
	inWorld(t, map[string]*fake{"a": {crashes: 29 * time.Minute}}, func(w *world) {
		w.until(24 * time.Hour)
		w.want(
			"29m0s a failed: exit status 2", "29m1s a started",
			"58m1s a failed: exit status 2", "58m2s a started",
			"1h27m2s a failed: exit status 2", "1h27m2s a gave up",
		)
		s := w.status("a")
		var history []string
		for _, f := range s.Failures {
			history = append(history, fmt.Sprintf("%v %s", f.Time.Sub(w.zero), f.Err))
		}
		want := []string{"29m0s exit status 2", "58m1s exit status 2", "1h27m2s exit status 2"}
		if diff := cmp.Diff(want, history); diff != "" || s.State != tend.StateFailed || s.Limit != usual.limit {
			t.Errorf("%v, %+v, history (-want +got)\n%s", s.State, s.Limit, diff)
		}
	})
}

// With more than half an hour between them there never are three within an hour.
func TestRareFailuresForADay(t *testing.T) {
	inWorld(t, map[string]*fake{"a": {crashes: 31 * time.Minute}}, func(w *world) {
		w.until(24 * time.Hour)
		if s := w.status("a"); s.State != tend.StateRunning || s.Failed != 46 {
			t.Errorf("%v after %d failures", s.State, s.Failed)
		}
	})
}

// The operator resets it: it runs again, with a budget as new and its history.
func TestReset(t *testing.T) {
	a := &fake{crashes: time.Minute}
	inWorld(t, map[string]*fake{"a": a}, func(w *world) {
		w.until(10 * time.Minute)
		w.want("1m0s a failed: exit status 2", "1m1s a started", "2m1s a failed: exit status 2", "2m3s a started",
			"3m3s a failed: exit status 2", "3m3s a gave up")
		if err := w.host.reset("a"); err != nil {
			t.Error(err)
		}
		w.until(20 * time.Minute) // not repaired: it has three failures again, not none
		w.want("10m0s a started", "11m0s a failed: exit status 2", "11m1s a started", "12m1s a failed: exit status 2", "12m3s a started",
			"13m3s a failed: exit status 2", "13m3s a gave up")
		a.repair()
		if err := w.host.reset("a"); err != nil {
			t.Error(err)
		}
		w.until(24 * time.Hour)
		w.want("20m0s a started")
		if s := w.status("a"); s.State != tend.StateRunning || s.Failed != 6 || len(s.Failures) == 0 {
			t.Errorf("%v after %d failures, history %v", s.State, s.Failed, s.Failures)
		}
		if err := w.host.reset("b"); err == nil || err.Error() != `there is no plugin "b"` {
			t.Error(err)
		}
	})
}

// The window is an hour, the end of it included: the third failure an hour after the
// first is the last, and one that comes any later is not.
func TestThirdFailureAfterExactlyAnHour(t *testing.T) {
	// Two starts come a second after a failure each.
	inWorld(t, map[string]*fake{"a": {crashes: 30*time.Minute - time.Second}}, func(w *world) {
		w.until(3 * time.Hour)
		w.want(
			"29m59s a failed: exit status 2", "30m0s a started",
			"59m59s a failed: exit status 2", "1h0m0s a started",
			"1h29m59s a failed: exit status 2", "1h29m59s a gave up",
		)
	})
	inWorld(t, map[string]*fake{"a": {crashes: 30*time.Minute - time.Second + 1}}, func(w *world) {
		w.until(23*time.Hour + 45*time.Minute)
		if s := w.status("a"); s.State != tend.StateRunning || s.Failed != 47 {
			t.Errorf("%v after %d failures", s.State, s.Failed)
		}
	})
}

// A plugin that fails as soon as it is started is tried again like others, and not
// forgotten about: it may be well the second time.
func TestFailedStartIsTriedAgain(t *testing.T) {
	a := &fake{crashes: 1}
	inWorld(t, map[string]*fake{"a": a}, func(w *world) {
		w.until(500 * time.Millisecond)
		a.repair()
		w.until(24 * time.Hour)
		w.want("1ns a failed: exit status 2", "1.000000001s a started")
		if s := w.status("a"); s.State != tend.StateRunning {
			t.Errorf("%v", s.State)
		}
	})
}

// A plugin that is deactivated does not run, is not pinged and does not fail, until
// it is reset.
func TestDeactivatedPluginIsLeftAlone(t *testing.T) {
	a := &fake{}
	inWorld(t, map[string]*fake{"a": a}, func(w *world) {
		w.until(time.Minute)
		if err := w.host.deactivate("a"); err != nil {
			t.Error(err)
		}
		w.until(time.Hour)
		if s := w.status("a"); s.State != tend.StateSuspended {
			t.Errorf("%v", s.State)
		}
		if err := w.host.reset("a"); err != nil {
			t.Error(err)
		}
		w.until(time.Hour + time.Minute)
		w.want("1h0m0s a started")
		want := []time.Duration{30 * time.Second, time.Minute, time.Hour + 30*time.Second, time.Hour + time.Minute}
		if diff := cmp.Diff(want, a.pings); diff != "" {
			t.Errorf("pings (-want +got)\n%s", diff)
		}
		if err := w.host.deactivate("b"); err == nil || err.Error() != `there is no plugin "b"` {
			t.Error(err)
		}
	})
}

// Nor is one pinged that has failed for good.
func TestFailedPluginIsNotPinged(t *testing.T) {
	a := &fake{crashes: 40 * time.Second}
	inWorld(t, map[string]*fake{"a": a}, func(w *world) {
		w.until(24 * time.Hour)
		want := []time.Duration{30 * time.Second, 71 * time.Second, 113 * time.Second} // 30 s after each start
		if diff := cmp.Diff(want, a.pings); diff != "" {
			t.Errorf("pings (-want +got)\n%s", diff)
		}
	})
}

// Failures are the plugin's, not those of a run: neither a restart by the operator nor
// a while in which it is deactivated makes them forgotten.
func TestFailuresSurviveRestarts(t *testing.T) {
	for name, restart := range map[string]func(h *host) error{
		"restarted":   func(h *host) error { return h.reset("a") },
		"deactivated": func(h *host) error { return errors.Join(h.deactivate("a"), h.reset("a")) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, map[string]*fake{"a": {crashes: 15 * time.Minute}}, func(w *world) {
				w.until(40 * time.Minute)
				w.want("15m0s a failed: exit status 2", "15m1s a started", "30m1s a failed: exit status 2", "30m2s a started")
				if err := restart(w.host); err != nil {
					t.Error(err)
				}
				w.until(24 * time.Hour)
				w.want("40m0s a started", "55m0s a failed: exit status 2", "55m0s a gave up")
			})
		})
	}
}

// A stop in the middle of pings that fail is no failure, and it does not wait for
// them.
func TestStopIsQuiet(t *testing.T) {
	inWorld(t, map[string]*fake{"a": {hangs: time.Second}, "b": {}}, func(w *world) {
		w.until(42 * time.Second) // two have failed, the third is under way
		w.host.root.Stop()
		if got := time.Since(w.zero); got != 42*time.Second {
			t.Errorf("stopped at %v", got)
		}
		w.want()
	})
}

func TestBadPlugins(t *testing.T) {
	h, err := newHost(exact(), func(tend.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.add("a", &fake{}, tend.Child{}); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"a":   `there already is a plugin "a"`,
		"":    "name",
		"a:b": "colon",
	} {
		if err := h.add(name, &fake{}, tend.Child{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
}

func TestFaster(t *testing.T) {
	want := usual
	want.interval, want.fast, want.timeout, want.grace = 3*time.Second, 100*time.Millisecond, 500*time.Millisecond, time.Second
	want.backoff.Min, want.backoff.Max, want.limit.Within = 100*time.Millisecond, 6*time.Second, 6*time.Minute
	if diff := cmp.Diff(want, usual.faster(10), cmp.AllowUnexported(rules{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := usual.faster(60).timeout; got != 250*time.Millisecond {
		t.Errorf("the timeout is %v", got)
	}
}
