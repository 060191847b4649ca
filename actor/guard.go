package actor

import (
	"context"
	"time"

	"github.com/tend-go/tend/internal/latent"
)

// guard notes the Watchdog of the run that begins. Mostly it is that of the kind, and then
// an idle actor pays a bit for it. The caller holds mu.
func (a *Actor[M]) guard(watchdog time.Duration) {
	a.set(watched, watchdog > 0)
	if watchdog > 0 && watchdog != a.spec.Child.Watchdog {
		a.open().whole().watchdog = watchdog
	}
}

// vigil is the watch over a turn; nil: the run has no Watchdog. The caller holds mu.
func (w *turn[M]) newVigil() *latent.Vigil {
	a, b, link, number := w.a, w.b, w.link, w.number
	if !a.is(watched) {
		return nil
	}
	v := &latent.Vigil{Limit: a.spec.Child.Watchdog, Silent: func() { link.Silent(number) }}
	if b.rare != nil && b.watchdog > 0 {
		v.Limit = b.watchdog
	}
	v.Alive = func() time.Duration { return link.Alive(a.madeFor(number)) }
	return v
}

// madeFor is the context that was made for the run with that number; nil: none was, or
// there is another run.
func (a *Actor[M]) madeFor(number uint64) context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.box == nil || a.box.rare == nil || a.number() != number {
		return nil
	}
	return a.box.made
}

// unwatch ends the watch over the turn.
func (w *turn[M]) unwatch() {
	if w.vigil != nil {
		w.link.Unwatch(w.vigil)
	}
}
