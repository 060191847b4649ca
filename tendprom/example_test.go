package tendprom_test

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendprom"
)

func ExampleNewCollector() {
	root := tend.New("shop", tend.Spec{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(tendprom.NewCollector(root, tendprom.Options{
		// Those that fall under a budget of their own are few, and worth watching.
		Services: func(s tend.ServiceStatus) bool { return s.Limit.N > 0 },
	}))
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	// In a program that uses package app:
	// app.Options{Listen: ":8081", Handlers: map[string]http.Handler{"/metrics": promhttp.HandlerFor(registry, …)}}
}
