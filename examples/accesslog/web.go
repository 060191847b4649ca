package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/observe"
)

// web is the service that serves HTTP.
type web struct {
	address string                          // to listen at
	handler func(*http.Server) http.Handler // makes what is served, anew for each run
	grace   time.Duration                   // for requests that are being answered when it stops
}

// Serve listens until it is stopped. It is ready when it can be connected to.
func (w *web) Serve(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", w.address)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second}
	server.Handler = w.handler(server)
	tend.Go(ctx, func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err // fails the service, and so ends ctx
		}
		return nil
	})
	slog.InfoContext(ctx, "serving", "tree", "http://"+listener.Addr().String()+"/", "url", "http://"+listener.Addr().String()+"/counts")
	tend.Annotate(ctx, slog.String("address", listener.Addr().String()))
	tend.Ready(ctx)
	<-ctx.Done()
	return w.shutdown(ctx, server)
}

// shutdown lets requests end for as long as grace, and no longer.
func (w *web) shutdown(ctx context.Context, server *http.Server) error {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.grace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		slog.WarnContext(ctx, "requests cut off", "after", w.grace)
		return server.Close()
	}
	return context.Cause(ctx)
}

// site makes what the program serves: the counts, and a page of the tree at work.
func site(s *store, root *tend.Supervisor) func(*http.Server) http.Handler {
	return func(server *http.Server) http.Handler {
		page := observe.Handler(root, observe.Options{})
		server.RegisterOnShutdown(page.Close) // its streams never end by themselves
		return routes(s, page)
	}
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
