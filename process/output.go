package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/tend-go/tend/internal/said"
)

// Stream is one of the two outputs of a process.
type Stream uint8

// The streams.
const (
	Stdout Stream = iota
	Stderr
)

// String returns "stdout" or "stderr".
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	default:
		return fmt.Sprintf("Stream(%d)", uint8(s))
	}
}

// Line is a line that a process wrote.
type Line struct {
	Stream Stream
	Pid    int
	// Text is valid UTF-8 without the line end; bytes that are not are replaced
	// by U+FFFD.
	Text string
	// Partial: the line was longer than MaxLine and goes on in the next Line of
	// this stream.
	Partial bool
}

// splitter cuts what is written to it into lines. Each stream has one; nothing
// is ever refused, so the process is never blocked by the length of a line.
type splitter struct {
	max  int
	buf  []byte // the line so far, less than max bytes
	emit func(text []byte, partial bool)
}

func (s *splitter) write(p []byte) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		p = rest
		s.buf = append(s.buf, line...)
		for len(s.buf) > s.max {
			n := cmp.Or(said.Cut(s.buf, s.max), s.max) // a first rune may be longer than max
			s.emit(s.buf[:n], true)
			s.buf = s.buf[:copy(s.buf, s.buf[n:])]
		}
		if ended {
			s.emit(bytes.TrimSuffix(s.buf, []byte{'\r'}), false)
			s.buf = s.buf[:0]
		}
	}
}

// flush emits the last line if it had no end.
func (s *splitter) flush() {
	if len(s.buf) > 0 {
		s.emit(s.buf, false)
		s.buf = nil
	}
}

// tail keeps the last max bytes of what is written to it.
type tail struct {
	max int

	mu    sync.Mutex
	buf   []byte
	total int64
	crash string // the first line in which a Go program said why it crashed
}

// see remembers line if it is worth more than what follows it: a Go program
// that crashes says why first, and then writes stacks without end.
func (t *tail) see(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.crash == "" && isCrash(line) {
		t.crash = line
	}
}

func isCrash(line string) bool {
	for _, p := range []string{"panic: ", "fatal error: ", "SIGABRT: ", "SIGQUIT: "} {
		if strings.HasPrefix(line, p) {
			return true
		}
	}
	return false
}

func (t *tail) write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += int64(len(p))
	if len(p) > t.max {
		p = p[len(p)-t.max:]
	}
	if len(t.buf)+len(p)-t.max > t.max { // in steps of max: amortized; twice max may be too much for an int
		t.buf = t.buf[:copy(t.buf, t.buf[len(t.buf)-t.max:])]
	}
	t.buf = append(t.buf, p...)
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf[max(0, len(t.buf)-t.max):])
}

func (t *tail) cut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total > int64(t.max)
}

// text is the tail as whole lines, unless it is a single longer one.
func (t *tail) text() string {
	b := t.bytes()
	if t.cut() {
		if _, rest, found := bytes.Cut(b, []byte{'\n'}); found && len(rest) > 0 {
			b = rest
		}
	}
	text := strings.TrimRight(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n")
	if t.crash != "" && !strings.Contains(text, t.crash) {
		text = t.crash + "\n…\n" + text
	}
	return text
}

// tailSize is how much output an ExitError carries; Docker keeps as much of the
// output of a health check.
const tailSize = 4096

// sink is what takes the output of one run.
type sink interface {
	// open returns the writers for both streams; it is called before the start
	// of cmd. The writers take everything and return no error.
	open(r *run, t *tail) (stdout, stderr io.Writer)
	// close is called when nothing more can come. After it no code of the
	// caller's runs.
	close()
}

// capture is the sink of Run.
type capture struct{ stdout *tail }

func (c *capture) open(_ *run, t *tail) (stdout, stderr io.Writer) {
	return writer(func(p []byte) {
		c.stdout.write(p)
		t.write(p)
	}), writer(t.write)
}

func (c *capture) close() {}

// delivery is the sink of Serve: lines, handed to a function of the caller's in
// a goroutine of its own. That serializes the two streams, and if the function
// panics or ends the goroutine the rest is dropped and the process never blocked.
type delivery struct {
	deliver func(Line)
	max     int

	lines chan Line
	dead  chan struct{} // closed when the goroutine has ended
	split [2]*splitter
}

func newDelivery(deliver func(Line), maxLine int) *delivery {
	return &delivery{deliver: deliver, max: maxLine, lines: make(chan Line), dead: make(chan struct{})}
}

func (d *delivery) open(r *run, t *tail) (stdout, stderr io.Writer) {
	r.helper("Output", func() {
		defer close(d.dead)
		for l := range d.lines {
			d.deliver(l)
		}
	})
	var w [2]io.Writer
	for s := range d.split {
		d.split[s] = &splitter{max: d.max, emit: func(text []byte, partial bool) {
			d.send(r, Line{Stream: Stream(s), Pid: r.cmd.Process.Pid, Text: strings.ToValidUTF8(string(text), "\uFFFD"), Partial: partial})
		}}
		seen := watchPrompts(r)
		w[s] = writer(func(p []byte) {
			t.write(p)
			d.split[s].write(p)
			seen(d.split[s].buf)
		})
	}
	return w[Stdout], w[Stderr]
}

// watchPrompts returns the function that gets what a stream has written of a line.
func watchPrompts(r *run) (seen func(line []byte)) {
	p := &prompt{found: func(text string) { r.onPrompt(text) }}
	r.closers = append(r.closers, p.close)
	return func(line []byte) {
		if r.onPrompt != nil && !r.isReady() {
			p.saw(line)
		}
	}
}

func (d *delivery) send(r *run, l Line) {
	r.tail.see(l.Text)
	if r.onLine != nil {
		r.onLine(l)
	}
	select {
	case d.lines <- l:
	case <-d.dead:
	}
}

func (d *delivery) close() {
	for _, s := range d.split {
		s.flush()
	}
	close(d.lines)
	<-d.dead
}

// writer is a function as an io.Writer that never fails.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// ReadFrom is what os/exec copies with. Without it each stream of each process
// would hold a buffer of 32 KiB (io.Copy's) for as long as it runs.
func (w writer) ReadFrom(src io.Reader) (int64, error) {
	var total int64
	buf := make([]byte, 4<<10)
	for {
		n, err := src.Read(buf)
		w(buf[:n])
		total += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return total, nil
		case err != nil:
			return total, err
		}
	}
}
