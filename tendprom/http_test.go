package tendprom

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	dto "github.com/prometheus/client_model/go"

	"github.com/tend-go/tend"
)

// A tree that lives, scraped over HTTP and read by the official parser.
func TestScrape(t *testing.T) {
	root := tend.New("shop", tend.Spec{EventHook: func(tend.Event) {}})
	db := tend.New("db", tend.Spec{})
	root.Add(db)
	wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
	failing := tend.Child{Name: "flaky \"x\"\n", Backoff: tend.Backoff{Min: time.Hour}, Service: tend.Func("", func(context.Context) error {
		return errors.New("no")
	})}
	ctx, cancel := context.WithCancel(t.Context())
	events := root.Events(ctx)
	result := root.ServeBackground(ctx)
	if _, err := db.Start(ctx, tend.Func("conn", wait)); err != nil {
		t.Fatal(err)
	}
	flaky := root.Add(failing)
	for e := range events {
		if _, failed := e.(tend.ServiceFailed); failed {
			break
		}
	}

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewCollector(root, Options{Services: func(tend.ServiceStatus) bool { return true }}))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer server.Close()

	got := scrape(t, server.URL)
	for series, want := range map[string]float64{
		`tend_services{state="running", supervisor="shop"}`:                              1,
		`tend_services{state="backoff", supervisor="shop"}`:                              1,
		`tend_services{state="running", supervisor="shop/db"}`:                           1,
		`tend_failures_total{supervisor="shop"}`:                                         1,
		`tend_supervisor_serving{supervisor="shop/db"}`:                                  1,
		`tend_service_up{service="conn", supervisor="shop/db"}`:                          1,
		`tend_service_state{service="flaky \"x\" ", state="backoff", supervisor="shop"}`: 1,
		`tend_unstopped_services`:                                                        0,
	} {
		if value, ok := got[series]; !ok || value != want {
			t.Errorf("%s is %v, %v, want %v", series, value, ok, want)
		}
	}

	if err := root.RemoveAndWait(t.Context(), flaky); err != nil {
		t.Fatal(err)
	}
	got = scrape(t, server.URL)
	if _, ok := got[`tend_service_up{service="flaky \"x\" ", supervisor="shop"}`]; ok {
		t.Error("a service that has left has series")
	}
	if got[`tend_failures_total{supervisor="shop"}`] != 1 {
		t.Error("a total went back when a service left")
	}
	cancel()
	<-result
	if got := scrape(t, server.URL)[`tend_supervisor_serving{supervisor="shop"}`]; got != 0 {
		t.Errorf("after the end serving is %v", got)
	}
}

// scrape fetches an exposition and parses it: values by series.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	r, err := http.Get(url) //nolint:noctx // it is a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r.Status, err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, s := range series(t, f) {
			values[s.Metric.String()] = float64(s.Value)
		}
	}
	return values
}

func series(t *testing.T, f *dto.MetricFamily) model.Vector {
	t.Helper()
	v, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
