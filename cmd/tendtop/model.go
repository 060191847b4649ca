package main

import (
	"context"
	"errors"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/tend-go/tend"
)

// model is what is on the screen and why. Its Update is pure but for the commands that
// it returns, which ask the program that is looked at.
type model struct {
	client *client
	every  time.Duration

	status tend.Status
	asked  bool  // there has been an answer
	err    error // of the last question; the last answer stays
	choice choice
	rows   []row

	selected      identity // the zero one: nothing
	top           int      // the first row on the screen
	pane          *pane    // nil: closed
	typing        bool     // the query
	confirm       *wish    // to be confirmed
	said          string   // what became of the last one
	help          bool
	width, height int
}

func newModel(c *client, o options) *model {
	return &model{client: c, every: o.every, choice: choice{query: o.query}, width: 80, height: 24}
}

// What comes back from commands.
type (
	treeMsg struct {
		status tend.Status
		err    error
		polled bool // by the loop, which goes on with a tick
	}
	tickMsg struct{}
	nodeMsg struct {
		id   uint64 // that was asked for
		node node
		err  error
	}
	stacksMsg struct {
		of    identity
		epoch string // empty: nobody has answered
		text  string
		err   error
	}
	actedMsg struct {
		action string
		err    error
	}
)

func (m *model) Init() tea.Cmd { return m.ask(true) }

// ask asks for the tree, and for what the pane shows. polled: a tick is to follow the
// answer. Only the first question and those of ticks are such, so that there is one loop,
// whatever is asked besides.
func (m *model) ask(polled bool) tea.Cmd {
	c := m.client
	cmds := []tea.Cmd{func() tea.Msg {
		status, err := c.tree(context.Background())
		return treeMsg{status, err, polled}
	}}
	if m.pane != nil {
		cmds = append(cmds, m.look())
	}
	return tea.Batch(cmds...)
}

func (m *model) look() tea.Cmd {
	c, id := m.client, m.selected.id
	return func() tea.Msg {
		n, err := c.node(context.Background(), id)
		return nodeMsg{id, n, err}
	}
}

func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.scroll()
	case treeMsg:
		return m, m.gotTree(msg)
	case tickMsg:
		return m, m.ask(true)
	case nodeMsg:
		if m.pane != nil && msg.id == m.selected.id && (msg.err != nil || msg.node.isAt(m.selected.path)) {
			m.pane.got(msg.node, msg.err)
		}
	case stacksMsg:
		if m.pane != nil && msg.of == m.selected {
			m.pane.stacks(msg)
		}
	case actedMsg:
		if m.said = msg.action + " requested"; msg.err != nil {
			m.said = msg.action + ": " + msg.err.Error()
		}
		return m, m.ask(false)
	case tea.KeyMsg:
		m.said = ""
		return m, m.key(msg)
	}
	return m, nil
}

func (m *model) gotTree(msg treeMsg) tea.Cmd {
	var look tea.Cmd
	if m.err = msg.err; msg.err == nil {
		m.asked, m.status = true, msg.status
		before := m.selected
		if m.choose(m.choice); m.pane != nil && m.selected != before {
			look = m.look() // what was asked with this tree was about the one before
		}
	}
	if !msg.polled {
		return look
	}
	return tea.Batch(look, tea.Tick(m.every, func(time.Time) tea.Msg { return tickMsg{} }))
}

// choose shows what is chosen; the same service stays selected if it is there.
func (m *model) choose(c choice) {
	m.choice = c
	m.rows = rowsOf(m.status, c)
	if len(m.rows) > 0 && m.at() < 0 {
		m.reselect()
	}
	m.scroll()
}

// reselect selects the service that has the path of the one selected, which is not shown:
// after another start of the program it has another id. If there is none it selects the
// first one. What the pane has is not of either.
func (m *model) reselect() {
	at := slices.IndexFunc(m.rows, func(r row) bool { return r.path == m.selected.path })
	switch {
	case at < 0:
		at, m.pane = 0, nil
	case m.pane != nil:
		m.pane = &pane{}
	}
	m.selected = m.rows[at].identity
}

// at is the place of the selected service, less than 0 if it is not shown.
func (m *model) at() int {
	return slices.IndexFunc(m.rows, func(r row) bool { return r.identity == m.selected })
}

// move selects another row.
func (m *model) move(to int) tea.Cmd {
	if len(m.rows) == 0 {
		return nil
	}
	m.selected = m.rows[min(max(to, 0), len(m.rows)-1)].identity
	m.scroll()
	if m.pane == nil {
		return nil
	}
	m.pane = &pane{}
	return m.look()
}

// scroll brings the selected row onto the screen.
func (m *model) scroll() {
	at, space := max(m.at(), 0), m.space()
	m.top = min(m.top, at, max(len(m.rows)-space, 0))
	m.top = max(m.top, at-space+1, 0)
}

// wish is what somebody wants to be done to a service: to that which was selected when
// they said so, whatever is by the time that they confirm it.
type wish struct {
	action string
	id     uint64
	path   string
}

// act asks for what was confirmed.
func (m *model) act(w wish) tea.Cmd {
	c := m.client
	return func() tea.Msg {
		n, err := c.node(context.Background(), w.id)
		if err == nil && !n.isAt(w.path) {
			err = errors.New("it is another service now")
		}
		if err == nil {
			err = c.act(context.Background(), n, w.action)
		}
		return actedMsg{w.action, err}
	}
}
