// Package report keeps the numbers of a comparison and makes a page of them.
package report

import (
	"slices"
	"time"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// Run is everything that one comparison has measured. [Run.WriteNumbers] keeps it
// beside the page.
type Run struct {
	Short    bool
	Began    time.Time
	Took     time.Duration
	Machine  Machine
	Versions map[string]string // by peer
	Failures []string          `json:",omitempty"`
	Series   []*Series         `json:",omitempty"`
}

// Key says what was measured.
type Key struct {
	Scenario, Metric, Peer string
	N                      int
}

// Series is one thing, measured once in each round. What it says of the samples is
// all that the page shows and all that is kept: the samples themselves would be
// thousands of lines that differ each time, and that nobody reads.
type Series struct {
	Key
	Rounds           int
	Median, Min, Max float64
	// Processor is the median of the processor times of the same rounds, 0 if
	// they are not known.
	Processor float64 `json:",omitempty"`

	// samples are empty in a series that was read from a file.
	samples, processor []float64
}

// add adds what one round has measured.
func (s *Series) add(cost scenario.Cost) {
	s.samples = append(s.samples, cost.Value)
	s.Rounds, s.Median = len(s.samples), median(s.samples)
	s.Min, s.Max = slices.Min(s.samples), slices.Max(s.samples)
	if cost.Processor > 0 {
		s.processor = append(s.processor, cost.Processor)
		s.Processor = median(s.processor)
	}
}

// NewRun begins a comparison.
func NewRun(short bool) *Run {
	r := &Run{Short: short, Began: time.Now(), Machine: thisMachine(), Versions: map[string]string{}}
	for _, p := range peer.All() {
		r.Versions[p.Name()] = version(p)
	}
	return r
}

// Add adds what one process has measured, or why it could not.
func (r *Run) Add(scenarioName, peerName string, n int, results scenario.Results, err error) {
	if err != nil {
		r.Failures = append(r.Failures, err.Error())
		return
	}
	for metric, cost := range results {
		r.at(Key{scenarioName, metric, peerName, n}).add(cost)
	}
}

// at is the series of k, which may be new.
func (r *Run) at(k Key) *Series {
	if s := r.find(k); s != nil {
		return s
	}
	s := &Series{Key: k}
	r.Series = append(r.Series, s)
	return s
}

// find is the series of k, nil if there is none.
func (r *Run) find(k Key) *Series {
	i := slices.IndexFunc(r.Series, func(s *Series) bool { return s.Key == k })
	if i < 0 {
		return nil
	}
	return r.Series[i]
}

// Finish ends a comparison.
func (r *Run) Finish() {
	r.Took = time.Since(r.Began).Round(time.Second)
	r.Machine.LoadAfter = load()
}

// sizes are the values of N that a metric was measured at, ascending.
func (r *Run) sizes(scenarioName, metric string) []int {
	var sizes []int
	for _, s := range r.Series {
		if s.Scenario == scenarioName && s.Metric == metric && !slices.Contains(sizes, s.N) {
			sizes = append(sizes, s.N)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// peers are those that have a metric at some size, in the usual order.
func (r *Run) peers(scenarioName, metric string) []string {
	var names []string
	for _, p := range peer.All() {
		has := func(s *Series) bool { return s.Scenario == scenarioName && s.Metric == metric && s.Peer == p.Name() }
		if slices.ContainsFunc(r.Series, has) {
			names = append(names, p.Name())
		}
	}
	return names
}

// median is that of k; false if it was not measured.
func (r *Run) median(k Key) (float64, bool) {
	s := r.find(k)
	if s == nil {
		return 0, false
	}
	return s.Median, true
}

// median is the middle of the samples, of which there is at least one.
func median(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	mid := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[mid-1] + sorted[mid]) / 2
	}
	return sorted[mid]
}
