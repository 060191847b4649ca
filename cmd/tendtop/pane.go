package main

import (
	"slices"
	"strings"
	"time"

	"github.com/tend-go/tend/internal/said"
)

// pane is what is known of the selected service, as lines.
type pane struct {
	node  node
	known bool
	err   error    // of the last question; the last answer stays
	trace []string // its stacks, if they were asked for
	of    string   // the epoch of the program whose they are
	top   int      // the first line on the screen
}

// maxStack bounds what is shown of the stack of a panic, in bytes: as the page bounds the
// stacks that it keeps.
const maxStack = 16 << 10

// got takes the answer to a question. Stacks are of one program: they go with it.
func (p *pane) got(n node, err error) {
	if p.err = err; err != nil {
		return
	}
	if p.of != "" && n.Epoch != p.of {
		p.trace = nil
	}
	p.node, p.known = n, true
}

func (p *pane) stacks(msg stacksMsg) {
	text := msg.text
	if msg.err != nil {
		text = msg.err.Error()
	}
	p.trace, p.of = stackLines(text), msg.epoch
}

// stackLines are those of a text of any service, as they can be shown.
func stackLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, said.Clean(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    "), maxText))
	}
	return lines
}

// scroll goes some lines on, or back if that is negative, as far as there are any.
func (p *pane) scroll(by int) { p.top = max(min(p.top+by, len(p.all())-1), 0) }

// lines are at most so many.
func (p *pane) lines(most int) []string {
	all := p.all()
	all = all[min(p.top, max(len(all)-1, 0)):] // there were more when somebody scrolled
	return all[:min(len(all), most)]
}

// all are all lines: that there was no answer, stacks that were asked for, then failures with
// the newest first, each with its stack if it was a panic, then what happened.
func (p *pane) all() []string {
	if !p.known && p.trace == nil && p.err == nil {
		return []string{"…"}
	}
	var lines []string
	if p.err != nil {
		lines = append(lines, "no answer: "+said.Clean(p.err.Error(), maxText))
	}
	lines = append(lines, p.trace...)
	if s := p.node.Service; s != nil {
		above := "" // the stack of the failure above, which is not shown twice
		for _, f := range slices.Backward(s.Failures) {
			lines = append(lines, f.Time.Local().Format(time.DateTime)+"  failed: "+said.Clean(f.Err.Error(), maxText))
			if stack := f.Err.Stack(); stack != above {
				lines = append(lines, stackLines(said.Short(stack, maxStack))...)
				above = stack
			}
		}
		if mail := mailOf(s.Mailbox, time.UnixMilli(p.node.At)); mail != "" {
			lines = append(lines, "mailbox: "+mail)
		}
		for _, a := range s.Annotations {
			lines = append(lines, said.Clean(a.Key+" = "+said.Note(a.Value, time.UnixMilli(p.node.At), maxText), maxText))
		}
	}
	for _, e := range p.node.Events {
		lines = append(lines, time.UnixMilli(e.Time).Format(time.DateTime)+"  "+said.Clean(e.Name+" "+e.Word+": "+e.Text, maxText))
	}
	return lines
}
