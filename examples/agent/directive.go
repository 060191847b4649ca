package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/tend-go/tend/periodic"
)

// bounds are what intervals the agent accepts from its server, which may be
// mistaken, or not who it says it is.
type bounds struct {
	scan, pull, upgrade limits
	list                limits // the local configuration's only
}

type limits struct{ least, most time.Duration }

// obey does what the server says, as far as it makes sense. That it wants changes only
// holds for pulls: a scan is so rare that it tells the server that we are there.
func (a *agent) obey(ctx context.Context, d directive) {
	switch d.ReportType {
	case "":
	case "normal", "lazy":
		a.reporter.ChangesOnly(d.ReportType == "lazy")
	default:
		a.log.LogAttrs(ctx, slog.LevelWarn, "unknown report type", slog.String("type", cut(d.ReportType, maxName)))
	}
	a.setInterval(ctx, a.scan, d.Scan, a.bounds.scan)
	a.setInterval(ctx, a.pull, d.Pull, a.bounds.pull)
	a.setInterval(ctx, a.upgrade, d.Next, a.bounds.upgrade)
	for _, u := range d.Upgrades {
		a.log.LogAttrs(ctx, slog.LevelInfo, "upgrade available",
			slog.String("plugin", cut(u.Name, maxName)), slog.String("version", cut(u.Version, maxName)))
	}
}

// setInterval changes the interval of j to a number of seconds, within limits.
// Zero and less change nothing.
func (a *agent) setInterval(ctx context.Context, j *periodic.Job, wanted int64, l limits) {
	if wanted <= 0 {
		return
	}
	d := l.clamp(wanted)
	if int64(d/time.Second) != wanted {
		a.log.LogAttrs(ctx, slog.LevelWarn, "interval out of bounds", slog.String("job", j.String()),
			slog.Int64("wanted_seconds", wanted), slog.Duration("taken", d))
	}
	j.SetInterval(d)
}

// clamp is that number of seconds, brought into the limits before it could
// overflow.
func (l limits) clamp(wanted int64) time.Duration {
	if wanted > int64(l.most/time.Second) {
		return l.most
	}
	return max(time.Duration(wanted)*time.Second, l.least)
}
