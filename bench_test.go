package tend_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tend-go/tend"
)

// The benchmarks of the core, each beside the limit: what a goroutine with a
// cancellable context of its own costs for the same work, "raw". The module
// benchmarks compares with other libraries.
//
//	go test -run '^$' -bench . -short   # up to 100,000 services
//	go test -run '^$' -bench 'Add/one/1000000' -benchtime 3x

// benchSizes runs f for each number of services.
func benchSizes(b *testing.B, sizes []int, f func(b *testing.B, n int)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 1e5 && testing.Short() {
				b.Skip("too big for -short")
			}
			f(b, n)
		})
	}
}

var thousandToMillion = []int{1e3, 1e4, 1e5, 1e6}

// benchSpec is for supervisors that restart without end and are listened to by a
// hook that does nothing.
func benchSpec() tend.Spec {
	return tend.Spec{FailureThreshold: math.MaxFloat64, Timeout: time.Hour, EventHook: func(tend.Event) {}}
}

// benchIdler is a service, or many, that does nothing until it is stopped.
type benchIdler struct {
	begun, ended atomic.Int64
	want         int64
	all          chan struct{} // closed when want have begun
}

func newBenchIdler(want int) *benchIdler {
	return &benchIdler{want: int64(want), all: make(chan struct{})}
}

func (s *benchIdler) String() string { return "idle" }

func (s *benchIdler) Serve(ctx context.Context) error {
	if s.begun.Add(1) == s.want {
		close(s.all)
	}
	<-ctx.Done()
	s.ended.Add(1)
	return nil
}

// benchTree is a supervisor, or the limit, with idle services.
type benchTree interface {
	start()
	add(svc tend.Service)
	remove(i int) // of those added before from one goroutine; waits
	stop()
}

// supervised is a benchTree with tend.
type supervised struct {
	sup    *tend.Supervisor
	tokens []tend.ServiceToken
}

func newSupervised(spec tend.Spec) *supervised {
	return &supervised{sup: tend.New("root", spec)}
}

func (t *supervised) start()               { t.sup.ServeBackground(context.Background()) }
func (t *supervised) add(svc tend.Service) { t.sup.Add(svc) }
func (t *supervised) remove(i int)         { _ = t.sup.RemoveAndWait(context.Background(), t.tokens[i]) }
func (t *supervised) stop()                { t.sup.Stop() }

func (t *supervised) fill(svc tend.Service, n int) {
	for range n {
		t.tokens = append(t.tokens, t.sup.Add(svc))
	}
}

// unsupervised is the limit.
type unsupervised struct {
	mu      sync.Mutex // what else? there are eight adders
	waiting []tend.Service
	started bool
	runs    []unsupervisedRun
	wg      sync.WaitGroup
}

type unsupervisedRun struct {
	cancel context.CancelFunc
	ended  chan struct{} // nil: nobody waits for it alone
}

func (t *unsupervised) start() {
	t.started = true
	for _, svc := range t.waiting {
		t.launch(svc, nil)
	}
}

func (t *unsupervised) add(svc tend.Service) {
	if !t.started {
		t.waiting = append(t.waiting, svc)
		return
	}
	t.launch(svc, nil)
}

func (t *unsupervised) launch(svc tend.Service, ended chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	t.mu.Lock()
	t.runs = append(t.runs, unsupervisedRun{cancel, ended})
	t.mu.Unlock()
	t.wg.Go(func() {
		_ = svc.Serve(ctx)
		if ended != nil {
			close(ended)
		}
	})
}

func (t *unsupervised) fill(svc tend.Service, n int) {
	for range n {
		t.launch(svc, make(chan struct{}))
	}
}

func (t *unsupervised) remove(i int) {
	t.runs[i].cancel()
	<-t.runs[i].ended
}

func (t *unsupervised) stop() {
	for _, r := range t.runs {
		r.cancel()
	}
	t.wg.Wait()
}

