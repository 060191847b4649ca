package observe

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
)

// maxDetail bounds each text in the detail pane, in bytes.
const maxDetail = 8 << 10

// node is what api/node says of one service.
type node struct {
	At   int64  `json:"at"` // Unix milliseconds
	ID   uint64 `json:"id"`
	Path string `json:"path"`
	// Epoch is the one of the program: in another one ID is another service.
	Epoch string `json:"epoch"`
	// Service is its status; null for the root, which is nobody's service here.
	Service *tend.ServiceStatus `json:"service"`
	// Supervisor is that of the supervisor that it is, with an empty list of
	// services; null if it is none.
	Supervisor *tend.Status `json:"supervisor"`
	// NotReady is what [tend.Status.Ready] says of that with its services.
	NotReady string   `json:"not_ready,omitempty"`
	Minutes  []uint32 `json:"minutes"` // failures per minute here and below, of the last hour, oldest first
	Events   []entry  `json:"events"`  // newest first
	Pane     pane     `json:"page"`    // the same, as the page shows it
}

func (p *Page) serveNode(w http.ResponseWriter, r *http.Request) {
	if v, i := p.find(w, r); v != nil {
		answerJSON(w, r, p.newNode(v, i))
	}
}

// find is the newest view and the place in it of the service that r names. If there
// is none it answers r and returns nil, and nil too if the reader left meanwhile.
func (p *Page) find(w http.ResponseWriter, r *http.Request) (*view, int) {
	id, ok := nodeID(w, r)
	if !ok {
		return nil, 0
	}
	v := p.look(r)
	if v == nil {
		return nil, 0
	}
	i, ok := v.place[id]
	if !ok {
		http.Error(w, noService(id), http.StatusNotFound)
		return nil, 0
	}
	return v, i
}

// service is the status of the service that r names. If there is none, or it is the
// root, which is nobody's service here, it returns nil as find does.
func (p *Page) service(w http.ResponseWriter, r *http.Request) *tend.ServiceStatus {
	v, i := p.find(w, r)
	switch {
	case v == nil:
		return nil
	case i == 0:
		http.Error(w, noService(0), http.StatusNotFound)
		return nil
	}
	return v.service(i)
}

// supervisor is what service is, and of the root what that would be if it were a service
// of somebody.
func (p *Page) supervisor(w http.ResponseWriter, r *http.Request) *tend.ServiceStatus {
	v, i := p.find(w, r)
	switch {
	case v == nil:
		return nil
	case i == 0:
		s := &v.status
		return &tend.ServiceStatus{Name: s.Name, Path: s.Path, State: tend.State(v.rows[0].State), Since: s.Since, Wanted: true, Supervisor: s}
	}
	return v.service(i)
}

func noService(id uint64) string {
	return fmt.Sprintf("observe: there is no service %d (any more)", id)
}

// newNode is the node of the row at place i of v.
func (p *Page) newNode(v *view, i int) node {
	n := node{At: millis(v.status.Time), ID: v.rows[i].ID, Epoch: p.hub.epoch}
	own, told := &v.status, v.status.Path // what its own events say they are of
	n.Path = said.Short(told, maxDetail)
	if i != 0 {
		s := bounded(*v.service(i))
		own, s.Supervisor = s.Supervisor, nil
		n.Path, n.Service = s.Path, &s
	}
	if own != nil {
		s := bare(*own)
		n.Supervisor, n.NotReady, told = &s, said.Short(notReady(own), maxDetail), own.Path
	}
	var below []uint64
	for _, r := range v.rows[i+1 : i+v.size[i]] {
		if r.Failed > 0 {
			below = append(below, r.ID)
		}
	}
	n.Events, n.Minutes = p.hub.history(n.ID, said.Short(told, maxPath), below)
	n.Pane = newPane(&n, &v.status)
	return n
}

// bounded returns s with texts that fit to travel.
func bounded(s tend.ServiceStatus) tend.ServiceStatus {
	for _, text := range []*string{&s.Name, &s.Path, &s.WaitingFor.Text, &s.HeldBy, &s.Stopping.Text} {
		*text = said.Short(*text, maxDetail)
	}
	s.Failures = slices.Clone(s.Failures)
	for i := range s.Failures {
		s.Failures[i].Err.Text = said.Short(s.Failures[i].Err.Text, maxDetail)
	}
	return s
}

// bare returns s without its services, and with texts that fit to travel.
func bare(s tend.Status) tend.Status {
	for _, text := range []*string{&s.Name, &s.Path, &s.Stopping.Text} {
		*text = said.Short(*text, maxDetail)
	}
	s.Services = []tend.ServiceStatus{}
	return s
}

// notReady says why s is not ready; empty if it is.
func notReady(s *tend.Status) string {
	if err := s.Ready(); err != nil {
		return err.Error()
	}
	return ""
}

// service is the status behind the row at place i, which is not the root's.
func (v *view) service(i int) *tend.ServiceStatus {
	services := v.status.Services
	if up := v.up[i]; up != 0 {
		services = v.service(up).Supervisor.Services
	}
	at := slices.IndexFunc(services, func(s tend.ServiceStatus) bool { return s.Token.ID() == v.rows[i].ID })
	return &services[at]
}
