package observe

import (
	"fmt"
	"testing"
	"time"

	"github.com/tend-go/tend"
)

// BenchmarkPage is a request for the page, of a tree that did not change since.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := newTestPage(b, newFakeTree(large(n)), Options{})
			for b.Loop() {
				w := request(p, "GET", "/", "Accept-Encoding", "gzip")
				b.ReportMetric(float64(w.Body.Len()), "bytes")
			}
		})
	}
}

// BenchmarkTake is a snapshot with the frame of what changed, of which the tree's
// Status is left out: the cost of a watched tree, at most ten times a second.
func BenchmarkTake(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			one := large(n)
			f := newFakeTree(one)
			f.set(func(s *tend.Status) {
				for i := range s.Services {
					s.Services[i].Supervisor.Services[7].Restarts += 1000
				}
			})
			two := f.status
			h := newHub(f, 500)
			h.take()
			for i := 0; b.Loop(); i++ {
				f.status = one
				if i%2 == 1 {
					f.status = two
				}
				h.take()
			}
		})
	}
}

// BenchmarkEvent is what an event costs while nobody looks.
func BenchmarkEvent(b *testing.B) {
	h := newHub(newFakeTree(tend.New("root", tend.Spec{}).Status()), 500)
	e := tend.ServiceFailed{Origin: tend.Origin{Time: time.Now(), Supervisor: "root/db", Service: "pool", Incarnation: 3}, Restarting: true}
	b.ReportAllocs()
	for b.Loop() {
		h.add(e)
	}
}
