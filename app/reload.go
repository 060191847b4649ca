package app

import (
	"context"
	"log/slog"

	"github.com/tend-go/tend/sdnotify" //nolint:depguard // a protocol and no sibling: it knows nothing of tend, see doc.go
)

// reload calls the hooks one after another.
func (p *program) reload(ctx context.Context) {
	p.log.LogAttrs(ctx, slog.LevelInfo, "reloading")
	p.systemd.send(sdnotify.Reloading())
	failed := 0
	for _, hook := range p.options.Reload {
		if err := try(func() error { return hook(ctx) }); err != nil {
			failed++
			p.log.LogAttrs(ctx, slog.LevelError, "reload failed", slog.Any("error", err))
		}
	}
	if p.isReady() {
		p.systemd.send(sdnotify.Ready)
	}
	p.log.LogAttrs(ctx, slog.LevelInfo, "reloaded", slog.Int("hooks", len(p.options.Reload)), slog.Int("failed", failed))
}
