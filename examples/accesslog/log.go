package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// newLogger logs what the tree does, one line for each thing: without the stacks of
// panics, which the tree's status keeps. All is starts and stops, too, and the crashes
// of parsers, which are no news here: there are two for each malformed line.
func newLogger(w io.Writer, all bool) *slog.Logger {
	level := slog.LevelInfo
	if all {
		level = slog.LevelDebug
	}
	text := slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "stack" {
				return slog.Attr{}
			}
			return a
		},
	})
	if all {
		return slog.New(text)
	}
	return slog.New(calm{text})
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
