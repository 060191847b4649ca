package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Three days, to the nanosecond: scans, pulls, upgrade checks and lists.
func TestThreeDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		a := prepare(t, plugins(t, "a", "b"), newServer(l, ""), newCommands(l))
		const days = 72 * time.Hour
		serveFor(t, a, days-1)

		type event struct {
			at   time.Duration
			what string
		}
		var all []event
		every := func(what string, first, interval time.Duration) {
			for at := first; at < days; at += interval {
				all = append(all, event{at, what})
			}
		}
		every("status:++", 30*time.Second, 15*time.Minute)
		every("heartbeats:++", 90*time.Second, 5*time.Minute)
		every("upgrades", 0, 30*time.Minute)
		every("plugins", 3*time.Minute, 24*time.Hour)
		slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
		var want []string
		for _, e := range all {
			want = append(want, at(e.what, e.at))
		}
		l.wantLines(t, want)
	})
}

// A pull that is due less than a minute after the scan waits, one that is due less
// than a minute before it skips its turn.
func TestScanAndPullStayApart(t *testing.T) {
	for name, c := range map[string]struct {
		pull time.Duration
		want string
	}{
		"waits": {40 * time.Second, `status:+@30s heartbeats:+@1m30s heartbeats:+@5m40s heartbeats:+@10m40s
			status:+@15m30s heartbeats:+@16m30s heartbeats:+@20m40s heartbeats:+@25m40s`},
		"skips": {20 * time.Second, `status:+@30s heartbeats:+@5m20s heartbeats:+@10m20s
			status:+@15m30s heartbeats:+@20m20s heartbeats:+@25m20s`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTimeline()
				s := newServer(newTimeline(), "")
				s.answer = func(_ context.Context, path string, _ int) (directive, error) {
					if path == scanPath || path == pullPath {
						l.add("%s:+", path[1:])
					}
					return directive{}, nil
				}
				a := prepare(t, plugins(t, "a"), s, newCommands(l))
				a.pull.InitialDelay = c.pull
				serveFor(t, a, 30*time.Minute)
				l.want(t, c.want)
			})
		})
	}
}

// A week in which the server changes its mind all the time: scans and pulls are
// never less than a minute apart.
func TestScanAndPullStayApartForAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		var mu sync.Mutex
		last := map[string]time.Time{}
		count := map[string]int{}
		s := newServer(newTimeline(), "")
		s.answer = func(_ context.Context, path string, _ int) (directive, error) {
			mu.Lock()
			defer mu.Unlock()
			other := map[string]string{scanPath: pullPath, pullPath: scanPath}[path]
			if d := time.Since(last[other]); other != "" && d < time.Minute {
				t.Errorf("%s %v after %s", path, d, other)
			}
			last[path] = time.Now()
			count[path]++
			return directive{Scan: r.Int64N(3600), Pull: r.Int64N(1200), Next: r.Int64N(7200)}, nil
		}
		serveFor(t, prepare(t, plugins(t, "a"), s, newCommands(newTimeline())), 7*24*time.Hour)
		if count[scanPath] < 7*24 || count[pullPath] < 7*24*3 {
			t.Errorf("%v reports in a week", count)
		}
	})
}

// A dead plugin is started again after its delay, the others are left alone, and
// the next scan finds it running.
func TestDeadPluginIsStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(l)
		after(20*time.Minute, func() { c.set("b", true) })
		serveFor(t, prepare(t, plugins(t, "a", "b", "c"), newServer(l, scanPath), c), time.Hour)
		l.want(t, "status:+++@30s status:+++@15m30s status:++@30m30s start-b@30m34s status:+@30m34s status:+++@45m30s")
	})
}

// The delay is up to ten seconds.
func TestDelayBeforeAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most time.Duration
		a, err := newAgent(nil, newServer(newTimeline(), ""), newCommands(newTimeline()), usual, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := a.starters.hire("a")
		for range 10000 {
			d := s.delay()
			if most = max(most, d); d < 0 || d > 10*time.Second {
				t.Fatalf("the delay is %v", d)
			}
		}
		if most < 9*time.Second {
			t.Errorf("the longest of 10000 is %v", most)
		}
	})
}

