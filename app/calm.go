package app

import (
	"context"
	"log/slog"

	"github.com/tend-go/tend/internal/guard"
)

// calm is a handler that may panic without harm: it is user code, and most of what
// is logged here is logged by goroutines of which no panic may come.
type calm struct{ slog.Handler }

func (c calm) Enabled(ctx context.Context, l slog.Level) (enabled bool) {
	guard.Do(func() { enabled = c.Handler.Enabled(ctx, l) })
	return enabled
}

func (c calm) Handle(ctx context.Context, r slog.Record) error {
	return try(func() error { return c.Handler.Handle(ctx, r) })
}

func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(attrs)} }
func (c calm) WithGroup(name string) slog.Handler       { return calm{c.Handler.WithGroup(name)} }
