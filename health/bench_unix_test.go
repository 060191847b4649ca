//go:build unix

package health_test

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// BenchmarkProbes is what it costs to run that many probes every 10 seconds, for a
// check that does nothing: the share of one core, and the heap per probe. An
// operation is a second of it.
func BenchmarkProbes(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before := heap()
			prober := newProber(b, health.Config{})
			for i := range n { // spread evenly
				add(b, prober, health.Probe{Name: fmt.Sprint(i), Check: nothing, InitialDelay: time.Duration(i) * health.DefaultInterval / time.Duration(n)})
			}
			bytes := heap() - before
			serve(b, prober)
			begun, used := time.Now(), cpu(b)
			for b.Loop() {
				time.Sleep(time.Second)
			}
			share := float64(cpu(b)-used) / float64(time.Since(begun))
			b.ReportMetric(100*share, "%core")
			b.ReportMetric(float64(n)/health.DefaultInterval.Seconds(), "probes/s")
			b.ReportMetric(float64(bytes)/float64(n), "B/probe")
		})
	}
}

func nothing(context.Context) error { return nil }

// cpu is the time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc) //nolint:gosec // far from overflowing
}

// BenchmarkTick is a round of 1,000 probes, callbacks included.
func BenchmarkTick(b *testing.B) {
	prober := newProber(b, health.Config{OnResult: func(context.Context, health.Result) {}})
	for i := range 1000 {
		add(b, prober, health.Probe{Name: fmt.Sprint(i), Check: nothing})
	}
	for b.Loop() {
		if err := prober.CheckNow(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBeat is what a guarded loop pays for its heartbeat.
func BenchmarkBeat(b *testing.B) {
	prober := newProber(b, health.Config{})
	serve(b, prober)
	guarded := guarded(b, prober, "g", tend.Func("", func(ctx context.Context) error {
		for b.Loop() {
			health.Beat(ctx)
		}
		return nil
	}), health.Probe{Name: "beat", Kind: health.Liveness, MaxAge: time.Minute})
	if err := guarded.Serve(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHandler is a request for /readyz by a stranger, and one with details.
func BenchmarkHandler(b *testing.B) {
	prober := newProber(b, health.Config{})
	for i := range 10_000 {
		add(b, prober, health.Probe{Name: fmt.Sprint(i)})
	}
	serve(b, prober)
	b.Run("brief", func(b *testing.B) {
		h := prober.Handler(health.Readiness, nil)
		for b.Loop() {
			ask(h, "GET")
		}
	})
	b.Run("verbose", func(b *testing.B) {
		h := prober.Handler(health.Readiness, everybody)
		for b.Loop() {
			ask(h, "GET")
		}
	})
}
