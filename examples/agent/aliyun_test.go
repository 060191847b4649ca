package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// The defects of Aliyun's plugin manager, each of them as a requirement. Its second
// last one, a pointer to the loop variable, cannot be written in Go any more;
// TestReport shows that every plugin has an entry of its own. Its eighth, output
// that is read while it is written, is in process_test.go.

// (1) A change counts as reported when the server has got it, not before: a post
// that fails loses nothing, also if only changes are wanted. A change that is
// undone meanwhile is none.
func TestAliyun1ChangesSurviveFailedPosts(t *testing.T) {
	for name, c := range map[string]struct {
		back time.Duration // when the plugin beats again
		want string
	}{
		"changed":  {10 * time.Hour, "heartbeats:++@1m30s heartbeats!@21m30.5s heartbeats!@26m30.5s heartbeats!@31m30.5s heartbeats:-+@36m30.5s"},
		"and back": {30 * time.Minute, "heartbeats:++@1m30s heartbeats!@21m30.5s heartbeats!@26m30.5s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				s := newServer(l, pullPath)
				s.answer = func(_ context.Context, path string, times int) (directive, error) {
					if path == pullPath && 2 <= times && times <= 4 {
						return directive{}, errDown
					}
					return directive{ReportType: "lazy"}, nil
				}
				list := plugins(t, "a", "b")
				after(20*time.Minute, func() { write(t, list[0], "garbage") })
				after(c.back, func() { write(t, list[0], now(0)) })
				serveFor(t, prepare(t, list, s, newCommands(newTimeline())), 3*time.Hour)
				l.want(t, c.want)
			})
		})
	}
}

// The server says whether it wants every report or only those with a change, and
// may say otherwise at any time.
func TestReportType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := newServer(l, pullPath)
		s.answer = func(_ context.Context, path string, times int) (directive, error) {
			if path == upgradePath { // at 0, 30m, 1h
				return directive{ReportType: []string{"lazy", "normal", "nonsense"}[times-1]}, nil
			}
			return directive{}, nil
		}
		serveFor(t, prepare(t, plugins(t, "a"), s, newCommands(newTimeline())), 75*time.Minute)
		l.want(t, `heartbeats:+@1m30s heartbeats:+@31m30s heartbeats:+@36m30s heartbeats:+@41m30s heartbeats:+@46m30s
			heartbeats:+@51m30s heartbeats:+@56m30s heartbeats:+@1h1m30s heartbeats:+@1h6m30s heartbeats:+@1h11m30s`)
	})
}

// pull serves an agent that does nothing but read the heartbeats of two plugins and
// report changes, while f changes the files.
func pull(t *testing.T, d time.Duration, f func(list []plugin)) (*timeline, *fakeServer) {
	t.Helper()
	l := newTimeline()
	s := newServer(l, pullPath)
	s.answer = func(context.Context, string, int) (directive, error) { return directive{ReportType: "lazy"}, nil }
	list := plugins(t, "a", "b")
	f(list)
	a := prepare(t, list, s, newCommands(newTimeline()))
	a.scan.InitialDelay, a.list.InitialDelay = 1000*time.Hour, 1000*time.Hour
	serveFor(t, a, d)
	return l, s
}

// now is what a plugin writes: the virtual time in seconds, d later.
func now(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }

// (2) A plugin without a heartbeat file is reported, from the first pull on.
func TestAliyun2MissingHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := pull(t, 10*time.Minute, func(list []plugin) {
			list[0].Heartbeat += ".not"
			after(6*time.Minute, func() { write(t, list[0], now(0)) })
		})
		l.want(t, "heartbeats:-+@1m30.5s heartbeats:++@6m30s")
		if out := s.reports[1].Plugins[0].Output; !strings.Contains(out, "no such file") {
			t.Errorf("the report says %q", out)
		}
	})
}

// (3) A file that is half-written when it is looked at is no change …
func TestAliyun3HalfWrittenHeartbeat(t *testing.T) {
	for _, half := range []string{"", "9466", "\x00\x00\x00", "2000-01-0"} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := pull(t, 20*time.Minute, func(list []plugin) {
				list[0].HeartbeatSeconds = 60
				after(80*time.Second, func() { write(t, list[0], now(0)) })
				after(6*time.Minute+29*time.Second, func() { write(t, list[0], half) })
				after(6*time.Minute+30*time.Second+100*time.Millisecond, func() { write(t, list[0], now(0)) })
				after(11*time.Minute, func() { write(t, list[0], now(0)) })
				after(16*time.Minute, func() { write(t, list[0], now(0)) })
			})
			l.want(t, "heartbeats:++@1m30s")
		})
	}
}

