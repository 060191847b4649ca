package health_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend/health"
)

// It holds one goroutine at most, its probe is Unhealthy, and recovers when the
// check returns.
func TestACheckThatIgnoresItsContextHarmsNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLog()
		prober := newProber(t, health.Config{OnChange: l.changes, Concurrency: 1})
		release := make(chan struct{})
		add(t, prober,
			health.Probe{Name: "hangs", Check: l.logged("hangs", hang(release))},
			health.Probe{Name: "works", Check: script("+")})
		serve(t, prober)
		time.Sleep(66 * time.Second)
		l.want(t, "0s hangs", "5s works unknown>healthy 0", "25s hangs unknown>unhealthy 3")
		if p := status(t, prober, "hangs"); p.Failures != 7 || p.Output != "an earlier run of the check has still not ended (began 1m5s ago)" {
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
		prober := newProber(t, health.Config{Concurrency: 4})
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
		add(t, prober, probe(0, 0), probe(1, 0), health.Probe{Name: "list", Interval: 7 * time.Second, List: func(context.Context) ([]health.Probe, error) {
			instance++
			return []health.Probe{probe(2, 0), probe(3, instance), probe(4, instance/2)}, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			for ctx.Err() == nil { // Serve and no Serve, by turns
				served, stop := context.WithTimeout(ctx, 10*time.Second)
				_ = prober.Serve(served)
				stop()
				time.Sleep(10 * time.Second)
			}
		})
		for i, meddle := range []func(){
			func() { _ = prober.Tick(ctx) },
			func() { _ = prober.CheckNow(ctx) },
			func() { _ = prober.Report("p2", errSick) },
			func() { prober.Remove("p4") },
			func() {
				prober.Remove("p1")
				_ = prober.Add(probe(1, 0))
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
		prober := newProber(t, health.Config{Concurrency: 3})
		var running atomic.Int32
		for i := range 50 {
			add(t, prober, health.Probe{Name: fmt.Sprint(i), FailureThreshold: 1, Interval: time.Hour, Timeout: 2 * time.Second, Check: func(ctx context.Context) error {
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
		serve(t, prober)
		time.Sleep(time.Second / 2)
		for range 14 { // (17·1s + 16·0s + 17·2s) / 3 = 17s
			if n := running.Load(); n != 3 {
				t.Errorf("%d at once", n)
			}
			time.Sleep(time.Second)
		}
		if state(t, prober, "49") != health.Unknown {
			t.Error("to wait is to fail")
		}
		time.Sleep(time.Minute)
		counts := map[health.State]int{}
		for _, p := range prober.Snapshot(health.Readiness).Probes {
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
		prober := newProber(t, health.Config{})
		for i := range 100 {
			add(t, prober, health.Probe{Name: fmt.Sprint("hangs", i), Check: obey})
		}
		add(t, prober, health.Probe{Name: "works", Check: l.logged("works", script("+"))})
		serve(t, prober)
		time.Sleep(95 * time.Second)
		l.want(t, "30s works", "40s works", "50s works", "1m0s works", "1m10s works", "1m20s works", "1m30s works")
	})
}

// Not even the first time: 1,000 probes are spread over a second.
func TestProbesAddedTogetherDoNotStartTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{Concurrency: 1000})
		var mu sync.Mutex
		tenths := map[time.Duration]int{} // started in each tenth of a second
		begun := time.Now()
		for i := range 1000 {
			err := prober.Add(health.Probe{Name: fmt.Sprint(i), Check: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				tenths[time.Since(begun)/(100*time.Millisecond)]++
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		serve(t, prober)
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

// For what it costs see BenchmarkProbes.
func TestEachOfTenThousandProbesRunsWhenItShould(t *testing.T) {
	bubble(t, func(t *testing.T) {
		prober := newProber(t, health.Config{})
		runs := make([]int, 10_000)
		for i := range runs {
			if err := prober.Add(health.Probe{Name: fmt.Sprint(i), Jitter: 0.9, Check: func(context.Context) error { runs[i]++; return nil }}); err != nil {
				t.Fatal(err)
			}
		}
		serve(t, prober)
		time.Sleep(10*time.Second - 1) // the second is due after 10s at the soonest
		synctest.Wait()
		for i, n := range runs {
			if n != 1 {
				t.Fatalf("%d ran %d times", i, n)
			}
		}
		if r := prober.Snapshot(health.Liveness); len(r.Probes) != 0 || r.Status != health.GradePass {
			t.Errorf("liveness: %v", r.Status)
		}
		if r := prober.Snapshot(health.Readiness); r.Status != health.GradePass {
			t.Errorf("readiness: %v", r.Status)
		}
	})
}
