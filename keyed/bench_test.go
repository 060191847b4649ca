package keyed_test

import (
	"context"
	"sync"
	"testing"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/keyed"
)

// What is put beside: a map with a mutex and bare goroutines, which knows no failures and
// waits for each that it stops.
type bare struct {
	mu    sync.Mutex
	stops map[int]func()
	sizes map[int]int
}

func newBare() *bare { return &bare{stops: map[int]func(){}, sizes: map[int]int{}} }

func (b *bare) put(key, size int) {
	b.remove(key)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-ctx.Done()
	}()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sizes[key] = size
	b.stops[key] = func() { cancel(); <-done }
}

func (b *bare) remove(key int) {
	b.mu.Lock()
	stop := b.stops[key]
	delete(b.stops, key)
	delete(b.sizes, key)
	b.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (b *bare) reconcile(want map[int]int) {
	var old []int
	b.mu.Lock()
	for key := range b.stops {
		if _, wanted := want[key]; !wanted {
			old = append(old, key)
		}
	}
	b.mu.Unlock()
	for _, key := range old {
		b.remove(key)
	}
	for key, size := range want {
		b.mu.Lock()
		is, there := b.sizes[key]
		b.mu.Unlock()
		if !there || is != size {
			b.put(key, size)
		}
	}
}

func idle(int, int) tend.Service {
	return tend.Func("x", func(ctx context.Context) error { <-ctx.Done(); return nil })
}

func served(b *testing.B) *keyed.Set[int] {
	b.Helper()
	s := keyed.New[int]("set", keyed.Spec{Supervisor: tend.Spec{EventHook: func(tend.Event) {}}})
	done := s.Supervisor().ServeBackground(b.Context())
	b.Cleanup(func() {
		s.Supervisor().Stop()
		<-done
	})
	return s
}

// BenchmarkPut puts a service for a new key.
func BenchmarkPut(b *testing.B) {
	b.Run("set", func(b *testing.B) {
		s := served(b)
		for i := 0; b.Loop(); i++ {
			_ = s.Put(i, idle(0, 0))
		}
	})
	b.Run("bare", func(b *testing.B) {
		m := newBare()
		b.Cleanup(func() { m.reconcile(nil) })
		for i := 0; b.Loop(); i++ {
			m.put(i, 0)
		}
	})
}

// BenchmarkReplace puts a service for a key that has one, and waits until it runs.
func BenchmarkReplace(b *testing.B) {
	b.Run("set", func(b *testing.B) {
		s := served(b)
		_ = s.Put(0, idle(0, 0))
		token, _ := s.Token(0)
		for b.Loop() {
			_ = s.Put(0, idle(0, 0))
			_ = s.Supervisor().WaitState(b.Context(), token, tend.StateRunning)
		}
	})
	b.Run("bare", func(b *testing.B) {
		m := newBare()
		b.Cleanup(func() { m.reconcile(nil) })
		for b.Loop() {
			m.put(0, 0)
		}
	})
}

// BenchmarkRemove puts and removes a service, and waits until it has ended.
func BenchmarkRemove(b *testing.B) {
	b.Run("set", func(b *testing.B) {
		s := served(b)
		for b.Loop() {
			_ = s.Put(0, idle(0, 0))
			_ = s.RemoveAndWait(b.Context(), 0)
		}
	})
	b.Run("bare", func(b *testing.B) {
		m := newBare()
		for b.Loop() {
			m.put(0, 0)
			m.remove(0)
		}
	})
}

// BenchmarkReconcile reconciles 100,000 keys of which 1 % has changed, or none.
func BenchmarkReconcile(b *testing.B) {
	const keys = 100_000
	for name, changed := range map[string]int{"none": 0, "one percent": keys / 100} {
		b.Run("set/"+name, func(b *testing.B) {
			s, want := served(b), wants(keys)
			keyed.Reconcile(s, want, idle)
			for b.Loop() {
				change(want, changed)
				keyed.Reconcile(s, want, idle)
			}
		})
		b.Run("bare/"+name, func(b *testing.B) {
			m, want := newBare(), wants(keys)
			b.Cleanup(func() { m.reconcile(nil) })
			m.reconcile(want)
			for b.Loop() {
				change(want, changed)
				m.reconcile(want)
			}
		})
	}
}

func wants(keys int) map[int]int {
	want := map[int]int{}
	for key := range keys {
		want[key] = 0
	}
	return want
}

func change(want map[int]int, keys int) {
	for key := range keys {
		want[key]++
	}
}
