package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// starter starts one plugin when it is asked to. There is one for each plugin, and
// it does one thing at a time: so no plugin is ever started twice at once, and a
// start that hangs delays no other plugin.
type starter struct {
	name     string
	commands commands
	delay    func() time.Duration // before each start, so that not all machines start at once
	wanted   chan plugin          // of size 1: what is asked for before it listens waits
	report   func(ctx context.Context, p plugin, err error) error
	log      *slog.Logger
}

func (s *starter) String() string { return "start " + cut(s.name, maxName) }

// request asks for a start, unless one is asked for already.
func (s *starter) request(p plugin) {
	select {
	case s.wanted <- p:
	default:
	}
}

// Serve waits for requests, and reports what came of each. That a start fails is no
// failure of the service: the next scan finds the plugin dead and asks again.
func (s *starter) Serve(ctx context.Context) error {
	for {
		var p plugin
		select {
		case p = <-s.wanted:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := retry.Sleep(ctx, s.delay()); err != nil {
			return err
		}
		err := s.start(ctx, p)
		if ctx.Err() != nil {
			return context.Cause(ctx) // which says nothing about the plugin
		}
		s.say(ctx, "started", err)
		if err := s.report(ctx, p, err); err != nil {
			s.say(ctx, "reported", err)
		}
		select {
		case <-s.wanted: // meanwhile: that was this start
		default:
		}
	}
}

func (s *starter) start(ctx context.Context, p plugin) error {
	limit := p.startTimeout()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not started within %v", limit))
	defer cancel()
	return s.commands.start(ctx, p)
}

func (s *starter) say(ctx context.Context, what string, err error) {
	level, attrs := slog.LevelInfo, []slog.Attr{slog.String("plugin", s.name)}
	if err != nil {
		level, attrs = slog.LevelWarn, append(attrs, slog.Any("error", err))
	}
	s.log.LogAttrs(ctx, level, what, attrs...)
}

// starters are the services that start plugins: one for each that is installed.
type starters struct {
	hire     func(name string) *starter
	services *tend.Supervisor

	mu    sync.Mutex
	hired map[string]hired // by the name of the plugin
}

type hired struct {
	*starter
	token tend.ServiceToken
}

// keep has a starter for each of these plugins, and no other. A start of a plugin that
// is not installed any more is given up.
func (s *starters) keep(plugins []plugin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.hired
	s.hired = make(map[string]hired, len(plugins))
	for _, p := range plugins {
		h, ok := gone[p.Name]
		if !ok {
			h.starter = s.hire(p.Name)
			h.token = s.services.Add(h.starter)
		}
		delete(gone, p.Name)
		s.hired[p.Name] = h
	}
	for _, h := range gone {
		_ = s.services.Remove(h.token) // its token is ours, and it leaves at its time
	}
}

// request asks for a start of p, unless it is not installed any more.
func (s *starters) request(p plugin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.hired[p.Name]; ok {
		h.request(p)
	}
}
