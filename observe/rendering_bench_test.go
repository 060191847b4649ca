package observe

import (
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
)

// hoarder is a reader that takes in nothing before all of them have something to take
// in: what the answers hold then is held for all at once.
type hoarder struct {
	head http.Header
	once sync.Once
	come func() // tells that it has something, and waits for the others
	n    int64
}

func (h *hoarder) Header() http.Header { return h.head }
func (h *hoarder) WriteHeader(int)     {}
func (h *hoarder) Write(b []byte) (int, error) {
	h.once.Do(h.come)
	h.n += int64(len(b))
	return len(b), nil
}

// BenchmarkAtOnce is sixty requests at once for each of the answers that a whole tree
// is in, half of them from readers that know gzip. held-MB is the memory that they
// hold together when each has its first bytes.
func BenchmarkAtOnce(b *testing.B) {
	const readers = 60
	for _, n := range []int{10_000, 100_000} {
		for _, target := range []string{"/api/tree", "/api/tree?format=text", "/api/tree.dot", "/api/view", "/"} {
			b.Run(fmt.Sprint(n, target), func(b *testing.B) {
				p := newTestPage(b, newFakeTree(large(n)), Options{})
				p.look(first(b, target))
				runtime.GC()
				var before, held runtime.MemStats
				runtime.ReadMemStats(&before)
				b.ReportAllocs()
				for b.Loop() {
					var all, come sync.WaitGroup
					released := make(chan struct{})
					come.Add(readers)
					for i := range readers {
						r, _ := ask(b.Context(), "GET", target)
						if i%2 == 0 {
							r.Header.Set("Accept-Encoding", "gzip")
						}
						w := &hoarder{head: http.Header{}, come: func() { come.Done(); <-released }}
						all.Go(func() { p.ServeHTTP(w, r) })
					}
					come.Wait()
					runtime.GC()
					runtime.ReadMemStats(&held)
					close(released)
					all.Wait()
				}
				b.ReportMetric(float64(int64(held.HeapAlloc)-int64(before.HeapAlloc))/1e6, "held-MB")
			})
		}
	}
}

func first(b *testing.B, target string) *http.Request {
	r, _ := ask(b.Context(), "GET", target)
	return r
}
