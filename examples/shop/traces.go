package main

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/tend-go/tend"
)

// traces sends spans to the collector that the usual variable names, if it does. As a
// service that starts first it is the last to stop, and so sends those of the stop too.
type traces struct{ provider *trace.TracerProvider }

func newTraces(ctx context.Context) (*traces, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		return &traces{trace.NewTracerProvider(trace.WithSampler(trace.NeverSample()))}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	return &traces{trace.NewTracerProvider(trace.WithBatcher(exporter))}, nil
}

func (t *traces) String() string { return "traces" }

func (t *traces) Serve(ctx context.Context) error {
	<-ctx.Done()
	by, bounded := tend.StopBy(ctx)
	if !bounded {
		by = time.Now().Add(5 * time.Second)
	}
	last, cancel := context.WithDeadline(context.WithoutCancel(ctx), by.Add(-time.Second))
	defer cancel()
	return t.provider.ForceFlush(last)
}
