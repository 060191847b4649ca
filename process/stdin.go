package process

import (
	"errors"
	"io"
	"os"
	"time"
)

// feed is the way of a Stdin that is no file to the process. Package os/exec has one
// too, but its Wait does not return before the reader does, which may be never.
type feed struct {
	from io.Reader
	to   io.WriteCloser
	done chan error // size 1
}

// newFeed takes over the Stdin that Setup left. It is nil if there is nothing to copy.
func (r *run) newFeed() (*feed, error) {
	from := r.cmd.Stdin
	if _, file := from.(*os.File); file || from == nil {
		return nil, nil
	}
	r.cmd.Stdin = nil
	to, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &feed{from: from, to: to, done: make(chan error, 1)}, nil
}

// start begins to copy. The goroutine ends with the reader, not with the run: nothing
// can end a Read of somebody else's.
func (f *feed) start(r *run) {
	go func() {
		defer close(f.done)
		defer f.to.Close()
		r.guarded("Stdin", func() { f.done <- f.copy() })
	}()
}

// copy returns what the reader failed with. A process that does not want its input is
// no failure.
func (f *feed) copy() error {
	buf := make([]byte, 4<<10)
	for {
		n, err := f.from.Read(buf)
		if n > 0 {
			if _, err := f.to.Write(buf[:n]); err != nil {
				return nil //nolint:nilerr // see above
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// wait waits until the reader is not used any more, for d at most.
func (f *feed) wait(d time.Duration) error {
	select {
	case err := <-f.done: // also if there is no time left
		return err
	default:
	}
	select {
	case err := <-f.done:
		return err
	case <-time.After(d):
		return nil
	}
}
