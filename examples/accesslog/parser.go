package main

import (
	"context"
	"log/slog"
)

// maxStrikes is how many parsers may crash with the same line in hand before it
// is set aside as malformed. Two, because one crash may have been the parser's
// fault and not the line's.
const maxStrikes = 2

// A result is what became of a line.
type result struct {
	number    int
	entry     entry
	malformed bool
	text      string // of a malformed line
}

// parser is a service that parses lines, and crashes over malformed ones.
type parser struct {
	parse   func(text string) entry
	lines   queue[line]
	results queue[result]
}

// Serve parses lines until it is stopped, or crashes.
func (p *parser) Serve(ctx context.Context) error {
	return p.lines.work(ctx, func(l *line) error { return p.handle(ctx, l) })
}

// handle parses one line. If that panics, the line goes back into the queue with
// one strike more.
func (p *parser) handle(ctx context.Context, l *line) error {
	if l.strikes >= maxStrikes {
		slog.DebugContext(ctx, "line set aside as malformed", "line", l.number, "text", l.text[:min(len(l.text), maxReject)])
		return p.results.put(ctx, result{number: l.number, malformed: true, text: l.text})
	}
	l.strikes++ // until it turns out that nothing happened
	e := p.parse(l.text)
	l.strikes--
	return p.results.put(ctx, result{number: l.number, entry: e})
}
