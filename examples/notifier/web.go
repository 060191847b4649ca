package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// web is the service that answers HTTP requests.
type web struct {
	address string
	handler http.Handler
	log     *slog.Logger
}

// Serve is ready when it can be connected to. A stop gives the answers that are
// being written a second.
func (w *web) Serve(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", w.address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w.handler, ReadHeaderTimeout: 5 * time.Second}
	tend.Go(ctx, func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err // fails the service, and so ends ctx
		}
		return nil
	})
	url := "http://" + listener.Addr().String() + "/readyz"
	w.log.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("url", url))
	tend.Annotate(ctx, slog.String("url", url))
	tend.Ready(ctx)
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		return server.Close()
	}
	return context.Cause(ctx)
}

// routes answers from what the monitor knows. A request runs no check, so a storm
// of them costs the store nothing. Only this machine is told the details.
func routes(monitor *health.Monitor) http.Handler {
	local := func(r *http.Request) bool {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		return net.ParseIP(host).IsLoopback()
	}
	mux := http.NewServeMux()
	mux.Handle("/livez", monitor.Handler(health.Liveness, local))
	mux.Handle("/readyz", monitor.Handler(health.Readiness, local))
	return mux
}
