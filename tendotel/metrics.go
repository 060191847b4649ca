package tendotel

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
)

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

	// MaxSupervisors bounds how many supervisors get attribute sets of their own: those
	// closest to the root, of one level in the order added. The others are counted with
	// the next one above them that has one, and are so many as tend.supervisor.left_out
	// says. Default 0: 500. Negative: no bound.
	MaxSupervisors int
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
	meter := newMeter(o.Provider)
	i, err := newInstruments(meter)
	if err != nil {
		return nil, err
	}
	watch := survey.New(t, survey.Options{
		Services: o.Services, Depth: o.Depth, Most: o.MaxSupervisors,
		Stopped: func(took time.Duration) { i.stops.Record(context.Background(), took.Seconds()) },
	})
	callback, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		i.observe(to, watch.Look())
		return nil
	}, i.all...)
	if err != nil {
		watch.Close()
		return nil, err
	}
	return registration{callback, watch}, nil
}

// registration is that of a tree.
type registration struct {
	metric.Registration
	watch *survey.Watch
}

// Unregister ends the observation, and the counting of events.
func (r registration) Unregister() error {
	r.watch.Close()
	return r.Registration.Unregister()
}
