package tendotel

import (
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/tend-go/tend"
)

// Attributes of an event that spans have under other names, or as events of the
// span, as they may be long.
var elsewhere = map[string]bool{
	"event": true, "supervisor": true, "service": true, "id": true, "incarnation": true,
	"error": true, "stack": true, "stacks": true,
}

// own are the attributes of an event that are not its origin's. Durations are in
// seconds.
func own(e tend.Event) []attribute.KeyValue {
	var list []attribute.KeyValue
	for _, a := range e.LogValue().Group() {
		if elsewhere[a.Key] {
			continue
		}
		key := attribute.Key("tend." + a.Key)
		switch v := a.Value; v.Kind() {
		case slog.KindBool:
			list = append(list, key.Bool(v.Bool()))
		case slog.KindDuration:
			list = append(list, key.Float64(v.Duration().Seconds()))
		case slog.KindFloat64:
			list = append(list, key.Float64(v.Float64()))
		case slog.KindInt64:
			list = append(list, key.Int64(v.Int64()))
		case slog.KindUint64:
			list = append(list, key.Int64(int64(v.Uint64())))
		case slog.KindAny, slog.KindGroup, slog.KindLogValuer, slog.KindString, slog.KindTime:
			list = append(list, key.String(v.String()))
		}
	}
	return list
}

// exception is the reason of a failure in the words of OpenTelemetry. That a service
// has returned nil although it must not end has no type.
func exception(r tend.Reason) []attribute.KeyValue {
	list := []attribute.KeyValue{semconv.ExceptionMessage(r.Error())}
	if r.Err != nil {
		list = append(list, semconv.ExceptionType(fmt.Sprintf("%T", r.Err)))
	}
	if stack := r.Stack(); stack != "" {
		list = append(list, semconv.ExceptionStacktrace(stack))
	}
	return list
}

func fail(span trace.Span, why string) { span.SetStatus(codes.Error, why) }
