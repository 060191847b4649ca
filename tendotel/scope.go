package tendotel

import (
	"cmp"
	"runtime/debug"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the instrumentation: of this module.
const scope = "github.com/tend-go/tend/tendotel"

func newMeter(p metric.MeterProvider) metric.Meter {
	return p.Meter(scope, metric.WithInstrumentationVersion(version()), metric.WithSchemaURL(semconv.SchemaURL))
}

func newSpans(p trace.TracerProvider) trace.Tracer {
	return p.Tracer(scope, trace.WithInstrumentationVersion(version()), trace.WithSchemaURL(semconv.SchemaURL))
}

// version is that of this module in the program, as the linker wrote it down: a constant
// would have to be thought of at each release.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return devel
	}
	return versionIn(info)
}

// devel is the version of what was not released.
const devel = "(devel)"

func versionIn(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != scope {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		return cmp.Or(m.Version, devel)
	}
	return devel
}
