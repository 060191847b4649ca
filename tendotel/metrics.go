package tendotel

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/tend-go/tend"
)

// scope is the name of the instrumentation.
const scope = "github.com/tend-go/tend/tendotel"

// MetricOptions says what [Metrics] observes. The zero value is a small number of
// attribute sets for each supervisor.
type MetricOptions struct {
	// Provider makes the meter. Default: otel.GetMeterProvider.
	Provider metric.MeterProvider

	// Services chooses services that get attribute sets of their own. It is called
	// for each service at each collection and must not keep or change what it
	// gets. Default: none.
	Services func(s tend.ServiceStatus) bool

	// Depth bounds how many levels of supervisors get attribute sets of their own.
	// What is further below is counted with the supervisor above it at that depth:
	// 1 is the root alone. Default 0: no bound.
	Depth int
}

// tree is a [tend.Supervisor], or a test's idea of one.
type tree interface {
	Status() tend.Status
	UnstoppedServices() []tend.Unstopped
}

// Metrics has the tree below root observed, which may be the root of the whole
// tree or any supervisor in it, served or not, until the result is unregistered. An
// error is the provider's. It panics if root is nil or Depth negative.
func Metrics(root *tend.Supervisor, o MetricOptions) (metric.Registration, error) {
	if root == nil {
		panic("tend/tendotel: the supervisor is nil")
	}
	return observe(root, o)
}

func observe(t tree, o MetricOptions) (metric.Registration, error) {
	if o.Depth < 0 {
		panic(fmt.Sprintf("tend/tendotel: MetricOptions.Depth is %d", o.Depth))
	}
	if o.Provider == nil {
		o.Provider = otel.GetMeterProvider()
	}
	meter := o.Provider.Meter(scope)
	i, err := newInstruments(meter)
	if err != nil {
		return nil, err
	}
	w := &watcher{tree: t, options: o, instruments: i}
	return meter.RegisterCallback(w.observe, i.all...)
}

// watcher answers the SDK.
type watcher struct {
	tree        tree
	options     MetricOptions
	instruments *instruments

	mu     sync.Mutex // one collection at a time
	totals totals
}

func (w *watcher) observe(_ context.Context, to metric.Observer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := newSurvey(w.options)
	s.supervisor(w.tree.Status(), "", 1)
	w.totals.update(s)
	to.ObserveInt64(w.instruments.unstopped, int64(len(w.tree.UnstoppedServices())))
	for path, g := range s.supervisors {
		w.instruments.observeSupervisor(to, path, g)
	}
	for key, g := range s.services {
		w.instruments.observeServices(to, key, g, w.totals.sums[key])
	}
	return nil
}
