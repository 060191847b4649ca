package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The rules of Aliyun's plugin manager which the tests of the schedule do not show.

// shelf says which plugins are installed, and can be out of order.
type shelf struct {
	mu   sync.Mutex
	list []plugin
	err  error
}

func (s *shelf) set(err error, list ...plugin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.err = list, err
}

func (s *shelf) read() ([]plugin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list, s.err
}

// once is a plugin that is no daemon. A path or a heartbeat it does not have.
func once(name string) plugin { return plugin{Name: name, Version: "1.0", Once: true} }

// A server that wants changes only gets every scan all the same.
func TestLazyReportsHoldForPullsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := newServer(l, "")
		s.answer = func(context.Context, string, int) (directive, error) { return directive{ReportType: "lazy"}, nil }
		a := prepare(t, plugins(t, "a"), s, newCommands(l))
		a.upgrade.InitialDelay, a.list.InitialDelay = 24*time.Hour, 24*time.Hour
		serveFor(t, a, 50*time.Minute)
		l.want(t, "status:+@30s heartbeats:+@1m30s status:+@15m30s status:+@30m30s status:+@45m30s")
	})
}

// A post that fails is made again: three times, two seconds apart, for a scan; twice,
// three seconds apart, for the upgrade check; not for a pull, since the next is near.
func TestAttemptsOfAPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := newServer(l, "")
		s.answer = func(context.Context, string, int) (directive, error) { return directive{}, errDown }
		a := prepare(t, plugins(t, "a"), s, newCommands(l))
		a.list.InitialDelay = 24 * time.Hour
		serveFor(t, a, 7*time.Minute)
		l.want(t, `upgrades!@0s upgrades!@3s upgrades!@6s status!@30s status!@32s status!@34s status!@36s
			heartbeats!@1m30s heartbeats!@6m30s`)
	})
}

// Nor is anything posted that would say nothing of any plugin.
func TestWithoutPluginsNothingIsPosted(t *testing.T) {
	for name, c := range map[string]struct {
		list func(t *testing.T) []plugin
		want string
	}{
		"none":              {func(*testing.T) []plugin { return nil }, ""},
		"no daemons":        {func(*testing.T) []plugin { return []plugin{once("x")} }, "status:1@30s plugins@3m status:1@15m30s"},
		"none that is well": {func(t *testing.T) []plugin { return plugins(t, "dead") }, "upgrades@0s heartbeats:+@1m30s plugins@3m heartbeats:+@6m30s heartbeats:+@11m30s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				c2 := newCommands(newTimeline(), "dead")
				c2.onStart = func(ctx context.Context, _ plugin) error { <-ctx.Done(); return ctx.Err() } // it reports later
				list := c.list(t)
				for i := range list {
					list[i].StartSeconds = 3600
				}
				serveFor(t, prepare(t, list, newServer(l, ""), c2), 16*time.Minute)
				l.want(t, c.want)
			})
		})
	}
}

// What is installed, removed or upgraded between two turns is in the next one, or
// not; a list that cannot be read is one failed turn, and no change.
func TestPluginListIsReadAnewEachTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := newServer(newTimeline(), "")
		s.answer = func(_ context.Context, path string, _ int) (directive, error) {
			var all []string
			for _, p := range s.last().Plugins {
				all = append(all, p.Name+p.Version)
			}
			l.add("%s:%s", path[1:], strings.Join(all, ","))
			return directive{ReportType: "lazy"}, nil
		}
		list := plugins(t, "a", "b")
		newer, other := list[1], list[0]
		newer.Version, other.Version = "2.0", "2.0"
		var installed shelf
		installed.set(nil, list[0])
		a := prepareFor(t, installed.read, s, newCommands(newTimeline()))
		a.list.InitialDelay = 33 * time.Minute
		after(10*time.Minute, func() { installed.set(nil, list...) })
		after(20*time.Minute, func() { installed.set(errors.New("half-written")) })
		after(25*time.Minute, func() { installed.set(nil, list[1]) })
		after(40*time.Minute, func() { installed.set(nil, newer) })
		after(43*time.Minute, func() { installed.set(nil, other) })
		after(55*time.Minute, func() { installed.set(nil) })
		serveFor(t, a, 65*time.Minute)
		// The pull of 21m30s fails, and the next ones have b instead of a and b.
		l.want(t, `upgrades:a1.0@0s status:a1.0@30s heartbeats:a1.0@1m30s heartbeats:a1.0,b1.0@11m30s status:a1.0,b1.0@15m30s
			heartbeats:b1.0@26m30s upgrades:b1.0@30m status:b1.0@30m30s plugins:b1.0@33m heartbeats:b2.0@41m30s
			status:a2.0@45m30s heartbeats:a2.0@46m30s`)
	})
}

