package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/internal/gate"
	"github.com/tend-go/tend/internal/said"
)

// Options says what a [Page] shows and to whom. The zero value is a read-only
// page for the machine that the program runs on.
type Options struct {
	// Title is what the page is called. Default: the name of the supervisor.
	Title string

	// Events is how many events are kept for those who come later. Default 500.
	Events int

	// Hosts are the names by which the page may be asked for, as in the Host
	// header but without the port: "ops.example.com". Default: only loopback
	// names and addresses, which is what keeps a foreign web site from reading
	// the page by DNS rebinding. Loopback is always accepted. "*" accepts any
	// name; only say that behind something that asks who is there.
	Hosts []string

	// Allow, if set, turns on the buttons that restart, suspend and remove
	// services and end pauses, and is asked for each use of one: nil does it, an
	// error refuses and its text is shown. For the pause of the root s has no Token.
	// It must find out who asks: behind a proxy that all
	// users share, and on a machine that strangers may log in to, a loopback
	// address proves nothing. It runs in the request's goroutine and may block.
	// Each use is logged, also one that is refused, or that means a service which is
	// another one or has left, and what was done is in the page's list of events, with
	// who asked.
	Allow func(r *http.Request, a Action, s tend.ServiceStatus) error

	// User says who makes a request, for the log and the list of events: what a
	// middleware has put into its context or header, say. Empty: nobody knows.
	// It runs as Allow does. Default: only the remote address is told.
	User func(r *http.Request) string

	// Logger gets a record of each use of a button, and nothing else. Default:
	// slog.Default at the time of that.
	Logger *slog.Logger
}

// tree is a [tend.Supervisor], or a test's idea of one.
type tree interface {
	source
	Restart(t tend.ServiceToken, cause error) error
	Suspend(t tend.ServiceToken) error
	Resume(after time.Duration)
	Nested(t tend.ServiceToken) (*tend.Supervisor, error)
	Remove(t tend.ServiceToken) error
	Stacks(t tend.ServiceToken) (string, error)
}

// Page is an [http.Handler] with a page of a running tree and the API that the
// page uses; see the package documentation. It may be mounted anywhere and used
// by any number of goroutines.
type Page struct {
	tree    tree
	options Options
	hub     *hub
	routes  *http.ServeMux
	gate    *gate.Gate
	streams streams

	kinds     kinds
	turn      chan struct{} // of size 1: held while a rendering is made
	searching sync.Mutex    // held by the one search that may be under way
	census    asked.Question[census]

	mu   sync.Mutex
	life context.Context // of streams and of the collection of events; over after Close
	end  context.CancelFunc
}

// Handler returns a page of the tree below root, which is the root of the whole
// tree or any supervisor in it, running or not. It panics if root is nil or
// Options.Events is negative.
//
// From now on until Close it listens to the events of the tree, so that the page
// can tell what happened before somebody looked. All else is done only while
// somebody looks.
func Handler(root *tend.Supervisor, o Options) *Page {
	if root == nil {
		panic("tend/observe: Handler: the supervisor is nil")
	}
	return newPage(root, o)
}

func newPage(t tree, o Options) *Page {
	if o.Events < 0 {
		panic(fmt.Sprintf("tend/observe: Options.Events is %d", o.Events))
	}
	if o.Events == 0 {
		o.Events = 500
	}
	p := &Page{tree: t, options: o, hub: newHub(t, o.Events), gate: gate.New(o.Hosts...), turn: make(chan struct{}, 1)}
	p.kinds = p.newKinds()
	p.census.Ask, p.census.Age = takeCensus, censusKept
	p.routes = p.newRoutes()
	p.begin()
	return p
}

// Close ends the streams to the pages that are open, and the collection of
// events. [http.Server.Shutdown] waits for requests under way and streams do not
// end by themselves, so register it: server.RegisterOnShutdown(page.Close). A
// program that shows its tree for as long as it runs need not call it. Requests
// after Close are answered as before, and the next one for a stream, of a server
// that has been started again, say, begins the collection anew. The events between
// are missing in the list of events and in the failures per minute, and in nothing else.
func (p *Page) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

// begin begins the collection of events, if it is not under way, and returns the
// context that Close ends.
func (p *Page) begin() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.life == nil:
	case p.life.Err() == nil:
		return p.life
	default:
		p.hub.restart()
	}
	p.life, p.end = context.WithCancel(context.Background())
	go p.hub.collect(p.tree.Events(p.life))
	return p.life
}

// ServeHTTP answers a request for the page or its API. See [Options.Hosts] for
// requests that it refuses.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, ok := apiPath(r)
	if !p.admit(w, r, at) {
		return
	}
	if !ok {
		http.Error(w, "observe: there is nothing at this path; mounted below a prefix? use http.StripPrefix", http.StatusNotFound)
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = at, ""
	p.routes.ServeHTTP(w, inner)
}

// newRoutes is the API relative to where the page is.
func (p *Page) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.servePage)
	mux.HandleFunc("GET /api/tree", p.serveTree)
	mux.HandleFunc("GET /api/tree.dot", p.kinds.dot.serve)
	mux.HandleFunc("GET /api/view", p.serveView)
	mux.HandleFunc("GET /api/events", p.serveEvents)
	mux.HandleFunc("GET /api/program", p.serveProgram)
	mux.HandleFunc("GET /api/goroutines", p.serveCensus)
	mux.HandleFunc("GET /api/node/{id}", p.serveNode)
	mux.HandleFunc("GET /api/node/{id}/goroutines", p.serveGoroutines)
	mux.HandleFunc("POST /api/node/{id}/{action}", p.serveAction)
	return mux
}

// apiPath is the path of r relative to the page: "/" or "/api/…". The page does
// not know where it is mounted, and whether a proxy or StripPrefix has cut that
// off, so it goes by the end of the path. For the page itself it must be all of
// the path, or all of a pattern of the ServeMux that it is mounted in.
func apiPath(r *http.Request) (string, bool) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path == "" || path == mountPoint(r.Pattern) {
		return "/", true
	}
	path = "/" + strings.TrimPrefix(r.URL.Path, "/")
	if i := strings.LastIndex(path, "/api/"); i >= 0 {
		return path[i:], true
	}
	return "", false
}

// mountPoint is the path of a ServeMux pattern, "[METHOD ][HOST]/[PATH]", without
// its last slash.
func mountPoint(pattern string) string {
	i := strings.IndexByte(pattern, '/')
	if i < 0 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(pattern[i:], "{$}"), "/")
}

// nodeID is the id in the path of a request; it answers the request if there is
// none.
func nodeID(w http.ResponseWriter, r *http.Request) (uint64, bool) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		http.Error(w, fmt.Sprintf("observe: %q is not the id of a service", said.Short(r.PathValue("id"), 40)), http.StatusBadRequest)
	}
	return id, err == nil
}
