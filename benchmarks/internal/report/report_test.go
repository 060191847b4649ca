package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// Every target is about something that a full run measures, in its unit.
func TestTargetsAreMeasured(t *testing.T) {
	for _, target := range targets() {
		keys := []Key{target.over, target.under}
		if target.unit != "" {
			keys = keys[:1]
		}
		for _, k := range keys {
			s, err := scenario.Named(k.Scenario)
			if err != nil {
				t.Errorf("%s: %v", target.work, err)
				continue
			}
			p := peer.Named(k.Peer)
			i := slices.IndexFunc(s.Metrics, func(m scenario.Metric) bool { return m.Name == k.Metric })
			if p == nil || i < 0 || s.Cannot(p) != "" || !slices.Contains(s.Full, k.N) || !s.Metrics[i].Has(p) {
				t.Errorf("%s: %+v is not measured", target.work, k)
				continue
			}
			if unit := s.Metrics[i].Unit; target.unit != "" && unit != target.unit {
				t.Errorf("%s: the bound is in %s, measured are %s", target.work, target.unit, unit)
			}
		}
	}
}

func TestTarget(t *testing.T) {
	for _, c := range []struct {
		name     string
		target   target
		quotient float64
		met      bool
		missedBy float64
	}{
		{"fast enough", target{bound: 2, atLeast: true}, 2, true, 0},
		{"too slow", target{bound: 2, atLeast: true}, 1.5, false, 25},
		{"small enough", target{bound: 1.25}, 1.25, true, 0},
		{"too big", target{bound: 1.25}, 1.5, false, 20},
	} {
		if got := c.target.met(c.quotient); got != c.met {
			t.Errorf("%s: met is %t", c.name, got)
		}
		if got := c.target.missedBy(c.quotient); c.missedBy != 0 && int(got+0.5) != int(c.missedBy) {
			t.Errorf("%s: missed by %v, expected %v", c.name, got, c.missedBy)
		}
	}
}

// What the limit misses too is said.
func TestTargetsOutOfReach(t *testing.T) {
	for raw, want := range map[float64]string{
		2: "| tree of six levels, stop | at least 1.2x faster than suture v4 | 1.11x | **missed** by 7 % | 5.00x |",
		9: "| tree of six levels, stop | at least 1.2x faster than suture v4 | 1.11x | **missed** by 7 % | 1.11x misses it too |",
	} {
		var r Run
		for who, took := range map[string]float64{peer.Suture: 10, peer.Tend: 9, peer.Limit: raw} {
			r.Add("tree", who, 6, scenario.Results{"stop": {Value: took}}, nil)
		}
		var page bytes.Buffer
		r.writeTargets(&page)
		if !strings.Contains(page.String(), want) {
			t.Errorf("raw %v: no %q in\n%s", raw, want, page.String())
		}
	}
}

// A target of one median alone shows it as it is, and what the limit has in its place.
func TestATargetOfAnAmount(t *testing.T) {
	for size, want := range map[float64]string{
		192: "| memory per idle actor, 1,000,000 | at most 200 B | 192 B | met | 2,834 B |",
		250: "| memory per idle actor, 1,000,000 | at most 200 B | 250 B | **missed** by 25 % | 2,834 B misses it too |",
	} {
		var r Run
		for who, took := range map[string]float64{peer.Tend: size, peer.Limit: 2834} {
			r.Add("actors", who, 1e6, scenario.Results{"bytes": {Value: took}}, nil)
		}
		var page bytes.Buffer
		r.writeTargets(&page)
		if !strings.Contains(page.String(), want) {
			t.Errorf("%v bytes: no %q in\n%s", size, want, page.String())
		}
	}
}

// No two peers of a plot have one colour.
func TestEachPeerHasAColour(t *testing.T) {
	of := map[string]string{}
	for _, p := range peer.All() {
		c := colour(p.Name())
		if of[c] != "" {
			t.Errorf("%s has the colour of %s", p.Name(), of[c])
		}
		of[c] = p.Name()
	}
}

func TestAmount(t *testing.T) {
	for want, got := range map[string]string{
		"0.50 ns":   amount(0.5, scenario.Nanoseconds),
		"412 ns":    amount(412.3, scenario.Nanoseconds),
		"1.00 µs":   amount(999.9, scenario.Nanoseconds),
		"13.4 ms":   amount(13.42e6, scenario.Nanoseconds),
		"2.00 s":    amount(2e9, scenario.Nanoseconds),
		"2,910 B":   amount(2909.6, scenario.Bytes),
		"1,000,000": count(1e6),
		"100":       count(100),
	} {
		if got != want {
			t.Errorf("got %q, expected %q", got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{9, 1, 4}); got != 4 {
		t.Errorf("of three: %v", got)
	}
	if got := median([]float64{9, 1, 4, 5}); got != 4.5 {
		t.Errorf("of four: %v", got)
	}
}

// someRun is a run in which each scenario was measured once, by all who can.
func someRun() *Run {
	r := NewRun(false)
	for _, s := range scenario.All() {
		for _, p := range peer.All() {
			if s.Cannot(p) != "" {
				continue
			}
			for _, n := range s.Full {
				results := scenario.Results{}
				for i, m := range s.Metrics {
					if m.Has(p) {
						results[m.Name] = scenario.Cost{Value: float64(100*(i+1) + n/1000), Processor: 50}
					}
				}
				r.Add(s.Name, p.Name(), n, results, nil)
			}
		}
	}
	r.Finish()
	return r
}

func TestPlotsAreXML(t *testing.T) {
	r := someRun()
	for _, s := range scenario.All() {
		for _, m := range s.Metrics {
			plot := r.plot(s, m)
			for d := xml.NewDecoder(bytes.NewReader(plot)); ; {
				_, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v\n%s", plotName(s, m), err, plot)
				}
			}
			if bytes.Contains(plot, []byte("NaN")) || bytes.Contains(plot, []byte("Inf")) {
				t.Errorf("%s has a number that is none", plotName(s, m))
			}
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := someRun()
	r.Add("flat", peer.Tend, 7, nil, errors.New("it went wrong"))
	var page strings.Builder
	if err := r.Markdown(&page, "benchmarks"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"it went wrong", "| met |", "**missed** by", "benchmarks/flat-add.svg", "What they cannot do"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page says nothing of %q", want)
		}
	}
	if strings.Contains(page.String(), "not measured") {
		t.Error("a target was not measured")
	}
}