// A plugin that was installed later is started like others. One that was removed is
// not, and a start that is under way is given up at the next scan; if it comes back,
// so does its start.
func TestStartsFollowThePluginList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(l, "a", "b")
		c.onStart = func(ctx context.Context, p plugin) error {
			if p.Name == "b" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		list := plugins(t, "a", "b")
		list[1].StartSeconds = 3600
		var installed shelf
		installed.set(nil, list[1])
		a := prepareFor(t, installed.read, newServer(l, scanPath), c)
		after(10*time.Minute, func() { installed.set(nil, list[0]) })
		after(20*time.Minute, func() { installed.set(nil, list...) })
		serveFor(t, a, 40*time.Minute)
		l.want(t, `start-b@34s failed-b@15m30s start-a@15m34s status:+@15m34s
			status:+@30m30s start-b@30m34s failed-b@40m`)
	})
}

// Plugins that are run once, by others, are reported as installed. Nobody asks for
// their status or reads a heartbeat, and they are not upgraded.
func TestOneShotPluginsAreReportedWithoutBeingAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(newTimeline())
		c.onStatus = func(_ context.Context, p plugin) error { l.add("asked-%s", p.Name); return nil }
		s := newServer(l, "")
		a := prepare(t, append(plugins(t, "a"), once("x")), s, c)
		serveFor(t, a, 4*time.Minute)
		l.want(t, "upgrades@0s asked-a@30s status:1+@30s heartbeats:+@1m30s plugins@3m")
		want := [][]pluginReport{
			{{"a", "1.0", "", ""}},
			{{"x", "1.0", "ONCE_INSTALLED", ""}, {"a", "1.0", "PERSIST_RUNNING", ""}},
			{{"a", "1.0", "PERSIST_RUNNING", ""}},
			{{"a", "1.0", "", ""}, {"x", "1.0", "", ""}},
		}
		for i, r := range s.reports {
			if d := cmp.Diff(want[i], r.Plugins); d != "" {
				t.Errorf("report %d (-want +got):\n%s", i, d)
			}
		}
	})
}

// Every request says what the plugins run on.
func TestRequestsNameOsAndArch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(newTimeline(), "")
		serveFor(t, prepare(t, plugins(t, "a", "dead"), s, newCommands(newTimeline(), "dead")), 4*time.Minute)
		for i, r := range s.reports {
			if r.OS != runtime.GOOS || r.Arch != runtime.GOARCH {
				t.Errorf("request %d is from %q on %q", i, r.OS, r.Arch)
			}
		}
		if len(s.reports) != 5 { // upgrades, scan, start, pull, list
			t.Fatalf("%d requests, want 5", len(s.reports))
		}
		text, err := json.Marshal(s.reports[1])
		want := fmt.Sprintf(`{"os":%q,"arch":%q,"plugins":[{"name":"a","version":"1.0","status":"PERSIST_RUNNING"}]}`, runtime.GOOS, runtime.GOARCH)
		if string(text) != want || err != nil {
			t.Errorf("%v, got\n%s, want\n%s", err, text, want)
		}
	})
}

// The scan leaves out a dead plugin; its start tells what has become of it, good or
// bad, and as often as a scan would.
func TestDeadPluginIsReportedByItsStart(t *testing.T) {
	for name, c := range map[string]struct {
		start error
		want  pluginReport
	}{
		"started":     {nil, pluginReport{"b", "1.0", "PERSIST_RUNNING", ""}},
		"not started": {errors.New("no space left"), pluginReport{"b", "1.0", "PERSIST_FAIL", "no space left"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				s := newServer(l, scanPath)
				s.answer = func(_ context.Context, path string, times int) (directive, error) {
					if path == scanPath && times == 2 {
						return directive{}, errDown
					}
					return directive{}, nil
				}
				commands := newCommands(l, "b")
				commands.onStart = func(context.Context, plugin) error { return c.start }
				a := prepare(t, plugins(t, "a", "b"), s, commands)
				a.list.InitialDelay, a.upgrade.InitialDelay = time.Hour, time.Hour
				serveFor(t, a, time.Minute)
				sign := map[bool]string{true: "+", false: "-"}[c.start == nil]
				lines := []string{"status:+@30s", "start-b@34s", "failed-b@34s", "status!@34s", "status:" + sign + "@36s"}
				if c.start == nil {
					lines = append(lines[:2], lines[3:]...)
				}
				l.wantLines(t, lines)
				if d := cmp.Diff([]pluginReport{c.want}, s.last().Plugins); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			})
		})
	}
}

