package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/server"
)

// newWeb is the service that answers HTTP requests. A stop gives the answers that
// are being written a second.
func newWeb(address string, prober *health.Prober, log *slog.Logger) tend.Child {
	web := server.Config{
		Name:   "http",
		Listen: func(ctx context.Context) (net.Listener, error) { return listen(ctx, address, log) },
		New:    server.CopiesOf(&http.Server{Handler: routes(prober), ReadHeaderTimeout: 5 * time.Second}),
		Drain:  time.Second,
	}.Child()
	// A port that is taken is no reason to send nothing.
	web.Backoff = tend.Backoff{Min: time.Second, Max: time.Minute}
	return web
}

// listen says where: the port may be any.
func listen(ctx context.Context, address string, log *slog.Logger) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		log.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("url", "http://"+listener.Addr().String()+"/readyz"))
	}
	return listener, err
}

// routes answers from what the prober knows. A request runs no check, so a storm
// of them costs the store nothing. Only this machine is told the details.
func routes(prober *health.Prober) http.Handler {
	local := func(r *http.Request) bool {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		return net.ParseIP(host).IsLoopback()
	}
	mux := http.NewServeMux()
	mux.Handle("/livez", prober.Handler(health.Liveness, local))
	mux.Handle("/readyz", prober.Handler(health.Readiness, local))
	return mux
}
