package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/observe"
	"github.com/tend-go/tend/periodic"
	"github.com/tend-go/tend/server"
	"github.com/tend-go/tend/tendotel"
	"github.com/tend-go/tend/tendprom"
)

// newShop is the tree, in the order in which it starts; it stops in reverse.
func newShop(s settings) (*tend.Supervisor, app.Options, error) {
	spans, err := newTraces(context.Background())
	if err != nil {
		return nil, app.Options{}, err
	}
	root := tendotel.New("shop", tend.Spec{Ordered: true, StopWithin: 20 * time.Second}, tendotel.TraceOptions{Provider: spans.provider})
	db := newStore(s.database)
	prober, err := newProber(root, db)
	if err != nil {
		return nil, app.Options{}, err
	}
	root.Add(spans)
	root.Add(tend.Child{Service: db, ReadyTimeout: 30 * time.Second, Backoff: tend.Backoff{Min: time.Second, Max: time.Minute}})
	root.Add(newWorkers(4, db, newBank(s.bank)))
	root.Add(&periodic.Job{Name: "expiry", Interval: time.Minute, Run: db.expire})
	root.Add(prober)
	root.Add(server.HTTP(&http.Server{Addr: s.web, Handler: newWeb(db)}))
	return root, watched(root, prober, s), nil
}

// watched is how the outside sees the shop.
func watched(root *tend.Supervisor, prober *health.Prober, s settings) app.Options {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(tendprom.NewCollector(root, tendprom.Options{}))
	return app.Options{
		Listen: s.probes, Debug: s.debug, CrashDir: s.crashes,
		Tree: observe.Handler(root, observe.Options{}),
		Handlers: map[string]http.Handler{
			"/metrics": promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}),
			"/health":  prober.Handler(health.Readiness, nil),
		},
	}
}
