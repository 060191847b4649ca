package main

import (
	"context"
	"errors"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/tend-go/tend/internal/said"
)

// keyHelp is what keys do.
var keyHelp = []struct{ key, does string }{
	{"↑ ↓ j k", "select; also PgUp, PgDn, Home, End"},
	{"Enter", "failures, with the stacks of panics, and events of the service; again: close"},
	{"g", "where its goroutines are now"},
	{"J K", "scroll what Enter and g show"},
	{"t", "only what is in trouble, the latest failure first; again: all"},
	{"s", "sort by restarts, failures, age, last failure; again: the tree"},
	{"/", "filter by words in path, state and last failure; Esc: all"},
	{"r z x", "restart, suspend, remove, if the page allows it; y confirms"},
	{"", "restart also brings back what is suspended, done or failed"},
	{"e", "end the pause of the supervisor, or of the one of the service; y confirms"},
	{"? q", "this, and the end"},
}

// key does what a key asks for.
func (m *model) key(k tea.KeyMsg) tea.Cmd {
	switch {
	case k.Type == tea.KeyCtrlC:
		return tea.Quit
	case m.typing:
		m.typed(k)
		return nil
	case m.confirm != nil:
		w := *m.confirm
		if m.confirm = nil; k.String() == "y" {
			return m.act(w)
		}
		return nil
	case m.help:
		m.help = false
		return nil
	}
	if cmd, moves := m.moved(k.String()); moves {
		return cmd
	}
	return m.asks(k.String())
}

// typed changes the query.
func (m *model) typed(k tea.KeyMsg) {
	c := m.choice
	switch k.Type {
	case tea.KeyEnter:
		m.typing = false
		return
	case tea.KeyEsc:
		m.typing, c.query = false, ""
	case tea.KeyBackspace:
		if runes := []rune(c.query); len(runes) > 0 {
			c.query = string(runes[:len(runes)-1])
		}
	case tea.KeyRunes, tea.KeySpace:
		c.query += string(k.Runes)
	default:
		return
	}
	m.choose(c)
}

// moved selects another row, if the key is for that.
func (m *model) moved(key string) (cmd tea.Cmd, moves bool) {
	at := m.at()
	to, moves := map[string]int{
		"up": at - 1, "k": at - 1, "down": at + 1, "j": at + 1, "pgup": at - m.space(), "pgdown": at + m.space(),
		"home": 0, "end": len(m.rows) - 1,
	}[key]
	if !moves {
		return nil, false
	}
	return m.move(to), true
}

// asks does what the other keys are for.
func (m *model) asks(key string) tea.Cmd {
	c := m.choice
	switch key {
	case "q":
		return tea.Quit
	case "?":
		m.help = true
	case "/":
		m.typing = true
	case "esc":
		c.query, m.pane = "", nil
		m.choose(c)
	case "s":
		c.order = (c.order + 1) % orders
		m.choose(c)
	case "t":
		if c.trouble = !c.trouble; c.trouble {
			c.order = byLast
		} else {
			c.order = byTree
		}
		m.choose(c)
	case "r", "z", "x":
		if at := m.at(); at >= 0 {
			action := map[string]string{"r": "restart", "z": "suspend", "x": "remove"}[key]
			m.confirm = &wish{action, m.rows[at].id, m.rows[at].path}
		}
	case "e":
		m.resume()
	case "J", "K":
		if by := map[string]int{"J": 1, "K": -1}[key]; m.pane != nil {
			m.pane.scroll(by)
		}
	case "enter", "g":
		return m.open(key == "g")
	}
	return nil
}

// resume wants the pause to end that the selected service is in: its own, if it is a
// supervisor, or that of its supervisor.
func (m *model) resume() {
	id, s := supervisorOf(&m.status, 0, m.selected.id)
	switch {
	case s == nil:
	case s.PausedUntil.IsZero():
		m.said = s.Path + " does not pause"
	default:
		m.confirm = &wish{"resume", id, said.Clean(s.Path, maxText)}
	}
}

// open opens the pane, or closes it; stacks: to show those.
func (m *model) open(stacks bool) tea.Cmd {
	if m.at() < 0 || m.pane != nil && !stacks {
		m.pane = nil
		m.scroll()
		return nil
	}
	m.pane = &pane{}
	m.scroll()
	if !stacks {
		return m.look()
	}
	return tea.Batch(m.look(), m.stacks())
}

// stacks asks for those of the selected service: whose id that is, is asked first.
func (m *model) stacks() tea.Cmd {
	c, of := m.client, m.selected
	return func() tea.Msg {
		n, err := c.node(context.Background(), of.id)
		if err == nil && !n.isAt(of.path) {
			err = errAnother
		}
		if err != nil {
			return stacksMsg{of: of, err: err}
		}
		text, err := c.stacks(context.Background(), of.id)
		return stacksMsg{of, n.Epoch, text, err}
	}
}

// errAnother is what becomes of a question about a service of an earlier program.
var errAnother = errors.New("the program was started again, and this is another service now")
