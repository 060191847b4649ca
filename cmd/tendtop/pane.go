package main

import (
	"strings"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// pane is what is known of the selected service, as lines.
type pane struct {
	node  node
	known bool
	trace []string // its stacks, if they were asked for
}

func (p *pane) show(n node) { p.node, p.known = n, true }

func (p *pane) stacks(msg stacksMsg) {
	text := msg.text
	if msg.err != nil {
		text = msg.err.Error()
	}
	p.trace = nil
	for line := range strings.Lines(text) {
		p.trace = append(p.trace, said.Clean(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    "), maxText))
	}
}

// lines are at most so many: stacks first, then failures with the newest first, then
// what happened.
func (p *pane) lines(most int) []string {
	if !p.known && p.trace == nil {
		return []string{"…"}
	}
	lines := append([]string(nil), p.trace...)
	if s := p.node.Service; s != nil {
		for i := len(s.Failures) - 1; i >= 0; i-- {
			f := s.Failures[i]
			lines = append(lines, f.Time.Local().Format(time.DateTime)+"  failed: "+said.Clean(f.Err.Error(), maxText))
		}
		for _, a := range s.Annotations {
			lines = append(lines, said.Clean(a.Key+" = "+a.Value.String(), maxText))
		}
	}
	for _, e := range p.node.Events {
		lines = append(lines, time.UnixMilli(e.Time).Format(time.DateTime)+"  "+said.Clean(e.Name+" "+e.Word+": "+e.Text, maxText))
	}
	return lines[:min(len(lines), most)]
}