// … and one that stays so is a failure of that plugin, which is not left out.
func TestAliyun3BrokenHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := pull(t, 20*time.Minute, func(list []plugin) {
			after(6*time.Minute, func() { write(t, list[1], "garbage") })
			after(14*time.Minute, func() { write(t, list[1], now(0)) })
		})
		l.want(t, "heartbeats:++@1m30s heartbeats:+-@6m30.5s heartbeats:++@16m30s")
		if r := s.reports[2]; len(r.Plugins) != 2 || !strings.Contains(r.Plugins[1].Output, "garbage") {
			t.Errorf("the report says %+v", r)
		}
	})
}

// (4) A time in the future is no heartbeat, however far; seconds are the clocks'.
func TestAliyun4FutureHeartbeat(t *testing.T) {
	for ahead, want := range map[time.Duration]string{
		4 * time.Second:       "heartbeats:++@1m30s",
		time.Hour:             "heartbeats:-+@1m30.5s",
		100000 * time.Hour:    "heartbeats:-+@1m30.5s",
		6 * time.Second:       "heartbeats:-+@1m30.5s",
		-time.Hour:            "heartbeats:++@1m30s", // its interval is a year
		-400 * 24 * time.Hour: "heartbeats:-+@1m30.5s",
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := pull(t, 2*time.Minute, func(list []plugin) {
				after(89*time.Second, func() { write(t, list[0], now(ahead+time.Second)) })
			})
			l.want(t, want)
		})
	}
}

// A heartbeat is stale when it is older than its interval and five seconds.
func TestStaleHeartbeat(t *testing.T) {
	for age, want := range map[time.Duration]string{
		64 * time.Second: "heartbeats:++@1m30s",
		65 * time.Second: "heartbeats:++@1m30s", // until 1m30s
		66 * time.Second: "heartbeats:-+@1m30.5s",
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := pull(t, 2*time.Minute, func(list []plugin) {
				list[0].HeartbeatSeconds = 60
				after(90*time.Second-age, func() { write(t, list[0], now(0)) })
			})
			l.want(t, want)
		})
	}
}

// A plugin that beats for a day and then stops is reported once as such, within
// two pulls.
func TestHeartbeatForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := pull(t, 48*time.Hour, func(list []plugin) {
			list[0].HeartbeatSeconds = 60
			write(t, list[0], now(0))
			for beat := time.Minute; beat < 24*time.Hour; beat += time.Minute {
				after(beat, func() { write(t, list[0], now(0)) })
			}
		})
		l.want(t, "heartbeats:++@1m30s heartbeats:-+@24h1m30.5s")
	})
}

// (5) A stop ends anything at once: serveFor checks that.
func TestAliyun5StopInterruptsAnything(t *testing.T) {
	hang := func(ctx context.Context, _ plugin) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		after   time.Duration
		prepare func(c *fakeCommands, s *fakeServer)
	}{
		"the first delay":  {10 * time.Second, func(*fakeCommands, *fakeServer) {}},
		"a status command": {40 * time.Second, func(c *fakeCommands, _ *fakeServer) { c.onStatus = hang }},
		"a post": {40 * time.Second, func(_ *fakeCommands, s *fakeServer) {
			s.answer = func(ctx context.Context, _ string, _ int) (directive, error) {
				<-ctx.Done()
				return directive{}, ctx.Err()
			}
		}},
		"the wait for another post": {31 * time.Second, func(_ *fakeCommands, s *fakeServer) {
			s.answer = func(context.Context, string, int) (directive, error) { return directive{}, errDown }
		}},
		"the delay before a start": {32 * time.Second, func(c *fakeCommands, _ *fakeServer) { c.set("a", true) }},
		"the wait for the report of a start": {35 * time.Second, func(c *fakeCommands, s *fakeServer) {
			c.set("a", true)
			s.answer = func(context.Context, string, int) (directive, error) { return directive{}, errDown }
		}},
		"a start":                  {40 * time.Second, func(c *fakeCommands, _ *fakeServer) { c.set("a", true); c.onStart = hang }},
		"the looks at a heartbeat": {90*time.Second + 300*time.Millisecond, func(*fakeCommands, *fakeServer) {}},
		"the gate":                 {50 * time.Second, func(*fakeCommands, *fakeServer) {}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				commands, s := newCommands(l), newServer(l, "")
				c.prepare(commands, s)
				list := plugins(t, "a")
				if name == "the looks at a heartbeat" {
					write(t, list[0], "garbage")
				}
				a := prepare(t, list, s, commands)
				if name == "the gate" {
					a.pull.InitialDelay = 40 * time.Second
				}
				serveFor(t, a, c.after)
				serveFor(t, a, time.Second) // and it can be served again
			})
		})
	}
}

