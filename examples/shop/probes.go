package main

import (
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// newProber asks from time to time whether what the shop needs works, which a tree of
// running services alone does not know.
func newProber(root *tend.Supervisor, s *store) (*health.Prober, error) {
	prober, err := health.New(health.Config{Tree: root})
	if err != nil {
		return nil, err
	}
	return prober, prober.Add(health.Probe{Name: "database", Check: s.ping})
}
