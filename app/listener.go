package app

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/internal/gate"
	"github.com/tend-go/tend/internal/loopback"
)

// Bounds of what a client may keep busy.
const (
	headerTimeout = 10 * time.Second // to send the head of a request
	idleTimeout   = 2 * time.Minute  // between two requests on one connection
	textTimeout   = time.Minute      // to read the tree as text
	maxHeader     = 32 << 10         // bytes
)

// listeners are the two that Options may ask for. They are not services of the
// tree, because probes have to be answered before it starts and until it has
// stopped.
type listeners struct {
	options  Options
	stopping func() bool
	servers  []*http.Server

	live, ready, tree question
}

func newListeners(o Options, tree *asked.Question[tend.Status], stopping func() bool) *listeners {
	return &listeners{
		options: o, stopping: stopping,
		live:  newQuestion(tree, checkAge, o.Live),
		ready: newQuestion(tree, checkAge, o.Ready),
		tree:  newTextQuestion(tree),
	}
}

// open listens and serves. After an error nothing is open.
func (l *listeners) open(ctx context.Context) error {
	if l.options.Tree != nil && l.options.Debug == "" { // no panic: that address may come from settings
		l.options.Logger.LogAttrs(ctx, slog.LevelWarn, "nowhere to show the tree", slog.String("because", "Options.Debug is empty"))
	}
	for _, at := range []struct {
		name, addr string
		debug      bool
	}{{"Listen", l.options.Listen, false}, {"Debug", l.options.Debug, true}} {
		if at.addr == "" {
			continue
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", at.addr)
		if err != nil {
			l.close()
			return err
		}
		l.options.Logger.LogAttrs(ctx, slog.LevelInfo, "listening", slog.String("for", at.name), slog.String("address", listener.Addr().String()))
		h := http.Handler(l.routes(at.debug))
		if at.debug {
			h = l.guarded(h, loopback.IsAddr(listener.Addr()))
		}
		l.serve(ctx, listener, h)
	}
	return nil
}

func (l *listeners) serve(ctx context.Context, listener net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(l.options.Logger.Handler(), slog.LevelWarn),
	}
	l.servers = append(l.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			l.options.Logger.LogAttrs(ctx, slog.LevelError, "listener failed", slog.Any("error", err))
		}
	}()
}

// close ends them, and requests under way: the program ends.
func (l *listeners) close() {
	for _, s := range l.servers {
		_ = s.Close()
	}
}

// routes are what a listener answers.
func (l *listeners) routes(debug bool) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/livez", forGet(l.probe(l.live, answer{"ok", true}, debug)))
	mux.Handle("/readyz", forGet(l.probe(l.ready, answer{text: "the program is stopping"}, debug)))
	mux.Handle("/", l.handlers())
	if !debug {
		return mux
	}
	tree := l.options.Tree
	if tree == nil {
		tree = http.HandlerFunc(l.text)
	}
	mux.Handle("/debug/tree/", http.StripPrefix("/debug/tree", tree))
	handleProfiles(mux)
	if !slices.ContainsFunc(slices.Collect(maps.Keys(l.options.Handlers)), isRoot) {
		mux.Handle("/{$}", forGet(index(l.options.Handlers)))
	}
	return mux
}

// handlers answer what is left for Options.Handlers. They are in conflict with each other at most,
// and not with a pattern that they know nothing of, as "GET /" and "/debug/tree/" are in one mux.
func (l *listeners) handlers() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range l.options.Handlers {
		mux.Handle(pattern, h)
	}
	return mux
}

// forGet is h for GET and HEAD alone. A pattern with a method would leave the others to
// Options.Handlers.
func forGet(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		h(w, r)
	}
}

// guarded keeps foreign web sites from the debug listener, and whom else
// Options.Middleware does. On loopback it is answered under loopback names alone;
// elsewhere nobody knows which names are good.
func (l *listeners) guarded(h http.Handler, loopback bool) http.Handler {
	if l.options.Middleware != nil {
		if h = l.options.Middleware(h); h == nil {
			panic("tend/app: Options.Middleware returned nil")
		}
	}
	door := gate.New("*")
	if loopback {
		door = gate.New()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Path == "/debug/tree" || r.URL.Path == "/debug/tree/"
		if code, why := door.Refuse(r, page); code != 0 {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "tend/app: "+why, code)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// probe answers with what q says, or with stopping if the stop has begun, also meanwhile:
// 200 and "ok", or 503. Only those who may see everything learn why.
func (l *listeners) probe(q question, stopping answer, details bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := stopping
		if !l.stopping() {
			if says := q(r.Context()); !l.stopping() {
				a = says
			}
		}
		head(w, "", true)
		w.Header().Set("Cache-Control", "no-store")
		if !a.ok {
			w.WriteHeader(http.StatusServiceUnavailable)
			if !details {
				a.text = l.notOK()
			}
		}
		_, _ = w.Write([]byte(a.text + "\n"))
	}
}

// notOK is what those get to read who may not see everything.
func (l *listeners) notOK() string {
	if l.options.Debug == "" {
		return "not ok"
	}
	return "not ok; the debug listener says why"
}

// text shows the tree as text.
func (l *listeners) text(w http.ResponseWriter, r *http.Request) {
	a := l.tree(r.Context())
	if !a.ok {
		http.Error(w, a.text, http.StatusServiceUnavailable)
		return
	}
	head(w, "", true)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(textTimeout)) // a recorder has none
	_, _ = w.Write([]byte(a.text))
}
