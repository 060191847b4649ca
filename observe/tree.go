package observe

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// look returns the newest view. If the reader left meanwhile it returns nil.
func (p *Page) look(r *http.Request) *view {
	v, err := p.hub.now(r.Context())
	if err != nil {
		return nil
	}
	return v
}

// servePage answers with the page, or to people at a terminal with the tree as text.
func (p *Page) servePage(w http.ResponseWriter, r *http.Request) {
	if wantsText(r) {
		p.serveText(w, r)
		return
	}
	p.serveWanted(p.kinds.page, w, r)
}

// serveTree answers with the whole status, as JSON or as text.
func (p *Page) serveTree(w http.ResponseWriter, r *http.Request) {
	if wantsText(r) {
		p.serveText(w, r)
		return
	}
	p.kinds.tree.serve(w, r)
}

// serveText answers with the tree as text, or with what a search finds.
func (p *Page) serveText(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case q.Has("q") || q.Has("state") || q.Has("sort"):
		p.search(w, r, func(found reply) { answerFound(w, found) })
	default:
		p.kinds.text.serve(w, r)
	}
}

// writeText writes the tree for people.
func writeText(w io.Writer, o *opening) error {
	_, err := io.WriteString(w, o.view.text())
	return err
}

// text is the tree for people who read text.
func (v *view) text() string {
	s := fmt.Sprint(&v.status)
	if !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// writeDot writes the tree as a Graphviz graph: one box per supervisor, one ellipse
// per service, coloured if it does not simply run.
func writeDot(w io.Writer, o *opening) error {
	b := bufio.NewWriter(w) // keeps the first error, which Flush returns
	_, _ = b.WriteString("digraph tree {\n\trankdir=LR;\n\tnode [style=filled, fillcolor=white];\n")
	for i := range o.view.rows {
		r := &o.view.rows[i]
		shape := "ellipse"
		if r.Branch.Supervisor {
			shape = "box"
		}
		label := r.Name + "\n" + stateNames[r.State]
		fmt.Fprintf(b, "\tn%d [label=%s, shape=%s, fillcolor=%s];\n", r.ID, dotString(label), shape, dotColor(tend.State(r.State)))
		if i != 0 {
			fmt.Fprintf(b, "\tn%d -> n%d;\n", r.Parent, r.ID)
		}
	}
	_, _ = b.WriteString("}\n")
	return b.Flush()
}

// dotQuoter quotes for the DOT language, where a backslash begins an escape.
var dotQuoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func dotString(s string) string { return `"` + dotQuoter.Replace(s) + `"` }

func dotColor(s tend.State) string {
	switch s {
	case tend.StateRunning:
		return "palegreen"
	case tend.StateStarting:
		return "lightskyblue"
	case tend.StateBackoff:
		return "gold"
	case tend.StateStopping:
		return "plum"
	case tend.StateStuck:
		return "orange"
	case tend.StateFailed:
		return "salmon"
	case tend.StatePending, tend.StateSuspended, tend.StateDone, tend.StateGone:
	}
	return "lightgray"
}

// reply is what api/view says: rows, and with them what a page must know to go on
// from there.
type reply struct {
	At     int64    `json:"at"`               // Unix milliseconds
	Seq    string   `json:"seq,omitempty"`    // where to go on in api/events
	Total  int      `json:"total"`            // rows that there are, or that were found
	Rows   []row    `json:"rows"`             // parents before children, siblings by id
	Events []entry  `json:"events,omitempty"` // newest first
	Acts   []entry  `json:"acts,omitempty"`   // those by people, also if they are older
	States []string `json:"states,omitempty"` // by number
	// Troubles are the numbers of those in which somebody should look at a service.
	Troubles []int  `json:"troubles,omitempty"`
	Title    string `json:"title,omitempty"`
	Path     string `json:"path,omitempty"`  // of the root of the page, which need not be that of the tree
	Allow    bool   `json:"allow,omitempty"` // there are buttons
	// Wanted is the id of the service of a large tree that a link means, whether there was
	// room for its row or not.
	Wanted uint64 `json:"wanted,omitempty"`
	// Program is only what the page begins with, as it changes without a frame.
	Program *program `json:"program,omitempty"`
}

// Bounds of what is sent at once; the page asks for the rest when it needs it.
const (
	maxView   = 20_000 // rows to begin with
	maxBranch = 5_000  // services of one supervisor
	maxLog    = 60     // events
)

// serveView answers the page's requests for rows: the services of one supervisor
// (?under=, with ?after= the last one that it has), the results of a search (?q=,
// ?state=, ?sort=), or what the page begins with.
func (p *Page) serveView(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case q.Has("under"):
		if v := p.look(r); v != nil {
			answerJSON(w, r, v.branchReply(number(q.Get("under")), number(q.Get("after"))))
		}
	case q.Has("q") || q.Has("state") || q.Has("sort"):
		p.serveSearch(w, r)
	default:
		p.serveWanted(p.kinds.view, w, r)
	}
}

// beginning is what a page shows first.
func (p *Page) beginning(o *opening) reply {
	whole := p.program()
	return reply{
		At:       millis(o.view.status.Time),
		Seq:      o.id,
		Total:    len(o.view.rows),
		Rows:     o.view.beginning(maxView, o.wanted),
		Events:   o.told,
		Acts:     o.acts,
		States:   stateNames[:],
		Troubles: troubles,
		Title:    said.Short(cmp.Or(p.options.Title, o.view.rows[0].Name), maxName),
		Path:     o.view.status.Path,
		Allow:    p.options.Allow != nil,
		Wanted:   o.wanted,
		Program:  &whole,
	}
}

func (p *Page) writeBeginning(w io.Writer, o *opening) error {
	return json.NewEncoder(w).Encode(p.beginning(o))
}

func (v *view) branchReply(under, after uint64) reply {
	a := reply{At: millis(v.status.Time), Rows: []row{}}
	if up, ok := v.place[under]; ok {
		a.Total = v.rows[up].Branch.Services
		v.services(up, after, func(i int) bool {
			a.Rows = append(a.Rows, v.rows[i])
			return len(a.Rows) < maxBranch
		})
	}
	return a
}

// number is the number s, or 0, which is nobody's id but the root's.
func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}
