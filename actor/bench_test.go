package actor_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
)

// benchServe serves a tree of these actors; events go to a hook that does nothing.
func benchServe(b *testing.B, services ...tend.Service) *tend.Supervisor {
	b.Helper()
	s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}, FailureThreshold: math.MaxFloat64})
	for _, svc := range services {
		s.Add(svc)
	}
	s.ServeBackground(b.Context())
	b.Cleanup(s.Stop)
	return s
}

// counting makes a Spec whose handlers count, and say when that is done.
func counting(want int, done chan<- struct{}) *actor.Spec[int] {
	var n atomic.Int64
	h := actor.Func[int](func(context.Context, int) error {
		if n.Add(1)%int64(want) == 0 {
			done <- struct{}{}
		}
		return nil
	})
	return &actor.Spec[int]{Mailbox: 1024, New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) { return h, nil }}
}

// BenchmarkSend is one message, beside a channel with a goroutine.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 8} {
		b.Run(fmt.Sprintf("actor/%d", senders), func(b *testing.B) {
			done := make(chan struct{}, 1)
			a := actor.New("a", counting(b.N/senders*senders, done))
			benchServe(b, a)
			b.ResetTimer()
			for range senders {
				go func() {
					for i := range b.N / senders {
						if a.Send(b.Context(), i) != nil {
							panic("gone")
						}
					}
				}()
			}
			if b.N >= senders {
				<-done
			}
		})
		b.Run(fmt.Sprintf("channel/%d", senders), func(b *testing.B) {
			c, done := make(chan int, 1024), make(chan struct{})
			go func() {
				for range b.N / senders * senders {
					<-c
				}
				close(done)
			}()
			b.ResetTimer()
			for range senders {
				go func() {
					for i := range b.N / senders {
						c <- i
					}
				}()
			}
			<-done
		})
	}
}

// BenchmarkRing is a message that goes round through a thousand actors: each has a turn for it alone.
func BenchmarkRing(b *testing.B) {
	const n = 1000
	done := make(chan struct{}, 1)
	ring := make([]*actor.Actor[int], n)
	services := make([]tend.Service, n)
	for i := range ring {
		spec := &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			return actor.Func[int](func(ctx context.Context, left int) error {
				if left == 0 {
					done <- struct{}{}
					return nil
				}
				return ring[(i+1)%n].Send(ctx, left-1)
			}), nil
		}}
		ring[i] = actor.New("a", spec)
		services[i] = ring[i]
	}
	benchServe(b, services...)
	b.ResetTimer()
	_ = ring[0].TrySend(b.N)
	<-done
}

// BenchmarkIdle tells how much an idle actor takes, and how long it takes to add and stop.
func BenchmarkIdle(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		begun := make(chan struct{}, 1)
		var news atomic.Int64
		h := actor.Func[int](func(context.Context, int) error { return nil })
		spec := &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
			if news.Add(1) == n {
				begun <- struct{}{}
			}
			return h, nil
		}}
		s := tend.New("root", tend.Spec{EventHook: func(tend.Event) {}})
		s.ServeBackground(b.Context())
		before := inUse()
		began := time.Now()
		for range n {
			s.Add(actor.New("a", spec))
		}
		<-begun
		b.ReportMetric(float64(time.Since(began))/n, "ns/add")
		b.ReportMetric(float64(inUse()-before)/n, "B/actor")
		began = time.Now()
		s.Stop()
		b.ReportMetric(float64(time.Since(began))/n, "ns/stop")
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// BenchmarkOnce is a message to each of many idle actors.
func BenchmarkOnce(b *testing.B) {
	const n = 100_000
	done := make(chan struct{}, 1)
	spec := counting(n, done)
	actors := make([]*actor.Actor[int], n)
	services := make([]tend.Service, n)
	for i := range actors {
		actors[i] = actor.New("a", spec)
		services[i] = actors[i]
	}
	benchServe(b, services...)
	b.ResetTimer()
	for range b.N / n {
		for i, a := range actors {
			if a.TrySend(i) != nil {
				panic("gone")
			}
		}
		<-done
	}
}

// BenchmarkGroup tells what a member takes, how long it takes to make one by a message, to
// send to one that is there, and until all sleep.
func BenchmarkGroup(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		handled := make(chan struct{}, 1)
		var count atomic.Int64
		h := actor.Func[int](func(context.Context, int) error {
			if count.Add(1)%n == 0 {
				handled <- struct{}{}
			}
			return nil
		})
		g := actor.NewGroup("g", actor.GroupSpec[uint64, int]{New: func(context.Context, *actor.Actor[int], uint64) (actor.Handler[int], error) {
			return h, nil
		}})
		s := benchServe(b, g)
		before := inUse()
		round := func(unit string) {
			began := time.Now()
			for key := range uint64(n) {
				if err := g.To(key).TrySend(1); err != nil {
					b.Fatal(err)
				}
			}
			<-handled
			b.ReportMetric(float64(time.Since(began))/n, unit)
		}
		round("ns/make")
		b.ReportMetric(float64(inUse()-before)/n, "B/member")
		round("ns/send")
		s.Stop()
	}
}
