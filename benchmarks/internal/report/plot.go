package report

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// Plots writes a plot of each metric into the directory.
func (r *Run) Plots(dir string) error {
	for _, s := range scenario.All() {
		for _, m := range s.Metrics {
			if m.Aside || len(r.sizes(s.Name, m.Name)) == 0 {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, plotName(s, m)), r.plot(s, m), 0o644); err != nil { //nolint:gosec // for everybody to read
				return err
			}
		}
	}
	return nil
}

func plotName(s scenario.Scenario, m scenario.Metric) string { return s.Name + "-" + m.Name + ".svg" }

// Measures of a plot, in pixels.
const (
	width, height             = 760, 380
	left, right, top, bottom  = 80, 170, 46, 50
	innerWidth, innerHeight   = width - left - right, height - top - bottom
	axis, grid, text, textDim = "#555", "#ddd", "#222", "#666"
)

// colours of the peers, in their order: told apart also by those who do not see
// all colours (after Okabe and Ito, the last two after Tol).
var colours = []string{"#000000", "#999999", "#d55e00", "#e69f00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#882255", "#44aa99"}

func colour(name string) string {
	for i, p := range peer.All() {
		if p.Name() == name {
			return colours[i%len(colours)]
		}
	}
	return axis
}

// plot is cost against N, both growing by factors; bars if there is one N.
func (r *Run) plot(s scenario.Scenario, m scenario.Metric) []byte {
	c := canvas{}
	fmt.Fprintf(&c, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&c, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	c.text(left, 24, "start", text, sentence(m.Title))
	sizes := r.sizes(s.Name, m.Name)
	if len(sizes) == 1 {
		r.bars(&c, s, m, sizes[0])
	} else {
		r.lines(&c, s, m, sizes)
	}
	c.WriteString("</svg>\n")
	return c.Bytes()
}

// lines draws a line for each peer.
func (r *Run) lines(c *canvas, s scenario.Scenario, m scenario.Metric, sizes []int) {
	peers := r.peers(s.Name, m.Name)
	y := r.scale(s, m)
	for _, tick := range y.ticks() {
		at := y.at(tick)
		c.line(left, at, left+innerWidth, at, grid, 1)
		c.text(left-8, at+4, "end", textDim, amount(tick, m.Unit))
	}
	x := func(i int) float64 { return left + innerWidth*(float64(i)+0.5)/float64(len(sizes)) }
	for i, n := range sizes {
		c.text(x(i), height-bottom+20, "middle", textDim, count(n))
	}
	c.text(left+innerWidth/2, height-12, "middle", textDim, s.SizeIs)
	c.line(left, height-bottom, left+innerWidth, height-bottom, axis, 1)
	for row, p := range peers {
		fromX, fromY := 0.0, 0.0
		for i, n := range sizes {
			series := r.find(Key{s.Name, m.Name, p, n})
			if series == nil {
				continue
			}
			atX, atY := x(i), y.at(series.Median)
			if fromX > 0 {
				c.line(fromX, fromY, atX, atY, colour(p), 2)
			}
			c.line(atX, y.at(series.Min), atX, y.at(series.Max), colour(p), 1)
			c.dot(atX, atY, colour(p))
			fromX, fromY = atX, atY
		}
		at := float64(top + 14 + 20*row)
		c.line(width-right+14, at-4, width-right+34, at-4, colour(p), 2)
		c.text(width-right+40, at, "start", text, p)
	}
}

// bars draws a bar for each peer.
func (r *Run) bars(c *canvas, s scenario.Scenario, m scenario.Metric, n int) {
	peers := r.peers(s.Name, m.Name)
	most := 0.0
	for _, p := range peers {
		if series := r.find(Key{s.Name, m.Name, p, n}); series != nil {
			most = max(most, series.Max)
		}
	}
	step := float64(innerHeight) / float64(len(peers))
	length := func(v float64) float64 { return v / most * (innerWidth + 20) }
	for row, p := range peers {
		series := r.find(Key{s.Name, m.Name, p, n})
		middle := top + step*(float64(row)+0.5)
		c.rect(left+20, middle-step*0.3, length(series.Median), step*0.6, colour(p))
		c.line(left+20+length(series.Min), middle, left+20+length(series.Max), middle, axis, 1)
		c.text(left+12, middle+4, "end", text, p)
		c.text(left+28+length(series.Max), middle+4, "start", text, amount(series.Median, m.Unit))
	}
	c.text(left+20, height-12, "start", textDim, fmt.Sprintf("%s %s", count(n), s.SizeIs))
}

// logScale places values on the upright axis, by their logarithm.
type logScale struct{ low, high float64 }

// scale covers all that was measured of a metric.
func (r *Run) scale(s scenario.Scenario, m scenario.Metric) logScale {
	y := logScale{math.Inf(1), 0}
	for _, series := range r.Series {
		if series.Scenario == s.Name && series.Metric == m.Name {
			y.low, y.high = min(y.low, series.Min), max(y.high, series.Max)
		}
	}
	return logScale{y.low / 1.15, y.high * 1.15}
}

func (y logScale) at(v float64) float64 {
	return height - bottom - innerHeight*math.Log(v/y.low)/math.Log(y.high/y.low)
}

// ticks are round numbers, few enough to be read.
func (y logScale) ticks() []float64 {
	steps := []float64{1, 2, 5}
	switch span := math.Log10(y.high / y.low); {
	case span > 3:
		steps = []float64{1}
	case span < 0.7:
		steps = []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8}
	}
	var ticks []float64
	for exponent := math.Floor(math.Log10(y.low)); exponent <= math.Log10(y.high); exponent++ {
		for _, s := range steps {
			if v := s * math.Pow(10, exponent); y.low <= v && v <= y.high {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// canvas is an SVG that is being written.
type canvas struct{ bytes.Buffer }

func (c *canvas) line(x1, y1, x2, y2 float64, colour string, thick int) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%d"/>`+"\n", x1, y1, x2, y2, colour, thick)
}

func (c *canvas) dot(x, y float64, colour string) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, colour)
}

func (c *canvas) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, colour)
}

func (c *canvas) text(x, y float64, anchor, colour, s string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, colour, html.EscapeString(s))
}
