package tendotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
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

// Metrics has the tree below root observed, which may be the root of the whole
// tree or any supervisor in it, served or not, until the result is unregistered. An
// error is the provider's. It panics if root is nil or Depth negative.
func Metrics(root *tend.Supervisor, o MetricOptions) (metric.Registration, error) {
	if root == nil {
		panic("tend/tendotel: the supervisor is nil")
	}
	return observe(root, o)
}

func observe(t survey.Tree, o MetricOptions) (metric.Registration, error) {
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
	watch := survey.New(t, survey.Options{Services: o.Services, Depth: o.Depth})
	return meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		i.observe(to, watch.Look())
		return nil
	}, i.all...)
}
