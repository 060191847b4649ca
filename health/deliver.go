package health

import (
	"context"
	"log/slog"
	"time"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// deliver tells what there is to tell and ends. Who has called outbox.take calls
// it; so there is one at most, and none while there is no news.
func (m *Monitor) deliver(ctx context.Context) {
	defer m.do(func(p *plan, _ time.Time) { p.outbox.busy = false }) // also if a callback calls runtime.Goexit
	for ctx.Err() == nil {
		var d delivery
		var ok bool
		m.decide(func(p *plan, now time.Time) { d, ok = p.outbox.next(now) })
		if !ok {
			return
		}
		if d.result != nil {
			m.tellResult(ctx, *d.result)
		} else {
			m.tellChange(ctx, d)
		}
	}
}

func (m *Monitor) tellResult(ctx context.Context, r Result) {
	err := guard.Try(func() error { m.config.OnResult(ctx, r); return nil }, newPanicError)
	if err != nil {
		m.log(ctx, slog.LevelError, "OnResult failed", slog.String("probe", r.Name), slog.String("error", said.Text(err)))
	}
}

// tellChange offers a change and notes whether it was taken.
func (m *Monitor) tellChange(ctx context.Context, d delivery) {
	err := errGoexit
	defer func() {
		m.decide(func(p *plan, now time.Time) { p.outbox.delivered(d, err == nil, now) })
	}()
	c := *d.change
	if d.lost > 0 {
		m.log(ctx, slog.LevelError, "health changes of probes that are gone were lost", slog.Int("lost", d.lost))
	}
	if d.first {
		m.log(ctx, c.Level(), "health changed", slog.Any("", c))
	}
	if m.config.OnChange == nil {
		err = nil
		return
	}
	if err = guard.Try(func() error { return m.config.OnChange(ctx, c) }, newPanicError); err != nil {
		m.log(ctx, slog.LevelWarn, "OnChange failed", slog.String("probe", c.Name), slog.String("error", said.Text(err)))
	}
}

// log never fails: a handler that panics has lost its record.
func (m *Monitor) log(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if m.config.Logger == nil {
		return
	}
	guard.Do(func() { m.config.Logger.LogAttrs(ctx, level, msg, attrs...) })
}
