package scenario

import (
	"testing"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// Every scenario is valid with every peer that can run it: what it counts adds
// up.
func TestSmoke(t *testing.T) {
	errorRestarts, panicRestarts, messages = 2_000, 500, 20_000
	for _, s := range All() {
		for _, p := range peer.All() {
			for _, n := range s.Smoke {
				if s.Cannot(p) != "" {
					continue
				}
				if _, err := s.Run(p, n); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
