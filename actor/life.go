package actor

import (
	"context"
	"time"

	"github.com/tend-go/tend/internal/latent"
)

// The context of a run is made when somebody looks at it: most handlers never do. Of the
// first run the record of the actor is the context, so that it costs nothing; later runs
// have a piece of memory each, since what was kept of an earlier one must stay cancelled.

// life is the context of a run that is not the first.
type life[M any] struct{ a *Actor[M] }

// firstLife is the context of the first run.
type firstLife[M any] Actor[M]

func (l *firstLife[M]) real() context.Context { return (*Actor[M])(l).real(nil) }
func (l *life[M]) real() context.Context      { return l.a.real(l) }

func (l *firstLife[M]) Deadline() (time.Time, bool) { return l.real().Deadline() }
func (l *firstLife[M]) Done() <-chan struct{}       { return l.real().Done() }
func (l *firstLife[M]) Value(key any) any           { return value((*Actor[M])(l), l, key) }
func (l *firstLife[M]) Err() error                  { return (*Actor[M])(l).err(nil) }

func (l *life[M]) Deadline() (time.Time, bool) { return l.real().Deadline() }
func (l *life[M]) Done() <-chan struct{}       { return l.real().Done() }
func (l *life[M]) Value(key any) any           { return value(l.a, l, key) }
func (l *life[M]) Err() error                  { return l.a.err(l) }

// value is what the context of a run of a has for a key: whose it is costs nothing to know.
func value[M any](a *Actor[M], l interface{ real() context.Context }, key any) any {
	if _, is := key.(latent.SelfKey); is {
		return waiter(a)
	}
	return l.real().Value(key)
}

// over is the context of all runs that are over.
var over = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(context.Canceled)
	return ctx
}()

// isOn: the run with that context, nil for the first, is not over. The caller holds mu.
func (a *Actor[M]) isOn(l *life[M]) bool {
	if !a.is(launched) {
		return false
	}
	if l == nil {
		return !a.is(begun)
	}
	return a.box != nil && a.box.life == l
}

// err is what the context says, which need not be made for that.
func (a *Actor[M]) err(l *life[M]) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !a.isOn(l) || a.isCancelled():
		return context.Canceled
	case a.box == nil || a.box.context() == nil:
		return nil
	default: // it may have ended because something has failed that the run has started
		return a.box.context().Err()
	}
}

// isCancelled: the context of the run has ended. It goes on while what waits is drained.
func (a *Actor[M]) isCancelled() bool { return a.is(asked) && !a.isDraining() }

// real makes the context.
func (a *Actor[M]) real(l *life[M]) context.Context {
	a.mu.Lock()
	if !a.isOn(l) {
		a.mu.Unlock()
		return over
	}
	if made := a.open().context(); made != nil {
		a.mu.Unlock()
		return made
	}
	link, number, unready := a.link, a.number(), a.handler == nil && a.is(holdsUp)
	a.mu.Unlock()
	made, cancel := link.Context(number, unready) // not under mu: it tells the supervisor
	made, isOwn := a.adopt(l, made, cancel)
	if isOwn {
		link.Opened(number, made) // the supervisor knows of the one that all look at
	}
	return made
}

// adopt makes a context that of the run, if that is on and has none; it returns the one that it has,
// and whether it is that.
func (a *Actor[M]) adopt(l *life[M], made context.Context, cancel context.CancelCauseFunc) (own context.Context, isIt bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.isOn(l) {
		cancel(context.Canceled)
		return over, false
	}
	b := a.open().whole()
	if b.made != nil { // somebody was faster
		cancel(nil)
		return b.made, false
	}
	b.made, b.cancel = made, cancel
	if a.isCancelled() {
		cancel(b.stop.Cause)
	}
	return made, true
}

// context is what real has made for the run; nil: nothing.
func (b *box[M]) context() context.Context {
	if b.rare == nil {
		return nil
	}
	return b.made
}
