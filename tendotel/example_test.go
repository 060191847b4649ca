package tendotel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendotel"
)

func ExampleNew() {
	spans := tracetest.NewInMemoryExporter() // a program has one that sends
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))

	root := tendotel.New("shop", tend.Spec{}, tendotel.TraceOptions{
		Provider: provider,
		Hook:     func(context.Context, tend.Event) {}, // instead of a log
	})
	runs := 0
	root.Add(tend.Func("work", func(context.Context) error {
		if runs++; runs == 1 {
			return errors.New("no disk")
		}
		return tend.ErrTerminateTree
	}))
	_ = root.Serve(context.Background())

	var names []string
	for _, s := range spans.GetSpans() {
		names = append(names, strings.TrimSpace(s.Name+" "+s.Status.Description))
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Println(name)
	}
	// Output:
	// tend.failure no disk
	// tend.restart
	// tend.stop
}

func ExampleMetrics() {
	root := tend.New("shop", tend.Spec{})
	registration, err := tendotel.Metrics(root, tendotel.MetricOptions{}) // of otel.GetMeterProvider
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = registration.Unregister() }()
	// Serve the tree …

	// Output:
}
