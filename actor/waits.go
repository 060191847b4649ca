package actor

import (
	"context"
	"errors"

	"github.com/tend-go/tend/internal/latent"
)

// ErrDeadlock: the wait would never end. Whom it is for waits, through others or not, for
// the one who asks or sends. It is known of handlers of one tree that wait with their own
// contexts.
var ErrDeadlock = errors.New("tend/actor: this wait would never end")

// waiter is an actor as one that waits, or is waited for.
type waiter interface{ waits() *latent.Waits }

func (a *Actor[M]) target() waiter {
	if p := a.spec.front; p != nil { // the mailbox of a pool is emptied by its members
		return p.target()
	}
	return a
}

// waits are those of its tree; nil while it is in none. It may be that it does not run yet.
func (a *Actor[M]) waits() *latent.Waits {
	a.mu.Lock()
	link := a.link
	if !a.is(launched | placed) {
		link = nil
	}
	a.mu.Unlock()
	if link == nil {
		return nil
	}
	return link.Waits()
}

// wait ends what is noted of a wait; nil: nothing is.
type wait func()

func (w wait) end() {
	if w != nil {
		w()
	}
}

// waitFor notes that the handler whose context ctx is, or comes from, waits for somebody. It
// returns what ends that, or [ErrDeadlock]. Of others it is not known whether they can do
// something else meanwhile.
func waitFor(ctx context.Context, whom interface{ target() waiter }, what latent.Wait) (over wait, err error) {
	self, is := ctx.Value(latent.SelfKey{}).(waiter)
	if !is {
		return nil, nil
	}
	w, other := self.waits(), whom.target()
	if w == nil || other == nil || w != other.waits() {
		return nil, nil
	}
	over = w.Begin(self, other, what)
	if over == nil {
		return nil, ErrDeadlock
	}
	return over, nil
}
