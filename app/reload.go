package app

import (
	"context"
	"log/slog"
)

// reload calls the hooks one after another until the stop begins. A hook that calls
// runtime.Goexit has failed, and so have those that are not called; systemd hears of the end all
// the same.
func (p *program) reload(ctx context.Context) {
	if !p.reloadBegins() {
		return
	}
	p.systemd.reloading()
	failed := len(p.options.Reload)
	defer func() {
		p.systemd.reloaded()
		p.log.LogAttrs(ctx, slog.LevelInfo, "reloaded", slog.Int("hooks", len(p.options.Reload)), slog.Int("failed", failed))
	}()
	for _, hook := range p.options.Reload {
		if ctx.Err() != nil {
			return
		}
		err := try(func() error { return hook(ctx) })
		if err == nil {
			failed--
		} else {
			p.log.LogAttrs(ctx, slog.LevelError, "reload failed", slog.String("error", p.root.Reason(err).Error()))
		}
	}
}
