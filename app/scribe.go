package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/strand"
)

// maxUnwritten is how many records wait for a logger that is behind.
const maxUnwritten = 1024

// scribe hands what this package logs to the user's logger, in order and in a
// goroutine of its own: that logger may write to a pipe that nobody reads, or panic,
// and nothing is late for that, least of all the stop. What does not fit is counted
// where it is missing.
type scribe struct {
	strand strand.Strand

	mu      sync.Mutex
	queue   []entry
	dropped int // since the last in queue
}

// entry is a record and whose it is.
type entry struct {
	ctx    context.Context
	to     slog.Handler
	record slog.Record
}

// put takes a record, or counts it if there is no room. It never waits.
func (s *scribe) put(e entry) {
	s.mu.Lock()
	if len(s.queue) < maxUnwritten {
		s.queue = append(s.queue, e)
	} else {
		s.dropped++
	}
	s.mu.Unlock()
	s.strand.Wake(s.write)
}

// write hands over what there is. Each record is taken before its handler sees it,
// which may make the goroutine exit.
func (s *scribe) write() {
	for e, ok := s.take(); ok; e, ok = s.take() {
		guard.Do(func() {
			if e.to.Enabled(e.ctx, e.record.Level) {
				_ = e.to.Handle(e.ctx, e.record)
			}
		})
	}
}

// take returns the oldest record. Once there is room again, it adds one about what
// was lost.
func (s *scribe) take() (e entry, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return entry{}, false
	}
	e, s.queue = s.queue[0], s.queue[1:]
	if s.dropped > 0 {
		slog.New(addition{handover{s, e.to}}).LogAttrs(e.ctx, slog.LevelWarn, "log records dropped", slog.Int("dropped", s.dropped))
		s.dropped = 0
	}
	return e, true
}

// wait waits until all is written that was put before, at most d.
func (s *scribe) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.strand.Idle():
	case <-timer.C:
	}
}

// over is a handler that hands over what h is to handle.
func (s *scribe) over(h slog.Handler) slog.Handler { return handover{s, h} }

type handover struct {
	scribe *scribe
	to     slog.Handler
}

// Enabled leaves the answer to the goroutine of the scribe: it is user code, too.
func (h handover) Enabled(context.Context, slog.Level) bool { return true }

func (h handover) Handle(ctx context.Context, r slog.Record) error {
	h.scribe.put(entry{ctx, h.to, r.Clone()})
	return nil
}

func (h handover) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.scribe.over(h.to.WithAttrs(attrs))
}

func (h handover) WithGroup(name string) slog.Handler { return h.scribe.over(h.to.WithGroup(name)) }

// addition is the handover of a record that has a place in any case. The caller
// holds scribe.mu.
type addition struct{ handover }

func (a addition) Handle(ctx context.Context, r slog.Record) error {
	a.scribe.queue = append(a.scribe.queue, entry{ctx, a.to, r})
	return nil
}
