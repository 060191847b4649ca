package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/server"
)

// newWeb is the service that serves HTTP: the counts, and a page of the tree at
// work.
func newWeb(listen listen, s *store, root *tend.Supervisor) tend.Child {
	web := server.Config{
		Name:   "http",
		Listen: listen,
		New:    func(ctx context.Context) server.Graceful { return newSite(ctx, s, root) },
		Drain:  2 * time.Second,
	}.Child()
	// The port may be taken for a while by the program's own predecessor. That is no
	// reason to stop counting.
	web.Backoff = tend.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second, Jitter: 0.2}
	return web
}

// listen opens a listener.
type listen func(ctx context.Context) (net.Listener, error)

// at opens one at a TCP address, and says where: the port may be any.
func at(address string) listen {
	return func(ctx context.Context) (net.Listener, error) {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			url := "http://" + listener.Addr().String() + "/"
			slog.InfoContext(ctx, "serving", "tree", url, "url", url+"counts")
		}
		return listener, err
	}
}

// newSite makes the server of a run. It has a page of its own, whose streams never
// end by themselves.
func newSite(ctx context.Context, s *store, root *tend.Supervisor) server.Graceful {
	page := observe.Handler(root, observe.Options{})
	site := &http.Server{Handler: routes(s, page), ReadHeaderTimeout: 10 * time.Second}
	site.RegisterOnShutdown(page.Close)
	return server.CopiesOf(site)(ctx)
}

// routes says what is where.
func routes(s *store, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", page)
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, r *http.Request) { serveCounts(w, r, s) })
	return mux
}

func serveCounts(w http.ResponseWriter, r *http.Request, s *store) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	c, err := s.snapshot(ctx)
	if err != nil { // the store is being restarted, or gone
		http.Error(w, "no counts at the moment: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(c); err != nil {
		slog.DebugContext(ctx, "client left", "err", err)
	}
}
