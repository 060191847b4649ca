package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// progress says once a second how far it is.
func (d *driver) progress(ctx context.Context) error {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for last := int64(0); ; {
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
		done := d.done.Load()
		d.say("%d of %d increments, %d in this second", done, d.keys*d.rounds, done-last)
		last = done
	}
}

func (d *driver) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, format+"\n", args...)
}

// fail notes what went wrong, for the end.
func (d *driver) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = errors.Join(d.err, err)
}

// refusals is how many writes had an old token.
func (s *store) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// free is an address that nobody has at the moment.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
