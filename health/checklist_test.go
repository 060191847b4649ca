package health_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// It holds one goroutine at most, its probe is Unhealthy, and recovers when the
// check returns.
func TestACheckThatIgnoresItsContextHarmsNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		m := newMonitor(t, health.Config{OnChange: l.changes, Concurrency: 1})
		release := make(chan struct{})
		add(t, m,
			health.Probe{Name: "hangs", Check: l.logged("hangs", hang(release))},
			health.Probe{Name: "works", Check: script("+")})
		serve(t, m)
		time.Sleep(66 * time.Second)
		l.want(t, "0s hangs", "5s works unknown>healthy 0", "25s hangs unknown>unhealthy 3")
		if p := status(t, m, "hangs"); p.Failures != 7 || p.Output != "health: an earlier run of the check has still not ended (began 1m5s ago)" {
			t.Errorf("%d failures, the last: %s", p.Failures, p.Output)
		}
		close(release)
		time.Sleep(9 * time.Second)
		l.want(t, "1m6s hangs", "1m6s hangs unhealthy>healthy 7") // at once
	})
}

// Report, CheckNow, Tick, Serve and a source that changes the instance, all mixed.
func TestAProbeNeverRunsTwiceAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMonitor(t, health.Config{Concurrency: 4})
		var running [5]atomic.Int32
		var runs atomic.Int32
		probe := func(i, instance int) health.Probe {
			return health.Probe{
				Name: fmt.Sprint("p", i), Instance: fmt.Sprint(instance), Interval: time.Duration(i+1) * time.Second, Timeout: 1500 * time.Millisecond,
				Check: func(ctx context.Context) error {
					if running[i].Add(1) > 1 {
						t.Errorf("two of p%d at once", i)
					}
					runs.Add(1)
					time.Sleep(time.Duration(i) * time.Second) // p2 and up ignore their context
					running[i].Add(-1)
					return nil
				},
			}
		}
		instance := 0
		add(t, m, probe(0, 0), probe(1, 0), health.Probe{Name: "list", Interval: 7 * time.Second, List: func(context.Context) ([]health.Probe, error) {
			instance++
			return []health.Probe{probe(2, 0), probe(3, instance), probe(4, instance/2)}, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			for ctx.Err() == nil { // Serve and no Serve, by turns
				served, stop := context.WithTimeout(ctx, 10*time.Second)
				_ = m.Serve(served)
				stop()
				time.Sleep(10 * time.Second)
			}
		})
		for i, meddle := range []func(){
			func() { _ = m.Tick(ctx) },
			func() { _ = m.CheckNow(ctx) },
			func() { _ = m.Report("p2", errSick) },
			func() { m.Remove("p4") },
			func() {
				m.Remove("p1")
				_ = m.Add(probe(1, 0))
			},
		} {
			all.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(time.Duration(i+1) * 777 * time.Millisecond)
					meddle()
				}
			})
		}
		all.Wait()
		time.Sleep(time.Minute) // those that ignore their context
		if n := runs.Load(); n < 100 {
			t.Errorf("only %d runs", n)
		}
	})
}

// To wait for a slot is not to fail, and slots come back after panics and
// timeouts.
func TestNoMoreRunAtOnceThanConcurrencySays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMonitor(t, health.Config{Concurrency: 3})
		var running atomic.Int32
		for i := range 50 {
			add(t, m, health.Probe{Name: fmt.Sprint(i), FailureThreshold: 1, Interval: time.Hour, Timeout: 2 * time.Second, Check: func(ctx context.Context) error {
				running.Add(1)
				defer running.Add(-1)
				switch i % 3 {
				case 0:
					time.Sleep(time.Second)
					return nil
				case 1:
					panic("slot")
				default:
					return obey(ctx)
				}
			}})
		}
		serve(t, m)
		time.Sleep(time.Second / 2)
		for range 14 { // (17·1s + 16·0s + 17·2s) / 3 = 17s
			if n := running.Load(); n != 3 {
				t.Errorf("%d at once", n)
			}
			time.Sleep(time.Second)
		}
		if state(t, m, "49") != health.Unknown {
			t.Error("to wait is to fail")
		}
		time.Sleep(time.Minute)
		counts := map[health.State]int{}
		for _, p := range m.Snapshot(health.Readiness).Probes {
			counts[p.State]++
		}
		if diff := cmp.Diff(map[health.State]int{health.Healthy: 17, health.Unhealthy: 33}, counts); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Once they are known to hang; here a hundred.
func TestTargetsThatHangDelayOnlyEachOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		m := newMonitor(t, health.Config{})
		for i := range 100 {
			add(t, m, health.Probe{Name: fmt.Sprint("hangs", i), Check: obey})
		}
		add(t, m, health.Probe{Name: "works", Check: l.logged("works", script("+"))})
		serve(t, m)
		time.Sleep(95 * time.Second)
		l.want(t, "30s works", "40s works", "50s works", "1m0s works", "1m10s works", "1m20s works", "1m30s works")
	})
}

// Not even the first time: 1,000 probes are spread over a second.
func TestProbesAddedTogetherDoNotStartTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMonitor(t, health.Config{Concurrency: 1000})
		var mu sync.Mutex
		tenths := map[time.Duration]int{} // started in each tenth of a second
		begun := time.Now()
		for i := range 1000 {
			err := m.Add(health.Probe{Name: fmt.Sprint(i), Check: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				tenths[time.Since(begun)/(100*time.Millisecond)]++
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		serve(t, m)
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if len(tenths) < 10 || len(tenths) > 11 { // up to 10 ms late
			t.Errorf("started in %d tenths of a second: %v", len(tenths), tenths)
		}
		for tenth, n := range tenths {
			if n > 200 {
				t.Errorf("%d of 1000 start in tenth %d", n, tenth)
			}
		}
	})
}

// One that is undone meanwhile is not told, and nobody waits for another's.
func TestAChangeThatCouldNotBeToldIsToldLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		var down atomic.Bool
		down.Store(true)
		var logged strings.Builder
		m := newMonitor(t, health.Config{
			Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})),
			OnChange: func(_ context.Context, c health.Change) error {
				if down.Load() && c.Name != "c" {
					if c.Name == "b" {
						panic("b")
					}
					return errSick
				}
				l.add("%s %v>%v %d since %v", c.Name, c.From, c.To, c.Failures, c.At.Sub(l.begun))
				return nil
			},
		})
		add(t, m,
			health.Probe{Name: "a", Check: script("---+")},
			health.Probe{Name: "b", Check: script("+---+")},
			health.Probe{Name: "c", Check: script("+")})
		serve(t, m)
		time.Sleep(38 * time.Second) // a was sick from 20s to 30s, b is since 30s
		synctest.Wait()
		l.want(t, "0s c unknown>healthy 0 since 0s")
		down.Store(false)
		time.Sleep(time.Minute)
		// They were tried at 0s, 1s, 3s, 7s, 15s and 31s; a succeeds at 30s too.
		l.want(t, "40s b unknown>healthy 3 since 40s", "40s a unknown>healthy 3 since 30s")
		synctest.Wait()
		if n := strings.Count(logged.String(), `msg="health changed"`); n != 6 {
			t.Errorf("6 changes were logged %d times:\n%s", n, &logged)
		}
		for _, want := range []string{
			`level=ERROR msg="health changed" probe=a from=unknown to=unhealthy failures=3 error=sick`,
			`level=WARN msg="OnChange failed" probe=a error=sick`,
			`level=WARN msg="OnChange failed" probe=b error="panic: b"`,
		} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, &logged)
			}
		}
	})
}

// In changes-only mode too.
func TestWhatAFailedReportHadToSayIsSaidByTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMonitor(t, health.Config{})
		add(t, m, health.Probe{Name: "a"})
		var sent []string
		down := false
		r := &health.Reporter{Monitor: m, Send: func(_ context.Context, r health.Report) error {
			if down {
				return errSick
			}
			var line []string
			for _, p := range r.Probes {
				line = append(line, p.Name+" "+p.State.String())
			}
			sent = append(sent, strings.Join(line, ", "))
			return nil
		}}
		report := func(want ...string) {
			t.Helper()
			sent = nil
			if err := r.Report(t.Context()); (err != nil) != down {
				t.Errorf("Report: %v", err)
			}
			if !slices.Equal(sent, want) {
				t.Errorf("sent %q, want %q", sent, want)
			}
		}
		tell := func(name string, errs ...error) {
			for _, err := range errs {
				if err := m.Report(name, err); err != nil {
					t.Fatal(err)
				}
			}
		}
		report("a unknown")
		report("a unknown")
		r.ChangesOnly(true)
		report()
		tell("a", nil)
		down = true
		report()
		down = false
		report("a healthy")
		tell("a", errSick, errSick) // below the threshold
		report()
		down = true
		tell("a", errSick)
		report()
		tell("a", nil) // undone before anybody was told
		down = false
		report()
		add(t, m, health.Probe{Name: "b"})
		report("a healthy, b unknown")
		m.Remove("b")
		report("a healthy")
		sent = nil
		if err := r.Force(t.Context()); err != nil || len(sent) != 1 {
			t.Errorf("Force sent %q, %v", sent, err)
		}
		r.ChangesOnly(false)
		report("a healthy")
	})
}

