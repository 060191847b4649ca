package actor

import (
	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
)

// answers handles m on the goroutine of the asker, if the actor is idle.
func (a *Actor[M]) answers(m M, q *question) bool {
	a.mu.Lock()
	if !a.is(launched) || a.is(listed|asked|watched) || a.handler == nil {
		a.mu.Unlock()
		return false
	}
	a.set(listed, true) // it is having a turn: this
	w := turn[M]{a: a, b: a.open(), link: a.link, number: a.number(), hand: m, handing: true, handler: a.handler}
	w.b.put++
	w.b.begun++
	w.b.asks.begun.Store(w.b.begun)
	q.number = w.b.put
	a.mu.Unlock()
	w.inline(q)
	return true
}

// inline is a turn of one message on the goroutine of the asker. What there is to do
// besides, also the end of the run, is for a worker.
func (w *turn[M]) inline(q *question) {
	defer func() {
		defer w.leave(q)
		if !w.calling {
			return
		}
		v := recover()
		passes := true
		defer func() {
			if passes { // the panic goes on in the asker, and the run is over all the same
				w.broke(&tend.PanicError{Value: v, PCs: goroutines.Callers(2)})
			}
		}()
		err := w.link.Broken(v)
		passes = false
		w.broke(err)
	}()
	w.handle()
}

// leave ends a turn on the goroutine of an asker. Only a question that is not answered by
// then is one that the actor has to know of.
func (w *turn[M]) leave(q *question) {
	a, b := w.a, w.b
	a.mu.Lock()
	if q.state.Load()&finished == 0 {
		q.keep()
		q.of = a
		b.asks.add(q)
	}
	if !b.isEmpty() || b.isDue.Load() || b.failed != nil || b.asked.Load() {
		a.mu.Unlock()
		w.link.Schedule((*turns[M])(a))
		return
	}
	a.set(listed|looks, false)
	isNew := a.rest(true)
	a.mu.Unlock()
	if isNew {
		w.link.Keep((*turns[M])(a))
	}
}
