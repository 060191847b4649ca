package main

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"github.com/tend-go/tend/internal/said"
)

// frame is how many lines are no rows: the head, the headings and the foot.
const frame = 3

// space is how many rows there is space for.
func (m *model) space() int { return max(m.height-frame-m.paneHeight(), 1) }

func (m *model) paneHeight() int {
	if m.pane == nil {
		return 0
	}
	return max((m.height-frame)/2, 1)
}

var (
	bold     = lipgloss.NewStyle().Bold(true)
	dim      = lipgloss.NewStyle().Faint(true)
	reversed = lipgloss.NewStyle().Reverse(true)
	colors   = map[string]lipgloss.Style{
		"failed": lipgloss.NewStyle().Foreground(lipgloss.Color("1")), "stuck": lipgloss.NewStyle().Foreground(lipgloss.Color("1")),
		"backoff":  lipgloss.NewStyle().Foreground(lipgloss.Color("3")),
		"starting": lipgloss.NewStyle().Foreground(lipgloss.Color("4")), "stopping": lipgloss.NewStyle().Foreground(lipgloss.Color("4")),
		"running": lipgloss.NewStyle().Foreground(lipgloss.Color("2")),
	}
)

// View is the screen: exactly as many lines as it has.
func (m *model) View() string {
	lines := []string{m.head()}
	if m.help {
		for _, k := range keyHelp {
			lines = append(lines, fmt.Sprintf("  %-8s  %s", k.key, k.does))
		}
	} else {
		lines = append(lines, m.headings())
		lines = append(lines, m.list()...)
		if m.pane != nil {
			lines = append(lines, m.paneLines()...)
		}
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(m.height-1, 0)], m.foot())
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, m.width, "…")
	}
	return strings.Join(lines, "\n")
}

// head says how the whole is.
func (m *model) head() string {
	if !m.asked {
		if m.err != nil {
			return bold.Render("tendtop") + "  " + colors["failed"].Render(said.Clean(m.err.Error(), maxText))
		}
		return bold.Render("tendtop") + "  asking " + m.client.base
	}
	name, ready, why := bold.Render(said.Clean(m.status.Name, maxText)), colors["running"].Render("ready"), ""
	if err := m.status.Ready(); err != nil {
		ready, why = colors["failed"].Render("not ready"), "; "+said.Clean(err.Error(), maxText)
	}
	if !m.status.PausedUntil.IsZero() {
		why = "; pauses for " + said.Age(m.status.PausedUntil.Sub(m.status.Time)) + why
	}
	if m.err != nil {
		ready = colors["failed"].Render("no answer since " + m.status.Time.Local().Format("15:04:05"))
	}
	return name + "  " + ready + "  " + counts(m.status) + why
}

// widths of the columns but the first and the last.
const (
	stateWidth = 9
	ageWidth   = 7
	countWidth = 8
)

// nameWidth is what names get: what they need, and a third of the screen at most.
func (m *model) nameWidth() int {
	need := 8
	for _, r := range m.rows {
		need = max(need, 2*r.depth+ansi.StringWidth(r.name))
	}
	return min(need, max(m.width/3, 12))
}

func (m *model) headings() string {
	return dim.Render(fmt.Sprintf("%-*s %-*s %*s %*s %s", m.nameWidth(), "service", stateWidth, "state", ageWidth, "for", countWidth, "restarts", "last"))
}

// list are the rows that are on the screen.
func (m *model) list() []string {
	if m.asked && len(m.rows) == 0 {
		return []string{dim.Render("nothing to show")}
	}
	name := m.nameWidth()
	var lines []string
	for _, r := range m.rows[min(m.top, len(m.rows)):min(m.top+m.space(), len(m.rows))] {
		lines = append(lines, m.line(r, name))
	}
	return lines
}

func (m *model) line(r row, nameWidth int) string {
	name := ansi.Truncate(strings.Repeat("  ", r.depth)+r.name, nameWidth, "…")
	name += strings.Repeat(" ", nameWidth-ansi.StringWidth(name))
	state := fmt.Sprintf("%-*s", stateWidth, r.state)
	rest := fmt.Sprintf("%*s %*d %s", ageWidth, said.Age(r.age), countWidth, r.restarts, r.note)
	if r.identity == m.selected {
		text := ansi.Truncate(name+" "+state+" "+rest, m.width, "…")
		return reversed.Render(text + strings.Repeat(" ", max(m.width-ansi.StringWidth(text), 0)))
	}
	return name + " " + colors[r.state].Render(state) + " " + rest
}

// paneLines are what is known of the selected service, below a rule.
func (m *model) paneLines() []string {
	title := "nothing is selected"
	if at := m.at(); at >= 0 {
		title = m.rows[at].path
	}
	lines := []string{bold.Render("── " + title + " " + strings.Repeat("─", max(m.width-ansi.StringWidth(title)-4, 0)))}
	return append(lines, m.pane.lines(m.paneHeight()-1)...)
}

// foot says what was asked, or what can be.
func (m *model) foot() string {
	switch {
	case m.typing:
		return "/" + said.Clean(m.choice.query, maxText) + "█"
	case m.confirm != nil:
		return bold.Render(m.confirm.action + " " + m.confirm.path + "? y confirms, any other key does not")
	case m.said != "":
		return said.Clean(m.said, maxText)
	}
	shown := "by " + m.choice.order.String()
	if m.choice.trouble {
		shown = "in trouble, " + shown
	}
	if m.choice.query != "" {
		shown += ", with " + said.Clean(m.choice.query, maxText)
	}
	return dim.Render(fmt.Sprintf("%d %s   ? keys  / filter  t trouble  s sort  q quit", len(m.rows), shown))
}