// That a status command was stopped, with all else, does not say that the plugin is
// dead: when all else is back, nothing is started.
func TestStopOfAStatusCommandStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(l)
		c.onStatus = func(ctx context.Context, _ plugin) error { <-ctx.Done(); return ctx.Err() }
		a := prepare(t, plugins(t, "a"), newServer(newTimeline(), ""), c)
		serveFor(t, a, time.Minute)
		serveFor(t, a, 10*time.Minute)
		l.want(t, "")
	})
}

// However many status commands hang, the other plugins are asked, and started, at
// once; only the report comes when all of them are through.
func TestFortyHungStatusCommandsDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		var names []string
		for i := range 40 {
			names = append(names, fmt.Sprintf("hung%02d", i))
		}
		c := newCommands(newTimeline(), "dead")
		c.onStatus = func(ctx context.Context, p plugin) error {
			if strings.HasPrefix(p.Name, "hung") {
				<-ctx.Done()
				return ctx.Err()
			}
			l.add("asked-%s", p.Name)
			return nil
		}
		c.onStart = func(_ context.Context, p plugin) error {
			if p.Name == "dead" {
				l.add("started-%s", p.Name)
				return nil
			}
			return errDead
		}
		s := newServer(newTimeline(), "")
		s.answer = func(_ context.Context, path string, _ int) (directive, error) {
			if r := s.last(); path == scanPath && r.Plugins[0].Status == running {
				l.add("reported-%s", r.Plugins[0].Name)
			}
			return directive{}, nil
		}
		serveFor(t, prepare(t, plugins(t, append(names, "dead")...), s, c), 5*time.Minute)
		l.want(t, "asked-dead@30s started-dead@34s reported-dead@34s")
	})
}

// What the local configuration says holds from the first turn on, and what it does not
// say stays.
func TestIntervalsFromALocalConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		when, err := loadIntervals(strings.NewReader(`{"scan": "10m", "upgrade": "8m30s"}`), usual)
		if err != nil {
			t.Fatal(err)
		}
		l := newTimeline()
		list := plugins(t, "a")
		a, err := newAgent(func() ([]plugin, error) { return list, nil }, newServer(l, ""), newCommands(l), when, silent())
		if err != nil {
			t.Fatal(err)
		}
		settle(a)
		serveFor(t, a, 20*time.Minute)
		l.want(t, `upgrades@0s status:+@30s heartbeats:+@1m30s plugins@3m heartbeats:+@6m30s upgrades@8m30s
			status:+@10m30s heartbeats:+@11m30s heartbeats:+@16m30s upgrades@17m`)
	})
}

// Each of them, to the last nanosecond of its bounds.
func TestIntervalsAreBounded(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "15m0s 5m0s 30m0s 24h0m0s",
		`{"scan": "5m", "pull": "1m", "upgrade": "5m", "list": "1h"}`:       "5m0s 1m0s 5m0s 1h0m0s",
		`{"scan": "24h", "pull": "24h", "upgrade": "168h", "list": "168h"}`: "24h0m0s 24h0m0s 168h0m0s 168h0m0s",
		`{"scan": "4m59.999999999s"}`:                                       `interval scan is "4m59.999999999s", not 5m0s to 24h0m0s`,
		`{"scan": "24h0m0.000000001s"}`:                                     `interval scan is "24h0m0.000000001s", not 5m0s to 24h0m0s`,
		`{"pull": "0s"}`:                                                    `interval pull is "0s", not 1m0s to 24h0m0s`,
		`{"upgrade": "-5m"}`:                                                `interval upgrade is "-5m", not 5m0s to 168h0m0s`,
		`{"list": "daily"}`:                                                 `interval list is "daily", not 1h0m0s to 168h0m0s`,
		`{"scans": "5m"}`:                                                   `reading intervals: json: unknown field "scans"`,
		`{"scan": 300}`:                                                     `reading intervals: json: cannot unmarshal number into Go struct field intervals.scan of type string`,
		`{"scan": "5m"`:                                                     `reading intervals: unexpected EOF`,
	} {
		when, err := loadIntervals(strings.NewReader(text), usual)
		got := fmt.Sprint(when.scan, when.pull, when.upgrade, when.list)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