// One that waits can be given up, and a panic harms nobody.
func TestReporterOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sending := 0
		r := &health.Reporter{Monitor: newMonitor(t, health.Config{}), Send: func(context.Context, health.Report) error {
			if sending++; sending > 1 {
				t.Error("two at once")
			}
			time.Sleep(10 * time.Second)
			sending--
			panic("send")
		}}
		for range 3 {
			go func() {
				defer func() { _ = recover() }()
				_ = r.Report(t.Context())
			}()
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Report(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a Report that was given up: %v", err)
		}
		time.Sleep(time.Minute)
	})
}

func TestTickMakesTheSameCallbacksInTheSameOrder(t *testing.T) {
	var first []string
	for round := range 60 {
		bubble(t, func(t *testing.T) {
			l := newLog()
			m := newMonitor(t, health.Config{Concurrency: 5, OnChange: l.changes, OnResult: func(_ context.Context, r health.Result) { l.add("%s %v", r.Name, r.State) }})
			add(t, m, health.Probe{Name: "m", List: func(context.Context) (probes []health.Probe, err error) {
				for i := range 30 {
					probes = append(probes, health.Probe{
						Name: fmt.Sprintf("p%02d", 29-i), Jitter: health.NoJitter, FailureThreshold: 2, Timeout: 3 * time.Second,
						Check: func(ctx context.Context) error {
							switch i % 4 {
							case 0:
								return obey(ctx)
							case 1:
								time.Sleep(time.Second)
								return errSick
							}
							runtime.Gosched()
							return nil
						},
					})
				}
				return probes, nil
			}})
			for range 3 {
				if err := m.Tick(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
			got := l.take()
			if round == 0 {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" || len(got) < 100 {
				t.Fatalf("round %d, %d lines (-want +got):\n%s", round, len(got), diff)
			}
		})
	}
}

// What was cancelled counts for nothing.
func TestTickIsCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		m := newMonitor(t, health.Config{OnChange: l.changes, Concurrency: 1})
		for i := range 3 {
			add(t, m, health.Probe{Name: fmt.Sprint(i), FailureThreshold: 1, Check: l.logged(fmt.Sprint(i), obey)})
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errSick)
		defer cancel()
		if err := m.Tick(ctx); !errors.Is(err, errSick) {
			t.Errorf("Tick returned %v", err)
		}
		l.want(t, "0s 0")
		if err := m.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.want(t, "1s 1", "6s 2", "11s 1 unknown>unhealthy 1", "11s 2 unknown>unhealthy 1")
	})
}

// All of them are checked, due or not, and it waits for the results.
func TestCheckNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		m := newMonitor(t, health.Config{Concurrency: 2})
		for i := range 4 {
			add(t, m, health.Probe{Name: fmt.Sprint(i), InitialDelay: time.Hour, Check: func(context.Context) error {
				time.Sleep(time.Second)
				l.add("%d", i)
				return nil
			}})
		}
		add(t, m, health.Probe{Name: "passive"}, health.Probe{Name: "c:boot", Kind: health.Startup, InitialDelay: 2 * time.Hour, Check: script("-")}, health.Probe{Name: "c:held", Check: script("+")})
		check := func() {
			t.Helper()
			if err := m.CheckNow(t.Context()); err != nil {
				t.Error(err)
			}
		}
		check() // not served
		l.want(t, "1s 0", "1s 1", "2s 2", "2s 3")
		stop := serve(t, m)
		synctest.Wait()
		check()
		l.want(t, "3s 0", "3s 1", "4s 2", "4s 3")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := m.CheckNow(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("CheckNow that was given up: %v", err)
		}
		go check() // ends with Serve
		synctest.Wait()
		_ = stop()
		empty := newMonitor(t, health.Config{})
		serve(t, empty)
		synctest.Wait()
		if err := empty.CheckNow(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Readiness is the zero value: what asks for a database restarts nothing.
func TestAProbeRestartsNothingUnlessItSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMonitor(t, health.Config{})
		l := newLog()
		root(t, l, m, guarded(t, m, "web", until, health.Probe{Name: "database", Check: script("-")}))
		time.Sleep(time.Hour)
		l.want(t, "0s health started", "0s web started")
		if state(t, m, "web:database") != health.Unhealthy {
			t.Error("it is not even reported")
		}
	})
}

