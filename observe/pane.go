package observe

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// pane is the detail pane in words. Times travel as numbers, because the page
// says how long ago they are now and in the reader's own time zone.
type pane struct {
	Facts []fact  `json:"facts"`
	Texts []quote `json:"texts"` // failures and stacks, newest first
	Plot  string  `json:"plot"`  // an SVG path of 60 × 10: failures per minute; empty: none
}

// fact is one line.
type fact struct {
	Label string `json:"k"`
	Text  string `json:"v,omitempty"`
	Since int64  `json:"t,omitempty"` // so long ago, Unix milliseconds
	Until int64  `json:"u,omitempty"` // so long from now
	ID    uint64 `json:"i,omitempty"` // of the service that Text is the path of
}

// quote is one text that is shown when opened.
type quote struct {
	Time  int64  `json:"t"` // Unix milliseconds
	Label string `json:"k"`
	Text  string `json:"v,omitempty"` // what a reader wraps
	Stack string `json:"s,omitempty"` // what would not be a stack then
	Open  bool   `json:"o,omitempty"` // shown at once
}

func newPane(n *node, tree *tend.Status) pane {
	p := pane{Facts: []fact{}, Texts: []quote{}, Plot: bars(n.Minutes)}
	if n.Service != nil {
		p.service(n.Service, tree)
	}
	if n.Supervisor != nil {
		p.supervisor(n.Supervisor, n.NotReady, n.Service == nil)
	}
	if n.Service != nil {
		p.annotations(n.Service)
		p.failures(n.Service)
	}
	for i := range n.Events {
		if e := &n.Events[i]; e.Stacks != "" {
			p.Texts = append(p.Texts, quote{Time: e.Time, Label: e.Word + ": stacks", Stack: e.Stacks, Open: true})
		}
	}
	slices.SortStableFunc(p.Texts, func(a, b quote) int { return cmp.Compare(b.Time, a.Time) })
	return p
}

func (p *pane) add(label, text string) {
	if text != "" {
		p.Facts = append(p.Facts, fact{Label: label, Text: text})
	}
}

// service adds what state the service is in and why.
func (p *pane) service(s *tend.ServiceStatus, tree *tend.Status) {
	p.Facts = append(p.Facts, fact{Label: "State", Text: s.State.String() + " for", Since: millis(s.Since)})
	if b := s.Beside; b.Incarnation > 0 {
		p.Facts = append(p.Facts, fact{Label: "Beside it", Text: fmt.Sprintf("run %d, %v for", b.Incarnation, b.State), Since: millis(b.Since)})
	}
	if !s.WaitingUntil.IsZero() {
		p.Facts = append(p.Facts, fact{Label: "Next start", Text: "in", Until: millis(s.WaitingUntil)})
	}
	p.add("Waits for", s.WaitingFor.Error())
	if s.HeldBy != "" {
		p.Facts = append(p.Facts, fact{Label: "Held by", Text: said.Short(s.HeldBy, maxPath), ID: idAt(tree, s.HeldBy)})
	}
	p.add("Stopping", because(s.Stopping))
	restart := s.Restart.String()
	if s.Significant {
		restart += ", significant"
	}
	p.add("Restart", restart)
	p.add("Runs", strconv.FormatUint(s.Incarnation, 10))
	p.add("Failures", strconv.FormatUint(s.Failed, 10))
	if s.Limit.N > 0 {
		p.add("Budget", fmt.Sprintf("%d of %d failures %s", s.Recent, s.Limit.N, within(s.Limit.Within)))
	}
}

// supervisor adds how it supervises. alone: it is nobody's service here.
func (p *pane) supervisor(s *tend.Status, notReady string, alone bool) {
	if alone {
		state := "not served for"
		if s.Serving {
			state = "serving for"
		}
		p.Facts = append(p.Facts, fact{Label: "State", Text: state, Since: millis(s.Since)})
		p.add("Stopping", because(s.Stopping))
	}
	p.add("Not ready", notReady)
	strategy := s.Strategy.String()
	if s.Ordered {
		strategy += ", ordered"
	}
	p.add("Strategy", strategy)
	p.add("Failure level", fmt.Sprintf("%.1f, may be %g, halves every %s", finite(s.Count), finite(s.Threshold), said.Setting(s.Decay)))
	if !s.PausedUntil.IsZero() {
		p.Facts = append(p.Facts, fact{Label: "Paused", Text: "for", Until: millis(s.PausedUntil)})
	}
}

func (p *pane) annotations(s *tend.ServiceStatus) {
	if s.Mailbox != nil {
		p.mailbox(s.Mailbox)
	}
	for _, a := range s.Annotations {
		p.annotation(said.Short(a.Key, maxName), a.Value)
	}
}

// annotation adds what the run has noted; the page draws a time as its age.
func (p *pane) annotation(key string, v slog.Value) {
	if v.Kind() != slog.KindTime {
		p.add(key, said.Short(v.String(), maxText))
		return
	}
	f := fact{Label: key}
	if t := millis(v.Time()); time.Until(v.Time()) > 0 {
		f.Until = t
	} else {
		f.Since = t
	}
	p.Facts = append(p.Facts, f)
}

// mailbox adds how the messages of an actor do.
func (p *pane) mailbox(m *tend.Mailbox) {
	p.add("Mailbox", fmt.Sprintf("%d of %d wait, %s, %d lost", m.Waiting, m.Size, said.Times(m.Open, "open question"), m.Lost))
	if !m.Oldest.IsZero() {
		p.Facts = append(p.Facts, fact{Label: "Oldest message", Text: "waits for", Since: millis(m.Oldest)})
	}
	if !m.Handling.IsZero() {
		p.Facts = append(p.Facts, fact{Label: "Message in hand", Text: "for", Since: millis(m.Handling)})
	}
}

// failures adds the last failures, the newest of them open.
func (p *pane) failures(s *tend.ServiceStatus) {
	for i, f := range slices.Backward(s.Failures) {
		p.Texts = append(p.Texts, quote{
			Time: millis(f.Time), Label: fmt.Sprintf("run %d: %s", f.Incarnation, said.Short(f.Err.Error(), maxError)),
			Text: f.Err.Error(), Stack: f.Err.Stack(), Open: i == len(s.Failures)-1,
		})
	}
}

// bars draws counts as bars of an SVG path, each one unit wide, the highest ten
// units high.
func bars(counts []uint32) string {
	most := slices.Max(counts)
	if most == 0 {
		return ""
	}
	var b strings.Builder
	for i, n := range counts {
		if n > 0 {
			fmt.Fprintf(&b, "M%d 10v-%.1fh.8V10", i, max(1, 10*float64(n)/float64(most)))
		}
	}
	return b.String()
}
