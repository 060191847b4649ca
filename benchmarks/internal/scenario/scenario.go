// Package scenario is the work that the peers are compared by. A scenario runs in
// a process of its own, checks that what it measures has really happened, and
// returns numbers.
package scenario

import (
	"fmt"
	"log/slog"

	"github.com/tend-go/tend/benchmarks/internal/peer"
)

// Scenario is one kind of work.
type Scenario struct {
	Name string
	// Title completes "cost of …".
	Title string
	// Needs is what a peer must be able to do.
	Needs []peer.Ability
	// SizeIs says what N counts.
	SizeIs string
	// Full, Short and Smoke are the values of N for the three kinds of runs.
	Full, Short, Smoke []int
	// Metrics are what it returns, in the order in which they are reported.
	Metrics []Metric

	run func(p peer.Peer, n int, out Results)
}

// Metric is one number that a scenario returns.
type Metric struct {
	Name  string
	Title string
	Unit  Unit
	// Needs is what a peer must be able to do besides; empty: nothing.
	Needs peer.Ability
	// Aside: it explains another metric and gets no plot.
	Aside bool
}

// Unit is what a number counts.
type Unit string

// The units.
const (
	Nanoseconds Unit = "ns"
	Bytes       Unit = "B"
)

// Results are numbers by the names of metrics.
type Results map[string]Cost

// Cost is what something has taken.
type Cost struct {
	// Value is what the metric says: time that has passed, or memory.
	Value float64
	// Processor is how long all processors together have worked meanwhile, in
	// nanoseconds: it does not depend so much on what else is running, and tells
	// what is hidden by work that is done at the same time. 0: not measured.
	Processor float64 `json:",omitempty"`
}

// All returns the scenarios in the order in which they are reported.
func All() []Scenario {
	return []Scenario{flat, adders, before, restart, storm, remove, tree, empty, hook, show, actors, send, ring, ask, crash, block, beside}
}

// Named returns the scenario of that name.
func Named(name string) (Scenario, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("there is no scenario %q", name)
}

// Cannot says why p cannot run the scenario, empty if it can.
func (s Scenario) Cannot(p peer.Peer) string {
	for _, a := range s.Needs {
		if why := p.Cannot(a); why != "" {
			return why
		}
	}
	return ""
}

// Has reports whether p has the metric.
func (m Metric) Has(p peer.Peer) bool { return m.Needs == "" || p.Cannot(m.Needs) == "" }

// Run runs the scenario with n of what SizeIs says. The error says what did not
// happen that should have.
func (s Scenario) Run(p peer.Peer, n int) (out Results, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s with %s, N = %d: %v", s.Name, p.Name(), n, v)
		}
	}()
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // which is where some peers log
	out = Results{}
	s.run(p, n, out)
	for _, m := range s.Metrics {
		if _, is := out[m.Name]; is != m.Has(p) {
			panic(fmt.Sprintf("metric %q: measured %t, expected %t", m.Name, is, m.Has(p)))
		}
	}
	return out, nil
}

// atLeast panics, which Run makes an error of, if got is less than want.
func atLeast(what string, got, want int64) {
	if got < want {
		panic(fmt.Sprintf("%s: %d, expected %d at least", what, got, want))
	}
}

// check panics, which Run makes an error of, unless got is want.
func check(what string, got, want int64) {
	if got != want {
		panic(fmt.Sprintf("%s: %d, expected %d", what, got, want))
	}
}
