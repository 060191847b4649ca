package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The rules of the prober that this one is built after which the tests of
// prober_test.go do not show.

// minutes lets a prober do its rounds for a while in which a-1 fails from 10 s to
// 40 s: three times, at 10 s, 20 s and 30 s.
func (w *world) minutes() {
	w.answer("a-1", between(10*time.Second, 40*time.Second, 503, 0, nil))
	stop := w.serve()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	stop()
}

func TestPathIsAddedWithoutTrailingSlashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for game, url := range map[string]string{"a": "http://a", "b": "http://b/", "c": "http://c///", "d": "http://d/lobby/", "e": "http://e/a//b//"} {
			w.targets = append(w.targets, target{game, game + "-1", url})
		}
		if err := w.service().Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"http://a/healthz", "http://b/healthz", "http://c/healthz", "http://d/lobby/healthz", "http://e/a//b/healthz"}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(w.asked))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestBadSettingsAreErrorsOfTheConstructor(t *testing.T) {
	for want, change := range map[string]func(p *prober){
		"list is nil":    func(p *prober) { p.list = nil },
		"publish is nil": func(p *prober) { p.publish = nil },
		"count is nil":   func(p *prober) { p.count = nil },
		"log is nil":     func(p *prober) { p.log = nil },
		"interval is 0s": func(p *prober) { p.interval = 0 },
		"interval is -1": func(p *prober) { p.interval = -1 },
		"timeout is 0s":  func(p *prober) { p.timeout = 0 },
		"timeout is -1":  func(p *prober) { p.timeout = -1 },
		"failures is 0":  func(p *prober) { p.failures = 0 },
		"failures is -1": func(p *prober) { p.failures = -1 },
	} {
		p := newWorld(t).prober()
		change(&p)
		if m, err := newProber(p); m != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Times are the same for whoever reads them, wherever the prober runs.
func TestTimesAreInUTC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a")
		w.minutes()
		for _, e := range w.events {
			if e.Time.Location() != time.UTC {
				t.Errorf("%s at %v", e.Type, e.Time)
			}
		}
		if len(w.events) != 2 {
			t.Errorf("%d events, want 2", len(w.events))
		}
	})
}

// text is the n-th event as others get it.
func (w *world) text(n int) string {
	w.t.Helper()
	line, err := json.Marshal(w.events[n])
	if err != nil {
		w.t.Fatal(err)
	}
	return string(line)
}

// A status of 0, which says that there was no answer, is in the event as well.
func TestLastStatusIsAlwaysThere(t *testing.T) {
	for status, err := range map[int]error{503: nil, 0: errors.New("connection refused")} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "a")
			w.answer("a-1", func(time.Duration) (int, time.Duration, error) { return status, 0, err })
			stop := w.serve()
			time.Sleep(21 * time.Second)
			stop()
			said := map[int]string{503: "HTTP status 503 Service Unavailable: said a-1", 0: `Get \"http://a-1/healthz\": connection refused`}[status]
			want := `{"type":"probe_failed","game":"a","container":"a-1","time":"2000-01-01T00:00:20Z",` +
				`"consecutive_failures":3,"last_status":` + map[int]string{503: "503", 0: "0"}[status] + `,"last_error":"` + said + `"}`
			if got := w.text(0); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// The number of failures that a recovery ends is the prior_failure_count, and
// nothing that a failure says is in it.
func TestRecoveryHasThePriorFailureCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a")
		w.minutes()
		want := `{"type":"probe_recovered","game":"a","container":"a-1","time":"2000-01-01T00:00:40Z","prior_failure_count":3}`
		if got := w.text(1); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Each event counts once, when it was published: not at the attempts before that.
func TestPublishedEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b")
		w.down = true
		w.status("b-1", 500)
		time.AfterFunc(30*time.Second, func() {
			if got := w.count.String(); got != "{}" {
				t.Errorf("the broker is down, and %s", got)
			}
			w.set(func() { w.down = false })
		})
		w.minutes()
		if got, want := w.count.String(), `{"probe_failed": 2, "probe_recovered": 1}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// logged is what is logged with this message while a-1 fails three times, with the
// time since the start.
func logged(t *testing.T, down bool, msg string) (lines []string) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := newWorld(t, "a")
		w.down = down
		w.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if groups == nil && a.Key == slog.TimeKey {
				return slog.Duration(a.Key, a.Value.Time().Sub(w.begun))
			}
			return a
		}}))
		w.minutes()
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, ` msg=`+msg+` `) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	})
	return lines
}

// The third failure is an event, and is not among them.
func TestFailuresBelowTheThresholdAreLogged(t *testing.T) {
	line := `time=%s level=INFO msg="failed below the threshold" game=a container=a-1 failures=%d status=503 error="HTTP status 503 Service Unavailable: said a-1"`
	want := []string{fmt.Sprintf(line, "10s", 1), fmt.Sprintf(line, "20s", 2)}
	if diff := cmp.Diff(want, logged(t, false, `"failed below the threshold"`)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPublishedEventsAreLogged(t *testing.T) {
	want := []string{
		"time=30s level=INFO msg=published type=probe_failed game=a container=a-1",
		"time=40s level=INFO msg=published type=probe_recovered game=a container=a-1",
	}
	if diff := cmp.Diff(want, logged(t, false, "published")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if lines := logged(t, true, "published"); lines != nil {
		t.Errorf("the broker is down, and %q", lines)
	}
}

// panics is a network in which every request panics.
type panics struct{}

func (panics) RoundTrip(r *http.Request) (*http.Response, error) { panic("no " + r.URL.Host) }

// A check that panics is a failure of its target; the program goes on.
func TestPanicOfACheckIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a")
		p := w.prober()
		p.client = &http.Client{Transport: panics{}}
		m, err := newProber(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if err := m.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if len(w.events) != 1 || w.events[0].Type != probeFailed || !strings.Contains(w.events[0].LastError, "no a-1") {
			t.Errorf("got %+v", w.timeline)
		}
	})
}

// A list that fails is no target: it is no event, and not logged as a game.
func TestListIsNoTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := newWorld(t)
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		w.listing = context.DeadlineExceeded
		stop := w.serve()
		time.Sleep(time.Minute)
		stop()
		if w.want(); strings.Contains(log.String(), "game=") {
			t.Error(log.String())
		}
	})
}
