package tendotel

import (
	"cmp"
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// traceHandler hands records on, those of a span with its trace.
type traceHandler struct{ to *slog.Logger } // nil: slog.Default at each record

func (h traceHandler) logger() *slog.Logger { return cmp.Or(h.to, slog.Default()) }

func (h traceHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.logger().Enabled(ctx, level)
}

func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.logger().Handler().Handle(ctx, r)
}

func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{slog.New(h.logger().Handler().WithAttrs(attrs))}
}

func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.logger().WithGroup(name)}
}