// besides runs f with tend and with the limit, of which it makes as many as it needs.
func besides(b *testing.B, f func(b *testing.B, tree func() benchTree)) {
	b.Run("tend", func(b *testing.B) { f(b, func() benchTree { return newSupervised(benchSpec()) }) })
	b.Run("raw", func(b *testing.B) { f(b, func() benchTree { return &unsupervised{} }) })
}

// per reports the time of a round for each of n.
func per(b *testing.B, n int, what string) {
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(n), "ns/"+what)
}

// BenchmarkAdd adds idle services and waits until all run.
func BenchmarkAdd(b *testing.B) {
	b.Run("one", func(b *testing.B) { benchAdd(b, 1, true) })
	b.Run("eight", func(b *testing.B) { benchAdd(b, 8, true) })
	b.Run("before", func(b *testing.B) { benchAdd(b, 1, false) })
}

func benchAdd(b *testing.B, adders int, running bool) {
	benchSizes(b, thousandToMillion, func(b *testing.B, n int) {
		besides(b, func(b *testing.B, tree func() benchTree) {
			for b.Loop() {
				t, svc := tree(), newBenchIdler(n)
				if running {
					t.start()
				}
				inParallel(adders, n, func(int) { t.add(svc) })
				if !running {
					t.start()
				}
				<-svc.all
				b.StopTimer()
				t.stop()
				b.StartTimer()
			}
			per(b, n, "service")
		})
	})
}

// inParallel calls f with 0 … n-1 from so many goroutines.
func inParallel(goroutines, n int, f func(i int)) {
	if goroutines == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < n; i += goroutines {
				f(i)
			}
		})
	}
	wg.Wait()
}

// BenchmarkMemory tells how much an idle service takes, heap and stack. Only the
// first one in a process is right: goroutines that have ended leave their records
// to the next.
//
//	go test -run '^$' -bench 'Memory/100000/tend$' -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	benchSizes(b, thousandToMillion, func(b *testing.B, n int) {
		besides(b, benchMemory(n))
		b.Run("tend without labels", func(b *testing.B) {
			spec := benchSpec()
			spec.NoLabels = true
			benchMemory(n)(b, func() benchTree { return newSupervised(spec) })
		})
	})
}