// The first runs are spread, so that a fleet does not ask its server all at once.
func TestFirstRunsAreSpread(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			s := newServer(newTimeline(), "")
			s.answer = func(_ context.Context, path string, times int) (directive, error) {
				bounds := map[string]limits{
					scanPath: {0, time.Minute}, pullPath: {time.Minute, 3 * time.Minute},
					listPath: {3 * time.Minute, 4 * time.Minute}, upgradePath: {0, 0},
				}[path]
				if d := time.Since(start); d < bounds.least || d > bounds.most {
					t.Errorf("the first %s after %v", path, d)
				}
				return directive{}, nil
			}
			list := plugins(t, "a")
			a, err := newAgent(func() ([]plugin, error) { return list, nil }, s, newCommands(newTimeline()), usual, silent())
			if err != nil {
				t.Fatal(err)
			}
			serveFor(t, a, 4*time.Minute)
		})
	}
}

// A start that fails, or takes longer than it may, is made again by the next scan.
func TestStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(l, "a")
		n := 0
		c.onStart = func(ctx context.Context, _ plugin) error {
			switch n++; n {
			case 1:
				return errDead
			case 2:
				<-ctx.Done()
				l.add("(%v)", context.Cause(ctx))
				return ctx.Err()
			}
			return nil
		}
		serveFor(t, prepare(t, plugins(t, "a"), newServer(l, scanPath), c), 50*time.Minute)
		l.wantLines(t, []string{
			"start-a@34s", "failed-a@34s", "status:-@34s",
			"start-a@15m34s", "(not started within 1m0s)@16m34s", "failed-a@16m34s", "status:-@16m34s",
			"start-a@30m34s", "status:+@30m34s",
			"status:+@45m30s",
		})
	})
}

// A status command that hangs is dead after two minutes; the other plugins are
// asked meanwhile, and so are the heartbeats.
func TestStatusHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		c := newCommands(l)
		c.onStatus = func(ctx context.Context, p plugin) error {
			if p.Name == "a" {
				<-ctx.Done()
				return ctx.Err()
			}
			l.add("asked-%s", p.Name)
			return nil
		}
		s := newServer(l, "")
		a := prepare(t, plugins(t, "a", "b"), s, c)
		a.upgrade.InitialDelay, a.list.InitialDelay = time.Hour, time.Hour
		serveFor(t, a, 5*time.Minute)
		l.want(t, "asked-b@30s heartbeats:++@1m30s status:+@2m30s start-a@2m34s status:+@2m34s")
	})
}

// The list is sent once a day, and until it is: tomorrow would be late.
func TestListIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := newServer(l, listPath)
		s.answer = func(_ context.Context, path string, times int) (directive, error) {
			if path == listPath && times <= 8 {
				return directive{}, errDown
			}
			return directive{}, nil
		}
		serveFor(t, prepare(t, plugins(t, "a"), s, newCommands(l)), 50*time.Hour)
		l.want(t, `plugins!@3m plugins!@4m plugins!@6m plugins!@10m plugins!@18m plugins!@34m plugins!@1h6m
			plugins!@2h6m plugins@3h6m plugins@24h3m plugins@48h3m`)
	})
}

// What the server says about intervals counts at once, also for a turn that is
// being waited for.
func TestServerSetsIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline()
		s := newServer(l, "")
		s.answer = func(_ context.Context, path string, times int) (directive, error) {
			switch {
			case path == pullPath && times == 2: // at 6m30s: scan at 7m30s, in 30s … 5m
				return directive{Scan: 420, Pull: 600}, nil
			case path == upgradePath:
				return directive{Next: 900}, nil
			}
			return directive{}, nil
		}
		a := prepare(t, plugins(t, "a"), s, newCommands(l))
		a.list.InitialDelay = 24 * time.Hour
		serveFor(t, a, 30*time.Minute)
		l.want(t, `upgrades@0s status:+@30s heartbeats:+@1m30s heartbeats:+@6m30s status:+@7m30s
			status:+@14m30s upgrades@15m heartbeats:+@16m30s status:+@21m30s heartbeats:+@26m30s status:+@28m30s upgrades@30m`)
	})
}
