package tendotel

import (
	"runtime/debug"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey/surveytest"
)

// Who gets metrics or spans is told of which version and by which conventions they are.
func TestScope(t *testing.T) {
	const schema = "https://opentelemetry.io/schemas/1.37.0"
	reader := sdk.NewManualReader()
	if _, err := observe(surveytest.Shop(), MetricOptions{Provider: sdk.NewMeterProvider(sdk.WithReader(reader))}); err != nil {
		t.Fatal(err)
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewInMemoryExporter()
	newTracer(TraceOptions{Provider: trace.NewTracerProvider(trace.WithSyncer(spans))}, func(tend.Event) {}).hook(tend.PauseEnded{})
	for of, got := range map[string]struct{ Name, Version, SchemaURL string }{
		"metrics": {all.ScopeMetrics[0].Scope.Name, all.ScopeMetrics[0].Scope.Version, all.ScopeMetrics[0].Scope.SchemaURL},
		"spans":   {spans.GetSpans()[0].InstrumentationScope.Name, spans.GetSpans()[0].InstrumentationScope.Version, spans.GetSpans()[0].InstrumentationScope.SchemaURL},
	} {
		if got.Name != scope || got.Version == "" || got.Version != version() || got.SchemaURL != schema {
			t.Errorf("the scope of %s is %+v", of, got)
		}
	}
}

// The version is the module's, wherever it is in the program.
func TestVersion(t *testing.T) {
	other := debug.Module{Path: "example.com/shop", Version: "v9.0.0"}
	for _, test := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: scope, Version: "v1.2.3"}}}, "v1.2.3"},
		{debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: scope, Version: "v0.0.0", Replace: &debug.Module{Path: "../tend/tendotel"}}}}, "(devel)"},
		{debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: scope, Version: "v1.2.3", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.2.4"}}}}, "v1.2.4"},
		{debug.BuildInfo{Main: debug.Module{Path: scope}}, "(devel)"},
		{debug.BuildInfo{Main: other}, "(devel)"},
	} {
		if got := versionIn(&test.info); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
