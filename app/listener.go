package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/asked"
	"github.com/tend-go/tend/internal/loopback"
	"github.com/tend-go/tend/internal/said"
)

// headerTimeout is how long a client may take to send the head of a request.
const headerTimeout = 10 * time.Second

// listeners are the two that Options may ask for. They are not services of the
// tree, because probes have to be answered before it starts and until it has
// stopped.
type listeners struct {
	options  Options
	tree     *asked.Question[tend.Status]
	stopping func() bool
	servers  []*http.Server
}

// open listens and serves. After an error nothing is open.
func (l *listeners) open(ctx context.Context) error {
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
		l.serve(ctx, listener, l.routes(at.debug, loopback.IsAddr(listener.Addr())))
	}
	return nil
}

func (l *listeners) serve(ctx context.Context, listener net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout,
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
func (l *listeners) routes(debug, loopback bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", l.probe(l.options.Live, nil, debug))
	mux.Handle("GET /readyz", l.probe(l.options.Ready, errStopping, debug))
	for pattern, h := range l.options.Handlers {
		mux.Handle(pattern, h)
	}
	if !debug {
		return mux
	}
	tree := l.options.Tree
	if tree == nil {
		tree = http.HandlerFunc(l.text)
	}
	mux.Handle("/debug/tree/", http.StripPrefix("/debug/tree", tree))
	handleProfiles(mux)
	if loopback {
		return loopbackOnly(mux)
	}
	return mux
}

// probe answers with what check says, or while the tree stops with that: 200 and
// "ok", or 503. Only those who may see everything learn why.
func (l *listeners) probe(check func(tend.Status) error, whileStopping error, details bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := whileStopping
		if !l.stopping() {
			err = l.check(r.Context(), check)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		text := "ok\n"
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = "not ok\n"
			if details {
				text = said.Text(err) + "\n"
			}
		}
		_, _ = w.Write([]byte(text))
	})
}

var errStopping = errors.New("the program is stopping")

// check asks the tree.
func (l *listeners) check(ctx context.Context, check func(tend.Status) error) error {
	tree, err := l.tree.Answer(ctx)
	if err != nil {
		return err
	}
	return try(func() error { return check(tree) })
}

// text shows the tree as text.
func (l *listeners) text(w http.ResponseWriter, r *http.Request) {
	tree, err := l.tree.Answer(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(tree.String()))
}

// loopbackOnly refuses requests for other than loopback names; see package loopback.
func loopbackOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback.IsHost(r.Host) {
			http.Error(w, "tend/app: this is only for loopback names", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}
