package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tend-go/tend/retry"
)

// starter starts one plugin when it is asked to. There is one for each plugin, and
// it does one thing at a time: so no plugin is ever started twice at once, and a
// start that hangs delays no other plugin.
type starter struct {
	plugin   plugin
	commands commands
	delay    func() time.Duration // before each start, so that not all machines start at once
	wanted   chan struct{}        // without a buffer: only an idle starter hears
	log      *slog.Logger
}

func (s *starter) String() string { return "start " + cut(s.plugin.Name, maxName) }

// request asks for a start, unless one is waiting or under way.
func (s *starter) request() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// Serve waits for requests. That a start fails is no failure of the service: the
// next scan finds the plugin dead and asks again.
func (s *starter) Serve(ctx context.Context) error {
	for {
		select {
		case <-s.wanted:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := retry.Sleep(ctx, s.delay()); err != nil {
			return err
		}
		level, attrs := slog.LevelInfo, []slog.Attr{slog.String("plugin", s.plugin.Name)}
		if err := s.start(ctx); err != nil {
			level, attrs = slog.LevelWarn, append(attrs, slog.Any("error", err))
		}
		s.log.LogAttrs(ctx, level, "started", attrs...)
	}
}

func (s *starter) start(ctx context.Context) error {
	limit := s.plugin.startTimeout()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not started within %v", limit))
	defer cancel()
	return s.commands.start(ctx, s.plugin)
}
