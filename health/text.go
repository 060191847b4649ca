package health

import (
	"fmt"
	"log/slog"

	"github.com/tend-go/tend/internal/said"
)

// Bounds of what is kept of what comes from outside. Consul cuts texts at 4 kB,
// Pebble at 512 bytes.
const (
	maxText    = 1 << 10 // bytes
	maxDetails = 32      // attributes of one result
	maxDepth   = 4       // of groups in them
)

// freeze makes texts of the values of user types, so that nothing of theirs is kept or
// read again later. It runs user code; fmt and slog recover its panics.
func freeze(attrs []slog.Attr, depth int) []slog.Attr {
	if len(attrs) > maxDetails {
		attrs = attrs[:maxDetails]
	}
	frozen := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		v := a.Value.Resolve()
		switch v.Kind() {
		case slog.KindAny, slog.KindLogValuer:
			v = slog.StringValue(said.Clean(fmt.Sprint(v.Any()), maxText))
		case slog.KindString:
			v = slog.StringValue(said.Clean(v.String(), maxText))
		case slog.KindGroup:
			if depth == 0 {
				v = slog.StringValue("…")
				break
			}
			v = slog.GroupValue(freeze(v.Group(), depth-1)...)
		case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		}
		frozen = append(frozen, slog.Attr{Key: said.Clean(a.Key, maxName), Value: v})
	}
	return frozen
}