// For what it costs see BenchmarkProbes.
func TestEachOfTenThousandProbesRunsWhenItShould(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMonitor(t, health.Config{})
		runs := make([]int, 10_000)
		for i := range runs {
			if err := m.Add(health.Probe{Name: fmt.Sprint(i), Jitter: 0.9, Check: func(context.Context) error { runs[i]++; return nil }}); err != nil {
				t.Fatal(err)
			}
		}
		serve(t, m)
		time.Sleep(10*time.Second - 1) // the second is due after 10s at the soonest
		synctest.Wait()
		for i, n := range runs {
			if n != 1 {
				t.Fatalf("%d ran %d times", i, n)
			}
		}
		if r := m.Snapshot(health.Liveness); len(r.Probes) != 0 || r.Status != health.GradePass {
			t.Errorf("liveness: %v", r.Status)
		}
		if r := m.Snapshot(health.Readiness); r.Status != health.GradePass {
			t.Errorf("readiness: %v", r.Status)
		}
	})
}

// The callbacks panic, exit, block and call back.
func TestProbesComeAndGoUnderFire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var m *health.Monitor
		calls := 0
		meddle := func(n int) {
			name := fmt.Sprint("x", n%7)
			_ = m.Add(health.Probe{Name: name, Check: script("-")})
			m.Remove(fmt.Sprint("x", (n+3)%7))
			_ = m.Report(name, nil)
			_ = m.Tick(t.Context())
			m.Snapshot(health.Readiness)
		}
		m = newMonitor(t, health.Config{
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
				return m.CheckNow(ctx)
			},
			OnResult: func(context.Context, health.Result) { panic("result") },
		})
		stop := serve(t, m)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for n := range 100 {
					time.Sleep(time.Duration(100+n*i) * time.Millisecond)
					meddle(n + i)
					c, err := m.Guard(fmt.Sprint("g", i), tend.Func("", func(ctx context.Context) error {
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
		for _, p := range m.Snapshot(health.Readiness).Probes {
			if strings.HasPrefix(p.Name, "g") {
				t.Errorf("%s is left", p.Name)
			}
		}
		if calls < 20 {
			t.Errorf("only %d changes told", calls)
		}
	})
}

// It misses results and is told how many; changes go first and the probes do not
// notice.
func TestSlowOnResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		m := newMonitor(t, health.Config{OnChange: l.changes, OnResult: func(ctx context.Context, r health.Result) {
			l.add("%s result %d, missed %d, at %v, %v", r.Name, r.Streak, r.Missed, r.At.Sub(l.begun), r.Text())
			select {
			case <-time.After(24 * time.Second):
			case <-ctx.Done():
			}
		}})
		add(t, m, health.Probe{Name: "p", Check: script("---+")})
		serve(t, m)
		time.Sleep(70 * time.Second)
		l.wantInOrder(t, "0s p result 1, missed 0, at 0s, sick",
			"24s p unknown>unhealthy 3", "24s p result 3, missed 1, at 20s, sick",
			"48s p unhealthy>healthy 3", "48s p result 2, missed 1, at 40s, ")
	})
}

// What ignores its context holds up the end for a second, is named, and is not
// started again before it returns.
func TestServeAbandons(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		var logged strings.Builder
		release := make(chan struct{})
		m := newMonitor(t, health.Config{
			Logger:   slog.New(slog.NewTextHandler(&logged, nil)),
			OnChange: func(context.Context, health.Change) error { <-release; return nil },
		})
		add(t, m, health.Probe{Name: "hangs", Check: l.logged("hangs", hang(release))}, health.Probe{Name: "works", Check: l.logged("works", script("+"))})
		stop := serve(t, m)
		time.Sleep(time.Second)
		_ = stop()
		l.add("stopped")
		stop = serve(t, m)
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
