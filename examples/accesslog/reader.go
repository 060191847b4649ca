package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"time"
)

// A line is one line of the log on its way from the reader to a parser.
type line struct {
	number  int // from 1
	text    string
	strikes int // parsers that crashed with it in hand
}

const (
	// maxLine is how much of a line is kept; no server writes longer ones, and a
	// file without line ends must not fill the memory.
	maxLine = 64 << 10
	// cutMark stands at the end of a line that was cut, and makes it malformed
	// wherever it was cut.
	cutMark = " [cut]"
	// pollEvery is how often a log that is followed is looked at.
	pollEvery = 250 * time.Millisecond
)

// reader is the service that reads the log and numbers its lines.
type reader struct {
	log    source
	follow bool // go on when the end is reached
	lines  queue[line]
	store  *store

	// at is where the next line begins. It moves when a line was put into the
	// queue and only then, and outlives the incarnations: the next one puts each
	// line exactly once, too.
	at position
}

type position struct {
	file   fs.FileInfo // nil: none was opened yet
	offset int64
	line   int // lines before it
}

// Serve puts the lines of the log into the queue. It returns nil at the end of
// the log, unless it is followed.
func (r *reader) Serve(ctx context.Context) error {
	for {
		f, err := r.open(ctx)
		if err != nil {
			return err
		}
		err = r.read(ctx, f)
		f.Close()
		if !errors.Is(err, errReplaced) {
			return err
		}
		slog.InfoContext(ctx, "the log was replaced", "log", r.log.name, "line", r.at.line)
		r.at = position{line: r.at.line}
	}
}

var errReplaced = errors.New("the log was replaced by another file")

// open opens the log where reading goes on.
func (r *reader) open(ctx context.Context) (*logFile, error) {
	f, err := r.log.open()
	if err != nil {
		return nil, err
	}
	if r.at.file != nil && !same(r.at.file, f.info) {
		slog.WarnContext(ctx, "the log was replaced while nobody read it; the rest of the old one is not read",
			"log", r.log.name, "line", r.at.line)
		r.at.offset = 0
	}
	r.at.file = f.info
	return f, nil
}

// read puts lines into the queue until the end of f, and if it is followed until
// its successor is there.
func (r *reader) read(ctx context.Context, f *logFile) error {
	last := !r.follow
	for {
		if err := r.rewind(ctx, f); err != nil {
			return err
		}
		if err := r.drain(ctx, f, last); err != nil {
			return err
		}
		switch {
		case !r.follow:
			return r.store.end(ctx, r.at.line)
		case last:
			return errReplaced
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return err
		}
		// What came since the last look is read once more before f is left.
		last = r.log.successor(f)
	}
}

// rewind goes to where the next line begins; to the beginning if somebody has
// cut the log short.
func (r *reader) rewind(ctx context.Context, f *logFile) error {
	size, err := f.size()
	if err != nil {
		return err
	}
	if size < r.at.offset {
		slog.InfoContext(ctx, "the log was truncated", "log", r.log.name, "line", r.at.line)
		r.at.offset = 0
	}
	return f.seek(r.at.offset)
}

// drain puts all lines from r.at on into the queue. What stands behind the last
// line end is a line only if nothing will follow it.
func (r *reader) drain(ctx context.Context, f *logFile, last bool) error {
	from := bufio.NewReaderSize(f, maxLine)
	for {
		text, length, err := readLine(from)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if length > 0 && (err == nil || last) {
			if err := r.put(ctx, text, length); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

func (r *reader) put(ctx context.Context, text string, length int64) error {
	if err := r.lines.put(ctx, line{number: r.at.line + 1, text: text}); err != nil {
		return err
	}
	r.at.line++
	r.at.offset += length
	return nil
}

// readLine returns the next line without its end, cut to maxLine, and its whole
// length with it. With io.EOF it is what stands behind the last line end.
func readLine(from *bufio.Reader) (text string, length int64, err error) {
	part, err := from.ReadSlice('\n') // the buffer holds maxLine
	length = int64(len(part))
	text = string(bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")))
	if errors.Is(err, bufio.ErrBufferFull) {
		text += cutMark
	}
	for errors.Is(err, bufio.ErrBufferFull) { // the rest is read and dropped
		part, err = from.ReadSlice('\n')
		length += int64(len(part))
	}
	return text, length, err
}

// sleep waits for d. It returns why ctx ended if that comes first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
