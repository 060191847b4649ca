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
	lines := p.lines(p.played, kinds)
	p.played = len(p.events)
	return lines
}

// Mark is a place on a tape.
type Mark struct{ n int }

// Mark is the place where the tape is now, once everything in the bubble has come to rest.
func (p *Tape) Mark() Mark {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return Mark{len(p.events)}
}

// Since returns the lines of what has been recorded since a mark, as Lines does; what Lines
// returns next does not depend on it.
func (p *Tape) Since(m Mark, kinds ...tend.Kind) []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines(m.n, kinds)
}

// all are the lines of the whole tape.
func (p *Tape) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines(0, nil)
}

// lines are those of the events from a place on. The caller holds mu.
func (p *Tape) lines(from int, kinds []tend.Kind) (lines []string) {
	for _, e := range p.events[from:] {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind()) {
			lines = append(lines, Line(e, p.begin))
		}
	}
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

// WantAmong fails the test unless the lines since the last call have among them, in this
// order, one for each of these. A line may have more fields than are wanted, in between and
// after, and in what is wanted "*" stands for any part of a word, which may be a time: "*
// root/db service failed err=boom".
func (p *Tape) WantAmong(want ...string) {
	p.t.Helper()
	got := p.Lines()
	rest := got
	for _, w := range want {
		i := slices.IndexFunc(rest, func(line string) bool { return hasWords(line, w) })
		if i < 0 {
			p.t.Errorf("events are\n\t%s\nand among them, in order, should be\n\t%s\nbut there is no\n\t%s",
				strings.Join(got, "\n\t"), strings.Join(want, "\n\t"), w)
			return
		}
		rest = rest[i+1:]
	}
}

// hasWords: the words of a line begin with the first four that are wanted, time, path and
// kind, and have the others among them, in that order.
func hasWords(line, want string) bool {
	words := wordsOf(line)
	for i, w := range wordsOf(want) {
		n := slices.IndexFunc(words, func(word string) bool { return like(w, word) })
		if n < 0 || n > 0 && i < 4 {
			return false
		}
		words = words[n+1:]
	}
	return true
}

// wordsOf splits a line at its spaces, but for those in quotes.
func wordsOf(line string) (words []string) {
	begin, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch {
		case quoted && line[i] == '\\':
			i++ // the next is escaped, whatever it is
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ' ' && !quoted:
			words = append(words, line[begin:i])
			begin = i + 1
		}
	}
	return append(words, line[begin:])
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
	tend.ErrReplaced.Error():         "ErrReplaced",
	tend.ErrSuspended.Error():        "ErrSuspended",
	tend.ErrRestartRequested.Error(): "ErrRestartRequested",
	tend.ErrSiblingFailed.Error():    "ErrSiblingFailed",
	tend.ErrUnresponsive.Error():     "ErrUnresponsive",
	tend.ErrNotReady.Error():         "ErrNotReady",
	tend.ErrStopped.Error():          "ErrStopped",
	tend.ErrGoexit.Error():           "ErrGoexit",
	ErrFault.Error():                 "ErrFault",
	context.Canceled.Error():         "Canceled",
	context.DeadlineExceeded.Error(): "DeadlineExceeded",
}
