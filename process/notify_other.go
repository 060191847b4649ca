//go:build !linux

package process

import "errors"

// canNotify: the notify socket is an abstract one, which only Linux has.
const canNotify = false

type notifySocket struct{}

func (r *run) listen() error { return errors.ErrUnsupported }

func (r *run) endNotes() <-chan note {
	none := make(chan note)
	close(none)
	return none
}

func (r *run) mark() {}

func (n *note) close() {}
