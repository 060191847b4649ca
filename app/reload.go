package app

import (
	"context"
	"log/slog"

	"github.com/tend-go/tend/sdnotify" //nolint:depguard // a protocol and no sibling: it knows nothing of tend, see doc.go
)

// reload calls the hooks one after another. A hook that calls runtime.Goexit has
// failed, and so have those after it; systemd hears of the end all the same.
func (p *program) reload(ctx context.Context) {
	p.log.LogAttrs(ctx, slog.LevelInfo, "reloading")
	p.systemd.send(sdnotify.Reloading())
	failed := len(p.options.Reload)
	defer func() {
		if p.isUp() {
			p.systemd.send(sdnotify.Ready)
		}
		p.log.LogAttrs(ctx, slog.LevelInfo, "reloaded", slog.Int("hooks", len(p.options.Reload)), slog.Int("failed", failed))
	}()
	for _, hook := range p.options.Reload {
		err := try(func() error { return hook(ctx) })
		if err == nil {
			failed--
		} else {
			p.log.LogAttrs(ctx, slog.LevelError, "reload failed", slog.String("error", p.root.Reason(err).Error()))
		}
	}
}
