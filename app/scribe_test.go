package app

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Records have the time at which they were made, however late they are written, and
// those for which there was no room are counted in their place.
func TestScribeIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		hung := make(chan struct{})
		var s scribe
		l := slog.New(s.over(barrier{logTo(&log).Handler(), hung}))
		for range maxUnwritten + 4 { // one is with the handler
			l.Info("x")
			synctest.Wait()
		}
		time.Sleep(time.Second)
		close(hung)
		synctest.Wait()
		l.Info("y")
		s.wait(time.Hour)
		lines := log.lines()
		if len(lines) != maxUnwritten+3 || lines[maxUnwritten] != "0s INFO x" ||
			lines[maxUnwritten+1] != `1s WARN "log records dropped" dropped=3` || lines[maxUnwritten+2] != "1s INFO y" {
			t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-3:])
		}
	})
}

// barrier holds up what is handled until it is open.
type barrier struct {
	slog.Handler
	open chan struct{}
}

func (b barrier) Handle(ctx context.Context, r slog.Record) error {
	<-b.open
	return b.Handler.Handle(ctx, r)
}

// A handler may do what it likes; the others' records are written, with their
// attributes and groups, and as the level says.
func TestScribeHostileHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		var s scribe
		for _, hostile := range []func(){runtime.Goexit, func() { panic("ouch") }} {
			slog.New(s.over(does{slog.DiscardHandler, hostile})).Info("x")
		}
		slog.New(s.over(logTo(&log).Handler())).With("a", 1).WithGroup("g").Info("fine", "b", 2)
		slog.New(s.over(logTo(&log).Handler())).Debug("not wanted")
		s.wait(time.Hour)
		if got := strings.Join(log.lines(), ";"); got != "0s INFO fine a=1 g.b=2" {
			t.Errorf("got %q", got)
		}
	})
}

type does struct {
	slog.Handler
	f func()
}

func (d does) Enabled(context.Context, slog.Level) bool { return true }
func (d does) Handle(context.Context, slog.Record) error {
	d.f()
	return nil
}
