package actor

import (
	"reflect"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/timerid"
)

// lost is a message that was taken and will not be handled to its end.
type lost[M any] struct {
	m   M
	why error
}

// tally is how many messages an actor has lost.
type tally struct {
	all    uint64
	untold uint64
	why    error     // of the last
	at     time.Time // when that was told last
	timer  bool      // the rest will be
}

// lose counts m as lost. The caller holds mu, and calls tellLosses soon.
func (b *box[M]) lose(m M, why error) {
	b.whole().missed = append(b.missed, lost[M]{m, why})
	b.tally.all++
	b.tally.untold++
	b.tally.why = why
}

// loseAll loses what waits.
func (b *box[M]) loseAll(why error) {
	for _, m := range b.out[b.next:] {
		b.lose(m, why)
	}
	for _, m := range b.in {
		b.lose(m, why)
	}
	b.asks.end(b.begun+1, b.put, why)
	b.in, b.out, b.next, b.used, b.begun, b.marks = nil, nil, 0, 0, b.put, nil
}

// teller is the actor as the scheduler sees it when there is something to tell.
type teller[M any] Actor[M]

// tellLosses has what was lost told, and unlocks mu.
func (a *Actor[M]) tellLosses() {
	b := a.box
	if b.rare == nil || b.telling || len(b.missed) == 0 {
		a.mu.Unlock()
		return
	}
	b.telling = true
	link := a.link
	a.mu.Unlock()
	(*teller[M])(a).schedule(link)
}

func (l *teller[M]) schedule(link latent.Link) {
	if link == nil { // it has never run
		go l.Turn(0)
		return
	}
	link.Schedule(l)
}

// Turn tells what was lost.
func (l *teller[M]) Turn(uint64) (more bool) {
	a := (*Actor[M])(l)
	a.mu.Lock()
	link := a.link
	a.mu.Unlock()
	returned := false
	defer func() {
		if !returned { // Lost has called Goexit
			l.schedule(link)
		}
	}()
	a.tellScheduled()
	returned = true
	return false
}

// tellScheduled is tellNow for who was given a turn for that. It ends a run that has waited
// for it.
func (a *Actor[M]) tellScheduled() {
	a.tellNow()
	a.mu.Lock()
	b := a.open().whole()
	then := b.told
	b.telling, b.told = false, nil
	if len(b.missed) > 0 {
		b.told = then
		a.tellLosses()
		return
	}
	a.mu.Unlock()
	if then != nil {
		then()
	}
}

// tellNow tells what was lost until nothing is left.
func (a *Actor[M]) tellNow() {
	for {
		a.mu.Lock()
		b := a.open()
		if b.rare == nil || len(b.missed) == 0 {
			a.tellSupervisor()
			return
		}
		next := b.missed[0]
		b.missed[0] = lost[M]{}
		if b.missed = b.missed[1:]; len(b.missed) == 0 {
			b.missed = nil
		}
		link, number := a.link, a.number()
		a.mu.Unlock()
		if a.spec.Lost == nil {
			continue
		}
		err := guard.Try(func() error { a.spec.Lost(next.m, next.why); return nil }, func(v any) error {
			return &tend.PanicError{Value: v, PCs: goroutines.Callers(2)}
		})
		if err != nil && link != nil { // one that has never run has nobody to tell it to
			link.Beside(number, err)
		}
	}
}

// everySecond is how often an actor tells its supervisor what it has lost, at most.
const everySecond = time.Second

// tellSupervisor tells how many were lost, or sees to it that it will be, and unlocks mu.
func (a *Actor[M]) tellSupervisor() {
	b, link := a.box, a.link
	if b == nil || b.rare == nil {
		a.mu.Unlock()
		return
	}
	l, n, why := a.spec.losses, b.tally.untold, b.tally.why
	switch {
	case n == 0 || link == nil && l == nil: // it has never been in a tree
		a.mu.Unlock()
		return
	case l != nil:
		b.tally.untold = 0
		a.mu.Unlock()
		if a.spec.front != nil { // of the pool, and of no member
			link = nil
		}
		l.lost(link, n, why)
		return
	}
	a.mu.Unlock()
	clock := link.Clock()
	now := clock.Now()
	a.mu.Lock()
	n, wait, why := b.tally.take(now)
	a.mu.Unlock()
	if wait > 0 {
		clock.AfterFunc(wait, a.tellRest, timerid.Send)
	}
	if n > 0 {
		link.Lost(n, kindOf[M](), why)
	}
}

// kindOf is the type of the messages, which is all that is told of them.
func kindOf[M any]() string { return reflect.TypeFor[M]().String() }

// take is what there is to tell; or, if something was told a moment ago, how long that has
// to wait, once.
func (t *tally) take(now time.Time) (n uint64, wait time.Duration, why error) {
	if rest := everySecond - now.Sub(t.at); !t.at.IsZero() && rest > 0 {
		if t.timer {
			return 0, 0, nil
		}
		t.timer = true
		return 0, rest, nil
	}
	n, t.untold = t.untold, 0
	t.at = now
	return n, 0, t.why
}

// tellRest tells what was lost within a second.
func (a *Actor[M]) tellRest() {
	a.mu.Lock()
	a.open().whole().tally.timer = false
	a.tellSupervisor()
}

// losses are those of several actors, which are told together: of one of them at most
// once a second, and then of all.
type losses[M any] struct {
	host latent.Host

	mu    sync.Mutex
	tally tally
}

// lost tells of n more, of the actor with that link.
func (l *losses[M]) lost(link latent.Link, n uint64, why error) {
	l.mu.Lock()
	l.tally.untold += n
	l.tally.why = why
	l.mu.Unlock()
	l.tell(link)
}

// tell tells of those of one actor or, if link is nil, of several.
func (l *losses[M]) tell(link latent.Link) {
	clock := l.host.Clock()
	now := clock.Now()
	l.mu.Lock()
	n, wait, why := l.tally.take(now)
	l.mu.Unlock()
	if wait > 0 {
		clock.AfterFunc(wait, l.tellRest, timerid.Send)
	}
	switch {
	case n == 0:
	case link != nil:
		link.Lost(n, kindOf[M](), why)
	default:
		l.host.Lost(n, kindOf[M](), why)
	}
}

func (l *losses[M]) tellRest() {
	l.mu.Lock()
	l.tally.timer = false
	l.mu.Unlock()
	l.tell(nil)
}
