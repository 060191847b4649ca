package suture

import (
	"cmp"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/strand"
)

// Jitter changes a length of time at random. It may be called from any goroutine;
// for one [Supervisor] there is one call at a time. The jitters of
// github.com/lthibault/jitterbug are some.
type Jitter interface {
	Jitter(time.Duration) time.Duration
}

// NoJitter is a [Jitter] that changes nothing.
type NoJitter struct{}

// Jitter returns d.
func (NoJitter) Jitter(d time.Duration) time.Duration { return d }

// DefaultJitter is the [Jitter] of a [Spec] without one.
type DefaultJitter struct{}

// Jitter adds a random 0 to 50 % to d.
func (dj *DefaultJitter) Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return d
	}
	return tend.Backoff{Jitter: 0.5}.Spread(d, rand.Float64())
}

// asker asks a user's Jitter how long the pauses of a supervisor are to be. The core
// begins a pause of the planned length, and is told another one when the Jitter has
// answered.
type asker struct {
	jitter  Jitter
	planned time.Duration // what it is asked with
	core    *tend.Supervisor

	// begun is the latest pause that the Jitter has not been asked about. When there
	// is a newer one, there is no need to ask about an older one any more: it is over.
	begun  atomic.Pointer[tend.PauseBegan]
	strand strand.Strand // so that a Jitter that never answers holds one goroutine, not one for each pause
	work   func()
}

// newAsker returns nil if there is nobody to ask.
func newAsker(spec Spec, core *tend.Supervisor) *asker {
	_, jitter := spec.jitter()
	if jitter == nil {
		return nil
	}
	a := &asker{jitter: jitter, planned: cmp.Or(spec.FailureBackoff, 15*time.Second), core: core}
	a.work = a.ask
	return a
}

// heard has the Jitter asked if e is the beginning of a pause of the supervisor
// itself. Events of those below come here too, but none of them has the same path.
func (a *asker) heard(e tend.Event) {
	if e, is := e.(tend.PauseBegan); is && a != nil && e.Supervisor == a.core.Path() {
		a.begun.Store(&e)
		a.strand.Wake(a.work)
	}
}

// ask takes the pause first, so that a Jitter that exits is not asked again.
func (a *asker) ask() {
	e := a.begun.Swap(nil)
	if e == nil {
		return
	}
	var length time.Duration
	if guard.Do(func() { length = a.jitter.Jitter(a.planned) }) {
		a.resume(e, length)
	}
}

// resume makes the pause that began with e last so long since then, by the clock of
// the supervisor. The Jitter may have taken its time: that pause may be over, and the
// supervisor in another one, even of a later Serve. That has another end, and is left
// alone. Status, which copies the whole tree below, is the one way to learn the end;
// pauses are rare.
//
// Resume itself does not say which pause it is for. So one case is left: between
// what Status says and what Resume does, one call after the other, the pause ends as
// planned, and the services that are started then fail often enough to begin the
// next. That one has a wrong end until its own answer comes and replaces it.
func (a *asker) resume(e *tend.PauseBegan, length time.Duration) {
	now := a.core.Status()
	if now.PausedUntil.Equal(e.Until) {
		a.core.Resume(max(0, length) - now.Time.Sub(e.Time))
	}
}
