package tendtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/fields"
)

// Tape records events. Its Hook is a Spec.EventHook; its methods may be called by
// any goroutine.
type Tape struct {
	t     testing.TB
	begin time.Time

	mu     sync.Mutex
	events []tend.Event
	played int // how many Lines has returned
}

// NewTape makes a tape. Times on it count from now, or from begin if that is given.
func NewTape(t testing.TB, begin ...time.Time) *Tape {
	t.Helper()
	return &Tape{t: t, begin: append(begin, time.Now())[0]}
}

// Hook records e.
func (p *Tape) Hook(e tend.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// Events returns all that has been recorded.
func (p *Tape) Events() []tend.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]tend.Event(nil), p.events...)
}

// Lines returns a line for each event since the last call, once everything in the
// bubble has come to rest: see [Line]. With kinds, only for events of these. It must
// be called in a bubble of testing/synctest.
func (p *Tape) Lines(kinds ...tend.Kind) []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for _, e := range p.events[p.played:] {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind()) {
			lines = append(lines, Line(e, p.begin))
		}
	}
	p.played = len(p.events)
	return lines
}

// Want fails the test unless the lines since the last call are exactly these.
func (p *Tape) Want(want ...string) {
	p.t.Helper()
	got := p.Lines()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		p.t.Errorf("events are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// Line is an event in one line: when it happened since begin, the path, the kind,
// and its fields that are not zero, "2s root/db service failed err=boom count=1
// threshold=5 restarting". An error of package tend is written by its name, stacks
// are left out.
func Line(e tend.Event, begin time.Time) string {
	line := e.From().Time.Sub(begin).String() + " " + e.From().Path() + " " + e.Kind().String()
	if own := fields.Print(bare(e), begin, nameOf); own != "" {
		line += " " + own
	}
	return line
}

// bare is e without stacks, which differ from machine to machine.
func bare(e tend.Event) tend.Event {
	switch e := e.(type) { //nolint:gochecksumtype // the others have none
	case tend.ServiceStuck:
		e.Stacks = ""
		return e
	case tend.ServiceUnresponsive:
		e.Stacks = ""
		return e
	}
	return e
}

func nameOf(text string) string { return names[text] }

// names are the errors by their text.
var names = map[string]string{
	tend.ErrDoNotRestart.Error():     "ErrDoNotRestart",
	tend.ErrTerminateTree.Error():    "ErrTerminateTree",
	tend.ErrRemoved.Error():          "ErrRemoved",
	tend.ErrSuspended.Error():        "ErrSuspended",
	tend.ErrRestartRequested.Error(): "ErrRestartRequested",
	tend.ErrSiblingFailed.Error():    "ErrSiblingFailed",
	tend.ErrUnresponsive.Error():     "ErrUnresponsive",
	tend.ErrNotReady.Error():         "ErrNotReady",
	tend.ErrStopped.Error():          "ErrStopped",
	tend.ErrGoexit.Error():           "ErrGoexit",
	context.Canceled.Error():         "Canceled",
	context.DeadlineExceeded.Error(): "DeadlineExceeded",
}
