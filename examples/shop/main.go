// Shop takes orders over HTTP, keeps them in a database, and has workers charge for
// them. docs/tutorial.md builds it in eight steps.
package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
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

func main() {
	root, options, err := newShop(fromEnv())
	if err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(2)
	}
	app.Main(root, options)
}

// settings come from the environment, as in a container.
type settings struct {
	web, probes, debug string // where to listen: for customers, for the platform, for us
	database           string // a file
	bank               string // a URL; empty: a toy
	crashes            string // a directory for crash bundles; empty: none
}

func fromEnv() settings {
	get := func(name, otherwise string) string { return cmp.Or(os.Getenv("SHOP_"+name), otherwise) }
	return settings{
		web: get("WEB", "localhost:8080"), probes: get("PROBES", "localhost:8081"), debug: get("DEBUG", "localhost:6060"),
		database: get("DATABASE", "shop.db"), bank: get("BANK", ""), crashes: get("CRASHES", ""),
	}
}

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
