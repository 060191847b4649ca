package observe

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// Action is what a button does.
type Action string

// The actions are the methods of [tend.Supervisor] of these names.
const (
	Restart Action = "restart" // counts as no failure; brings back what is suspended, done or failed
	Suspend Action = "suspend" // stop it, keep its place and history
	Remove  Action = "remove"  // stop it and forget it
	Resume  Action = "resume"  // end the pause of a supervisor; not what brings back the suspended
)

// known are the actions, as somebody is told who asks for another one.
const known = "there are restart, which also brings back what is suspended, suspend, remove, and resume, which ends the pause of a supervisor"

// maxForm bounds the body of a request for an act, in bytes.
const maxForm = 64 << 10

// serveAction does what a button says, if the request means the service that there is
// and Options.Allow lets it.
func (p *Page) serveAction(w http.ResponseWriter, r *http.Request) {
	if p.options.Allow == nil {
		http.Error(w, "observe: this page is read-only; see Options.Allow", http.StatusForbidden)
		return
	}
	id, ok := nodeID(w, r)
	if !ok {
		return
	}
	a := act{action: Action(r.PathValue("action")), id: id, by: p.asker(r)}
	do, find := map[Action]func(*tend.ServiceStatus) error{
		Restart: func(s *tend.ServiceStatus) error { return p.tree.Restart(s.Token, nil) },
		Suspend: func(s *tend.ServiceStatus) error { return p.tree.Suspend(s.Token) },
		Remove:  func(s *tend.ServiceStatus) error { return p.tree.Remove(s.Token) },
		Resume:  p.resume,
	}[a.action], p.service
	switch {
	case do == nil:
		http.Error(w, fmt.Sprintf("observe: there is no action %q; %s", said.Short(string(a.action), 40), known), http.StatusNotFound)
		return
	case a.action == Resume:
		find = p.supervisor
	}
	if !p.meant(w, r, &a, find) {
		return
	}
	if err := p.options.Allow(r, a.action, *a.service); err != nil {
		p.refuse(w, r, a, "refused", http.StatusForbidden, said.Short(said.Text(err), maxText))
		return
	}
	if err := do(a.service); err != nil {
		p.refuse(w, r, a, "failed", http.StatusConflict, said.Short(said.Text(err), maxText))
		return
	}
	p.tell(r, a, slog.LevelInfo, "requested")
	p.hub.note(a.entry())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s requested\n", a.action)
}

// resume ends the pause of a supervisor, the root's too.
func (p *Page) resume(s *tend.ServiceStatus) error {
	switch {
	case s.Supervisor == nil:
		return fmt.Errorf("observe: %s is no supervisor, and so does not pause; restart brings back what is suspended", s.Path)
	case s.Supervisor.PausedUntil.IsZero():
		return fmt.Errorf("observe: %s does not pause", s.Path)
	case s.Token.ID() == 0:
		p.tree.Resume(0)
		return nil
	}
	nested, err := p.tree.Nested(s.Token)
	if nested != nil { // else it serves none any more
		nested.Resume(0)
	}
	return err
}

// readForm reads the form of r, which is bounded in time and size. The deadline ends
// with the body: the server goes on to read, to see whether its reader leaves, and
// whoever is asked for leave may take longer than a form. A body of which more is to come
// keeps it, though the form in it is whole: the server waits for the rest.
func readForm(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w) // for servers that have deadlines
	_ = control.SetReadDeadline(time.Now().Add(writeTimeout))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	_ = r.PostFormValue("epoch")
	if _, err := io.Copy(io.Discard, r.Body); err == nil || errors.Is(err, http.ErrBodyReadAfterClose) {
		_ = control.SetReadDeadline(time.Time{})
	}
}

// meant finds the service that a is for, or refuses a: the form of r must have the path
// of that and the epoch of the program. Ids alone do not say which is meant: they begin
// anew with each program, and whoever has looked at an earlier one may mean something
// else.
func (p *Page) meant(w http.ResponseWriter, r *http.Request, a *act, find func(http.ResponseWriter, *http.Request) *tend.ServiceStatus) bool {
	readForm(w, r)
	a.path = said.Clean(r.PostFormValue("path"), maxPath)
	if !p.has(w, r, a, "epoch", p.hub.epoch) {
		return false
	}
	if a.service = find(w, r); a.service == nil {
		if r.Context().Err() == nil { // else nobody waits for it any more
			p.tell(r, *a, slog.LevelWarn, "refused", slog.String("error", noService(a.id)))
		}
		return false
	}
	a.path = a.service.Path
	return p.has(w, r, a, "path", said.Short(a.path, maxDetail))
}

// has: the form of r has this in a field, or else a is refused.
func (p *Page) has(w http.ResponseWriter, r *http.Request, a *act, field, is string) bool {
	got := r.PostFormValue(field)
	if got != is {
		p.refuse(w, r, *a, "refused", http.StatusConflict, fmt.Sprintf("observe: the %s of service %d is %q, not %q; look at it again",
			field, a.id, said.Short(is, maxPath), said.Short(got, maxPath)))
	}
	return got == is
}

// act is what somebody asks of a service.
type act struct {
	action  Action
	id      uint64
	path    string // as the form has it, until the service is found
	service *tend.ServiceStatus
	by      asker
}

// asker is who asks, as far as is known.
type asker struct{ user, address string }

func (p *Page) asker(r *http.Request) asker {
	a := asker{address: said.Clean(r.RemoteAddr, maxName)}
	if p.options.User != nil {
		a.user = said.Clean(p.options.User(r), maxName)
	}
	return a
}

// refuse answers, and tells, why a is not done.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request, a act, how string, code int, why string) {
	p.tell(r, a, slog.LevelWarn, how, slog.String("error", why))
	http.Error(w, why, code)
}

// tell logs what became of a: each one, as nobody knows afterwards which mattered.
func (p *Page) tell(r *http.Request, a act, level slog.Level, how string, more ...slog.Attr) {
	log := p.options.Logger
	if log == nil {
		log = slog.Default()
	}
	attrs := append([]slog.Attr{slog.String("service", a.path), slog.Uint64("id", a.id), slog.String("from", a.by.address)}, more...)
	if a.by.user != "" {
		attrs = append(attrs, slog.String("user", a.by.user))
	}
	log.LogAttrs(r.Context(), level, string(a.action)+" "+how, attrs...)
}
