package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
)

// stopping is how far the end of a program has come.
type stopping struct {
	mu    sync.Mutex // held while the stop, or a reload, begins
	began atomic.Bool
	tell  context.CancelFunc // ends the context of reloads

	// Of the program's loop.
	end     context.CancelCauseFunc // of the context of the tree
	cause   error                   // of the stop, once it was asked for
	delayed *time.Timer             // Options.StopDelay; nil: it does not run
	last    time.Time               // the last signal to stop that counted
}

// errEnded is why a tree stopped that nobody has heard of before its end.
var errEnded = errors.New("the tree has ended")

// treeEnded: there is nothing any more that a signal could stop or hasten.
func (s *stopping) treeEnded() {
	s.delayed = nil
	if s.cause == nil {
		s.cause = errEnded
	}
}

// words is what an error says, which is user code: asked where it is written.
type words struct {
	root *tend.Supervisor
	err  error
}

func (w words) LogValue() slog.Value { return slog.StringValue(w.root.Reason(w.err).Error()) }

// stopBegan notes, once, that the program has begun to stop.
func (p *program) stopBegan(cause error) {
	p.stop.mu.Lock()
	defer p.stop.mu.Unlock()
	if p.stop.began.Swap(true) {
		return
	}
	p.stop.tell()
	p.systemd.enter(ending)
	p.log.LogAttrs(context.Background(), slog.LevelInfo, "stopping", slog.Any("cause", words{p.root, cause}))
}

// reloadBegins notes that a reload begins. None does during a stop, also one that was wanted before.
func (p *program) reloadBegins() bool {
	p.stop.mu.Lock()
	defer p.stop.mu.Unlock()
	if p.stop.began.Load() {
		return false
	}
	p.log.LogAttrs(context.Background(), slog.LevelInfo, "reloading")
	return true
}

// heed does what a signal asks for. It is false if that is to end at once.
func (p *program) heed(s os.Signal) bool {
	want := meaning(s, len(p.options.Reload) > 0)
	switch {
	case want == wantStop:
		return p.heedStop(s)
	case want == wantReload && p.stop.began.Load():
		p.goesOn(s)
	case want == wantReload:
		p.reloads.want()
	case want == wantDump:
		p.dumps.want()
	}
	return true
}

// heedStop begins the stop at the first signal that asks for it, also if it is under
// way: whoever has ended the context of Run may want to send a first signal too.
func (p *program) heedStop(s os.Signal) bool {
	now := time.Now()
	switch {
	case p.stop.last.IsZero():
		p.stop.last = now
		p.ask(&Signalled{s, now})
	case !insists(s, now.Sub(p.stop.last)):
		p.goesOn(s)
	case p.stop.delayed != nil:
		p.stop.last = now
		p.stopNow()
	default:
		return false
	}
	return true
}

// insists: the tree has stopped, and s says that what is left to do is to end at once.
func (p *program) insists(s os.Signal) bool {
	return meaning(s, len(p.options.Reload) > 0) == wantStop && !p.heedStop(s)
}

// goesOn says that a signal changes nothing.
func (p *program) goesOn(s os.Signal) {
	p.log.LogAttrs(context.Background(), slog.LevelInfo, "the stop goes on", slog.String("signal", s.String()))
}

// ask asks the tree to stop, the first time. If it has been ready, others may take it
// to be so still: they get Options.StopDelay to learn better.
func (p *program) ask(cause error) {
	if p.stop.cause != nil {
		return
	}
	p.stop.cause = cause
	delay := p.options.StopDelay
	if !p.isUp() {
		delay = 0
	}
	p.stopBegan(cause) // first, so that the log is in order; it waits for nobody
	if delay == 0 {
		p.stopNow()
		return
	}
	p.log.LogAttrs(context.Background(), slog.LevelInfo, "the stop waits", slog.Duration("delay", delay))
	p.stop.delayed = time.NewTimer(delay)
}

// delay is when stopNow is due.
func (p *program) delay() <-chan time.Time {
	if p.stop.delayed == nil {
		return nil
	}
	return p.stop.delayed.C
}

// stopNow ends the context of the tree.
func (p *program) stopNow() {
	if p.stop.delayed != nil {
		p.stop.delayed.Stop()
		p.stop.delayed = nil
	}
	p.stop.end(p.stop.cause)
}