func benchMemory(n int) func(*testing.B, func() benchTree) {
	return func(b *testing.B, tree func() benchTree) {
		var all uint64
		for b.Loop() {
			t, svc := tree(), newBenchIdler(n)
			t.start()
			began := inUse()
			for range n {
				t.add(svc)
			}
			<-svc.all
			all += inUse() - began
			b.StopTimer()
			t.stop()
			b.StartTimer()
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(all)/float64(b.N)/float64(n), "B/service")
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// BenchmarkRestart is one service that fails at once, again and again: the time
// from the end of a run to the beginning of the next. Its siblings are idle.
func BenchmarkRestart(b *testing.B) {
	for _, how := range benchFailures {
		b.Run(how.name, func(b *testing.B) {
			benchSizes(b, []int{0, 1e4, 1e6}, func(b *testing.B, n int) {
				b.Run("tend", func(b *testing.B) { benchRestart(b, n, how.fail) })
			})
			b.Run("raw", func(b *testing.B) {
				svc := &benchFailer{b: b, fail: how.fail, done: make(chan struct{})}
				loop(b.Context(), svc)
				svc.report()
			})
		})
	}
}

var errBench = errors.New("failed")

var benchFailures = []struct {
	name string
	fail func() error
}{
	{"error", func() error { return errBench }},
	{"panic", func() error { panic("failed") }},
}

func benchRestart(b *testing.B, siblings int, fail func() error) {
	t, idle := newSupervised(benchSpec()), newBenchIdler(siblings)
	t.start()
	t.fill(idle, siblings)
	if siblings > 0 {
		<-idle.all
	}
	svc := &benchFailer{b: b, fail: fail, done: make(chan struct{})}
	t.add(svc)
	<-svc.done
	svc.report()
	t.stop()
}

// loop is the limit of restarting: in the same goroutine, with a new context.
func loop(ctx context.Context, svc *benchFailer) {
	for !svc.over {
		func() {
			defer func() {
				if v := recover(); v != nil {
					var pcs [64]uintptr
					_ = slices.Clone(pcs[:runtime.Callers(2, pcs[:])])
				}
			}()
			again, cancel := context.WithCancel(ctx)
			defer cancel()
			if svc.over {
				return
			}
			_ = svc.serve(again)
		}()
	}
}

// benchFailer makes each run of the service a round of the benchmark.
type benchFailer struct {
	b      *testing.B
	fail   func() error
	failed time.Time
	took   []time.Duration
	over   bool
	done   chan struct{}
}

func (s *benchFailer) String() string { return "failer" }

func (s *benchFailer) Serve(ctx context.Context) error {
	err := s.serve(ctx)
	if s.over {
		close(s.done)
		<-ctx.Done()
	}
	return err
}

// serve is called by one goroutine after another, as b.Loop must be.
func (s *benchFailer) serve(context.Context) error {
	if !s.failed.IsZero() {
		s.took = append(s.took, time.Since(s.failed))
	}
	if !s.b.Loop() {
		s.over = true
		return nil
	}
	s.failed = time.Now()
	return s.fail()
}

func (s *benchFailer) report() {
	slices.Sort(s.took)
	if n := len(s.took); n > 0 {
		s.b.ReportMetric(float64(s.took[n*99/100]), "ns/p99")
	}
}

// BenchmarkRestartAll is 10,000 services that fail at once, until all run again.
func BenchmarkRestartAll(b *testing.B) {
	const n = 10_000
	for _, how := range benchFailures {
		b.Run(how.name, func(b *testing.B) {
			var runs atomic.Int64
			all := make(chan struct{}, 1)
			var wave atomic.Pointer[chan struct{}]
			first := make(chan struct{})
			wave.Store(&first)
			t := newSupervised(benchSpec())
			t.start()
			t.fill(tend.Func("waver", func(ctx context.Context) error {
				mine := *wave.Load()
				if runs.Add(1)%n == 0 {
					all <- struct{}{}
				}
				select {
				case <-mine:
					return how.fail()
				case <-ctx.Done():
					return nil
				}
			}), n)
			<-all
			for b.Loop() {
				next := make(chan struct{})
				close(*wave.Swap(&next))
				<-all
			}
			per(b, n, "restart")
			t.stop()
		})
	}
}

// BenchmarkStop stops idle services, all at once.
func BenchmarkStop(b *testing.B) {
	benchSizes(b, thousandToMillion, func(b *testing.B, n int) {
		besides(b, func(b *testing.B, tree func() benchTree) {
			for b.Loop() {
				b.StopTimer()
				t, svc := tree(), newBenchIdler(n)
				t.start()
				for range n {
					t.add(svc)
				}
				<-svc.all
				b.StartTimer()
				t.stop()
				if svc.ended.Load() != int64(n) {
					b.Fatal("not all have ended")
				}
			}
			per(b, n, "service")
		})
	})
}

// BenchmarkRemoveAndWait takes services out of 100,000, in no order.
func BenchmarkRemoveAndWait(b *testing.B) {
	const n = 100_000
	for _, removers := range []int{1, 8} {
		b.Run(fmt.Sprint(removers), func(b *testing.B) {
			besides(b, func(b *testing.B, tree func() benchTree) {
				const each = 100
				order := rand.New(rand.NewPCG(1, 2)).Perm(n)
				var t benchTree
				var svc *benchIdler
				next := n // none are left
				for b.Loop() {
					if next == n {
						b.StopTimer()
						if t != nil {
							t.stop()
						}
						t, svc, next = tree(), newBenchIdler(n), 0
						t.start()
						t.(interface{ fill(tend.Service, int) }).fill(svc, n)
						<-svc.all
						b.StartTimer()
					}
					inParallel(removers, each, func(i int) { t.remove(order[next+i]) })
					next += each
					if svc.ended.Load() != int64(next) {
						b.Fatal("not all have ended")
					}
				}
				per(b, each, "removal")
				t.stop()
			})
		})
	}
}

// BenchmarkStatus takes the status of 100,000 services, and lists them.
func BenchmarkStatus(b *testing.B) {
	const n = 100_000
	t, svc := newSupervised(benchSpec()), newBenchIdler(n)
	t.start()
	t.fill(svc, n)
	<-svc.all
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			if got := len(t.sup.Status().Services); got != n {
				b.Fatal(got)
			}
		}
		per(b, n, "service")
	})
	b.Run("services", func(b *testing.B) {
		for b.Loop() {
			if got := len(t.sup.Services()); got != n {
				b.Fatal(got)
			}
		}
		per(b, n, "service")
	})
	t.stop()
}

