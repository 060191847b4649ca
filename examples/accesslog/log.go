package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// newLogger logs what the tree does. All is starts and stops, too, and the crashes of
// parsers with their stacks, which are no news here: there are two for each malformed
// line.
func newLogger(w io.Writer, all bool) *slog.Logger {
	if all {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(calm{slog.NewTextHandler(w, nil)})
}

// calm leaves out what happens to parsers.
type calm struct{ slog.Handler }

func (h calm) Handle(ctx context.Context, r slog.Record) error {
	ofParser := false
	r.Attrs(func(a slog.Attr) bool {
		ofParser = (a.Key == "supervisor" || a.Key == "path") && strings.HasPrefix(a.Value.String(), "accesslog/pipeline/parsers")
		return !ofParser
	})
	if ofParser {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}
