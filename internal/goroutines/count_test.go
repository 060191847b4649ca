package goroutines

import (
	"context"
	"math/rand/v2"
	"runtime/pprof"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// In whatever pieces the profile comes.
func TestCounter(t *testing.T) {
	want := map[string]int{"db#17": 4, "web#170": 2, `odd "#17", "service":"x#4`: 1}
	for range 20 {
		c := &counter{key: "service", counts: map[string]int{}}
		for text := profile; text != ""; {
			n := min(len(text), 1+rand.IntN(60))
			if k, err := c.Write([]byte(text[:n])); k != n || err != nil {
				t.Fatalf("Write: %d, %v", k, err)
			}
			text = text[n:]
		}
		if d := cmp.Diff(want, c.counts); d != "" {
			t.Fatal(d)
		}
	}
}

func TestCount(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	for range 3 {
		go pprof.Do(t.Context(), pprof.Labels("counted", "me"), func(context.Context) {
			begun <- struct{}{}
			<-end
		})
		<-begun
	}
	counts, err := Count("counted")
	if d := cmp.Diff(map[string]int{"me": 3}, counts); d != "" || err != nil {
		t.Error(d, err)
	}
}