// BenchmarkTree builds, starts and stops supervisors with eight below each, six
// levels of them, and idle services below the last.
func BenchmarkTree(b *testing.B) {
	const fanOut = 8
	for _, levels := range []int{3, 6} {
		leaves := 1
		for range levels {
			leaves *= fanOut
		}
		b.Run(fmt.Sprint(levels), func(b *testing.B) {
			if levels == 6 && testing.Short() {
				b.Skip("too big for -short")
			}
			b.Run("tend", func(b *testing.B) {
				for b.Loop() {
					svc := newBenchIdler(leaves)
					root := tend.New("root", benchSpec())
					growTree(root, svc, levels, fanOut)
					root.ServeBackground(b.Context())
					<-svc.all
					root.Stop()
				}
				per(b, leaves, "service")
			})
			b.Run("raw", func(b *testing.B) {
				for b.Loop() {
					svc := newBenchIdler(leaves)
					ctx, cancel := context.WithCancel(b.Context())
					var wg sync.WaitGroup
					wg.Go(func() { growRaw(ctx, svc, levels, fanOut) })
					<-svc.all
					cancel()
					wg.Wait()
				}
				per(b, leaves, "service")
			})
		})
	}
}

// growTree puts levels-1 more levels of supervisors below sup.
func growTree(sup *tend.Supervisor, svc tend.Service, levels, fanOut int) {
	for range fanOut {
		if levels == 1 {
			sup.Add(svc)
			continue
		}
		spec := benchSpec()
		spec.EventHook = nil // events go up
		child := tend.New("node", spec)
		sup.Add(child)
		growTree(child, svc, levels-1, fanOut)
	}
}

// growRaw is a goroutine of the limit, which waits for those below it.
func growRaw(ctx context.Context, svc tend.Service, levels, fanOut int) {
	var wg sync.WaitGroup
	for range fanOut {
		below, cancel := context.WithCancel(ctx)
		wg.Go(func() {
			defer cancel()
			if levels == 1 {
				_ = svc.Serve(below)
				return
			}
			growRaw(below, svc, levels-1, fanOut)
		})
	}
	wg.Wait()
}

// BenchmarkReason is what telling of an error costs at some depth of a tree in which
// nobody redacts, and in one whose root does.
func BenchmarkReason(b *testing.B) {
	for _, redact := range []func(string) string{nil, func(text string) string { return text }} {
		for _, depth := range []int{1, 8} {
			b.Run(fmt.Sprintf("redact=%v/depth=%d", redact != nil, depth), func(b *testing.B) {
				s := tend.New("root", tend.Spec{Redact: redact})
				for range depth - 1 {
					below := tend.New("below", tend.Spec{})
					s.Add(below)
					s = below
				}
				for b.Loop() {
					_ = s.Reason(errBench)
				}
			})
		}
	}
}
