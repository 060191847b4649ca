package health

import (
	"context"
	"log/slog"
	"time"

	"github.com/tend-go/tend/internal/guard"
)

// deliver tells what there is to tell and ends. Only whoever has called outbox.take
// may call it, so that there is one at most, and none while there is no news.
func (p *Prober) deliver(ctx context.Context) {
	defer p.do(func(plan *plan, _ time.Time) { plan.outbox.busy = false }) // also if a callback calls runtime.Goexit
	for ctx.Err() == nil {
		var d delivery
		var ok bool
		p.decide(func(plan *plan, now time.Time) { d, ok = plan.outbox.next(now) })
		if !ok {
			return
		}
		if d.result != nil {
			p.tellResult(ctx, *d.result)
		} else {
			p.tellChange(ctx, d)
		}
	}
}

func (p *Prober) tellResult(ctx context.Context, r Result) {
	err := guard.Try(func() error { p.config.OnResult(ctx, r); return nil }, caught)
	if err != nil {
		p.log(ctx, slog.LevelError, "OnResult failed", slog.String("probe", r.Name), p.failedWith(ctx, err))
	}
}

// tellChange offers a change and notes whether it was taken.
func (p *Prober) tellChange(ctx context.Context, d delivery) {
	var err error = errGoexit // unless the callback returns
	defer func() {
		p.decide(func(plan *plan, now time.Time) { plan.outbox.delivered(d, err == nil, now) })
	}()
	c := *d.change
	if d.lost > 0 {
		p.log(ctx, slog.LevelError, "health changes of probes that are gone were lost", slog.Int("lost", d.lost))
	}
	if d.first {
		p.log(ctx, c.Level(), "health changed", slog.Any("", c))
	}
	if p.config.OnChange == nil {
		err = nil
		return
	}
	if err = guard.Try(func() error { return p.config.OnChange(ctx, c) }, caught); err != nil {
		p.log(ctx, slog.LevelWarn, "OnChange failed", slog.String("probe", c.Name), p.failedWith(ctx, err))
	}
}

// failedWith is err in a record of the log.
func (p *Prober) failedWith(ctx context.Context, err error) slog.Attr {
	return slog.String("error", p.reason(ctx, err).Error())
}

// log never fails: a handler that panics has lost its record.
func (p *Prober) log(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if p.config.Logger == nil {
		return
	}
	guard.Do(func() { p.config.Logger.LogAttrs(ctx, level, msg, attrs...) })
}