// (6) The server's answers come in while all else goes on. This is a test for the
// race detector.
func TestAliyun6DirectivesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(newTimeline(), "")
		s.answer = func(_ context.Context, _ string, times int) (directive, error) {
			return directive{ReportType: []string{"lazy", "normal"}[times%2], Scan: 300, Pull: 60, Next: 300}, nil
		}
		a := prepare(t, plugins(t, "a", "b", "c"), s, newCommands(newTimeline(), "b"))
		for i := range 200 {
			after(time.Duration(i)*time.Second, func() {
				a.obey(t.Context(), directive{ReportType: []string{"lazy", "normal"}[i%2], Scan: int64(i), Pull: int64(i), Next: int64(i)})
			})
		}
		serveFor(t, a, 10*time.Minute)
	})
}

// (9) No plugin is started a second time while a start is waiting or under way,
// however many scans find it dead meanwhile.
func TestAliyun9OneStartAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(l, "a")
		var mu sync.Mutex
		running := 0
		c.onStart = func(ctx context.Context, _ plugin) error {
			mu.Lock()
			running++
			if running > 1 {
				t.Error("two starts at once")
			}
			mu.Unlock()
			defer func() { mu.Lock(); running--; mu.Unlock() }()
			<-ctx.Done()
			return ctx.Err()
		}
		list := plugins(t, "a")
		list[0].StartSeconds = 40 * 60
		serveFor(t, prepare(t, list, newServer(newTimeline(), ""), c), 100*time.Minute)
		// Scans at 15m30s, 30m30s … find it dead as well.
		l.want(t, "start-a@34s failed-a@40m34s start-a@45m34s failed-a@1h25m34s start-a@1h30m34s failed-a@1h40m")
	})
}

// (10) What is too long is cut where a rune begins.
func TestAliyun10Cut(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"abcd", 0, ""},
		{"a€", 4, "a€"},
		{"a€", 3, "a"},
		{"a€", 2, "a"},
		{"a€", 1, "a"},
		{"€", 2, ""},
		{"𝄞𝄞", 7, "𝄞"},
		{"é", 2, "é"},
		{"\xff\xff\xff", 2, "\xff\xff"}, // not UTF-8: any byte may begin one
		{"\x80\x80\x80", 2, ""},         // nothing but middles
	} {
		if got := cut(c.s, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

func FuzzAliyun10Cut(f *testing.F) {
	f.Add("größenmesser €€€", 15)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || !utf8.ValidString(s) {
			t.Skip()
		}
		got := cut(s, n)
		if !utf8.ValidString(got) || !strings.HasPrefix(s, got) || len(got) > n || len(s) > n && len(got)+utf8.UTFMax <= n {
			t.Errorf("cut(%q, %d) = %q", s, n, got)
		}
	})
}

// A name of any length and kind is reported, cut.
func TestLongName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(newTimeline(), "")
		list := plugins(t, "a")
		list[0].Name = "\x00" + strings.Repeat("€", 100)
		list[0].Version = strings.Repeat("9", 100)
		a := prepare(t, list, s, newCommands(newTimeline()))
		serveFor(t, a, time.Minute)
		want := pluginReport{Name: "\x00" + strings.Repeat("€", 21), Version: strings.Repeat("9", 64), Status: running}
		if got := s.last().Plugins[0]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// (11) Intervals are taken within bounds only.
func TestAliyun11Bounds(t *testing.T) {
	l := limits{5 * time.Minute, 24 * time.Hour}
	for wanted, want := range map[int64]time.Duration{
		1: 5 * time.Minute, 299: 5 * time.Minute, 300: 5 * time.Minute, 301: 301 * time.Second,
		86400: 24 * time.Hour, 86401: 24 * time.Hour, math.MaxInt64: 24 * time.Hour, math.MaxInt64/1000000000 + 1: 24 * time.Hour,
	} {
		if got := l.clamp(wanted); got != want {
			t.Errorf("clamp(%d) = %v, want %v", wanted, got, want)
		}
	}
}

func TestAliyun11ServerWithoutSense(t *testing.T) {
	for _, c := range []struct {
		d    directive
		want string
	}{
		{directive{Scan: 1, Pull: math.MaxInt64, Next: math.MaxInt64}, `upgrades@0s status:+@30s heartbeats:+@1m30s
			status:+@5m30s status:+@10m30s status:+@15m30s status:+@20m30s status:+@25m30s status:+@30m30s`},
		{directive{Scan: -1, Pull: math.MinInt64, Next: 0}, `upgrades@0s status:+@30s heartbeats:+@1m30s heartbeats:+@6m30s
			heartbeats:+@11m30s status:+@15m30s heartbeats:+@16m30s heartbeats:+@21m30s heartbeats:+@26m30s upgrades@30m status:+@30m30s`},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newTimeline()
			s := newServer(l, "")
			s.answer = func(context.Context, string, int) (directive, error) { return c.d, nil }
			a := prepare(t, plugins(t, "a"), s, newCommands(l))
			a.list.InitialDelay = 24 * time.Hour
			serveFor(t, a, 31*time.Minute)
			l.want(t, c.want)
		})
	}
}
