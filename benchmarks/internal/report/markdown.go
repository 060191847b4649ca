package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/tend-go/tend/benchmarks/internal/peer"
	"github.com/tend-go/tend/benchmarks/internal/scenario"
)

// Markdown writes the page. The plots are linked to as files in the directory
// plots, empty: there are none.
func (r *Run) Markdown(w io.Writer, plots string) error {
	var b bytes.Buffer
	r.writeHead(&b)
	r.writeTargets(&b)
	r.writePeers(&b)
	for _, s := range scenario.All() {
		r.writeScenario(&b, s, plots)
	}
	_, err := b.WriteTo(w)
	return err
}

func (r *Run) writeHead(b *bytes.Buffer) {
	command := "go run ./benchmarks/cmd/compare"
	if r.Short {
		command += " -short"
	}
	m := r.Machine
	fmt.Fprintf(b, `# Benchmarks

Written by `+"`%s`"+`, which measures everything several times, in turns, each time in a
process of its own that checks that what it measured has really happened. Numbers are medians of those times, with
the least and the greatest. Processor time is what all processors together have worked. "tend / peer" is how many times as much tend takes: less than one is less.

| | |
|---|---|
| processor | %s, %d used |
| memory | %s |
| system | %s |
| Go | %s |
| measured | %s, in %s |
| load average before and after | %s, %s |

`, command, m.CPU, m.Processors, m.Memory, m.System, m.Go, r.Began.UTC().Format("2006-01-02 15:04 UTC"), r.Took, m.LoadBefore, m.LoadAfter)
	for _, f := range r.Failures {
		fmt.Fprintf(b, "- Not valid, and left out: %s\n", f)
	}
}

func (r *Run) writeTargets(b *bytes.Buffer) {
	fmt.Fprintf(b, "## Targets\n\nThe last column is what %s has in the place of tend.\n\n", peer.Limit)
	fmt.Fprintf(b, "| work | target | measured | | %s |\n|---|---|---|---|---|\n", peer.Limit)
	met, missed, impossible := 0, 0, 0
	for _, t := range targets() {
		verdict, limit := "not measured", ""
		v, is := t.measured(r)
		possible, known := t.possible(r)
		if known {
			limit = t.text(possible)
		}
		switch {
		case !is:
		case t.met(v):
			met++
			verdict = "met"
		default:
			missed++
			verdict = fmt.Sprintf("**missed** by %.0f %%", t.missedBy(v))
			if known && !t.met(possible) {
				impossible++
				limit += " misses it too"
			}
		}
		measured := ""
		if is {
			measured = t.text(v)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", t.work, t.want, measured, verdict, limit)
	}
	fmt.Fprintf(b, "\n%d met, %d missed; %d of those %s misses too.\n\n", met, missed, impossible, peer.Limit)
}

func (r *Run) writePeers(b *bytes.Buffer) {
	fmt.Fprint(b, "## Peers\n\n| peer | version | how it is used |\n|---|---|---|\n")
	for _, p := range peer.All() {
		fmt.Fprintf(b, "| %s | %s | %s |\n", p.Name(), r.Versions[p.Name()], p.Setup())
	}
	fmt.Fprint(b, "\nWhat they cannot do is left out below:\n\n")
	for _, p := range peer.All() {
		if cannot := limits(p); len(cannot) > 0 {
			fmt.Fprintf(b, "- %s: %s.\n", p.Name(), strings.Join(cannot, "; "))
		}
	}
	fmt.Fprintln(b)
}

// limits are what p cannot do and why, what has one reason together.
func limits(p peer.Peer) []string {
	var whys []string
	lacks := map[string][]string{}
	for _, a := range peer.Abilities() {
		why := p.Cannot(a)
		if why == "" {
			continue
		}
		if len(lacks[why]) == 0 {
			whys = append(whys, why)
		}
		lacks[why] = append(lacks[why], string(a))
	}
	for i, why := range whys {
		whys[i] = fmt.Sprintf("%s (%s)", strings.Join(lacks[why], ", "), why)
	}
	return whys
}

func (r *Run) writeScenario(b *bytes.Buffer, s scenario.Scenario, plots string) {
	headed := false
	for _, m := range s.Metrics {
		if len(r.sizes(s.Name, m.Name)) == 0 {
			continue
		}
		if !headed {
			fmt.Fprintf(b, "## %s\n\n", sentence(s.Title))
			headed = true
		}
		fmt.Fprintf(b, "### %s\n\n", sentence(m.Title))
		if plots != "" && !m.Aside {
			fmt.Fprintf(b, "![%s](%s/%s)\n\n", m.Title, plots, plotName(s, m))
		}
		r.writeTable(b, s, m)
	}
}

// writeTable writes a row for each size and peer.
func (r *Run) writeTable(b *bytes.Buffer, s scenario.Scenario, m scenario.Metric) {
	fmt.Fprintf(b, "| %s | peer | median | min..max | processor time | tend / peer |\n|--:|---|--:|--:|--:|--:|\n", s.SizeIs)
	for _, n := range r.sizes(s.Name, m.Name) {
		first := count(n)
		for _, p := range r.peers(s.Name, m.Name) {
			if series := r.find(Key{s.Name, m.Name, p, n}); series != nil {
				fmt.Fprintf(b, "| %s %s\n", first, r.row(series, m))
				first = ""
			}
		}
	}
	fmt.Fprintln(b)
}

// row is a line of the table, but for the first column.
func (r *Run) row(series *Series, m scenario.Metric) string {
	worked, ratio := "", ""
	if series.Processor > 0 {
		worked = amount(series.Processor, scenario.Nanoseconds)
	}
	of := series.Key
	of.Peer = peer.Tend
	if tend, is := r.median(of); is && series.Peer != peer.Tend {
		ratio = fmt.Sprintf("%.2f", tend/series.Median)
	}
	return fmt.Sprintf("| %s | %s | %s..%s | %s | %s |", series.Peer, amount(series.Median, m.Unit),
		amount(series.Min, m.Unit), amount(series.Max, m.Unit), worked, ratio)
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
