package observe

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The timing of a stream. A browser allows six connections per host and a proxy
// may cut what is silent for a minute, hence the beat.
const (
	beat         = 15 * time.Second // between two signs of life
	writeTimeout = 10 * time.Second // for each write; a reader that is gone is dropped then
	retryAfter   = 2 * time.Second  // what a reader is told to wait before it comes back
	maxStreams   = 100              // at once; of more the oldest goes
)

// serveEvents sends what changes as server-sent events. The id of each is its
// frame's number, with the hub's epoch before it; a reader that comes back with
// the last id it saw, as EventSource does by itself, gets what it missed. If that
// is not known any more it gets "reset" and must fetch api/view again.
func (p *Page) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between must not collect
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(p.begin(), func() { cancel(nil) })()
	defer p.streams.enter(cancel)()

	if p.hub.update(ctx) != nil { // what "from now on" counts from
		return
	}
	s := &stream{hub: p.hub, to: w, control: http.NewResponseController(w)}
	s.polled = !canFlush(w)
	if s.write("retry: "+strconv.FormatInt(retryAfter.Milliseconds(), 10)+"\n\n") != nil {
		return
	}
	if !s.resume(lastID(r)) {
		_ = s.write(reset)
		return
	}
	if s.polled {
		s.poll()
		return
	}
	s.run(ctx)
	if context.Cause(ctx) == errCrowded { //nolint:errorlint // it is this very one
		_ = s.write(polled) // and it comes again
	}
}

// What a reader is told besides frames: to fetch api/view again, and that what it
// reads is no stream, as something in between cannot hand on what is written at
// once. It gets what there is, and comes back for more.
const (
	reset  = "event: reset\ndata: {}\n\n"
	polled = "event: polled\ndata: {}\n\n"
)

// canFlush: w, or what it says that it wraps, can flush, as middleware often cannot.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch inner := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return false
		}
	}
}

// lastID is where a reader wants to go on.
func lastID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("since")
}

// stream is one reader. It takes frames from the hub's ring at its own pace, so
// it never holds anybody up; if it falls behind the ring it is sent away.
type stream struct {
	hub     *hub
	to      http.ResponseWriter
	control *http.ResponseController
	seq     uint64 // of the last frame sent
	polled  bool   // what is written arrives at the end
}

// resume sets where to go on from: an id, or nothing for "from now on". It
// returns false if that is of another process or has left the ring.
func (s *stream) resume(id string) bool {
	if id == "" {
		s.seq = s.hub.last()
		return true
	}
	epoch, number, _ := strings.Cut(id, ".")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || epoch != s.hub.epoch {
		return false
	}
	s.seq = seq
	_, ok := s.hub.after(seq)
	return ok
}

// poll sends what there is.
func (s *stream) poll() {
	if s.write(polled) == nil {
		s.send()
	}
}

// run sends frames until ctx ends, the reader is too slow, or it is gone.
func (s *stream) run(ctx context.Context) {
	alive := time.NewTicker(beat)
	defer alive.Stop()
	poll := time.NewTicker(stale)
	defer poll.Stop()
	for {
		woken := s.hub.woken()
		if !s.send() {
			return
		}
		if s.hub.refresh(ctx, stale) != nil {
			return
		}
		select {
		case <-woken:
		case <-poll.C:
		case <-alive.C:
			if s.write(": ka\nevent: ka\ndata: {}\n\n") != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// send writes the frames that the reader has not seen. It returns false if it
// cannot.
func (s *stream) send() bool {
	frames, ok := s.hub.after(s.seq)
	if !ok {
		_ = s.write(reset)
		return false
	}
	var b strings.Builder
	for _, f := range frames {
		fmt.Fprintf(&b, "id: %s\ndata: %s\n\n", s.hub.id(f.seq), f.data)
		s.seq = f.seq
	}
	return len(frames) == 0 || s.write(b.String()) == nil
}

// write has a deadline of its own, which also lifts [http.Server].WriteTimeout
// from a stream that is meant to outlive it. A server that knows no deadlines
// has to do without.
func (s *stream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.to.Write([]byte(text)); err != nil {
		return err
	}
	if s.polled {
		return nil
	}
	return s.control.Flush()
}
