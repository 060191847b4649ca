package health

import (
	"time"

	"github.com/tend-go/tend"
)

// maxOrphans is how many changes of probes that are gone are kept for delivery.
const maxOrphans = 1000

// news is what is to be told of one entry: at most one change and one result,
// however slow the listener is.
type news struct {
	told    State  // that the listener knows
	change  Change // the last one; From is filled in when it is offered
	offered int    // how often the change was offered
	result  Result

	changeQueued, changeOut, resultQueued bool
}

// pending says whether the listener has still to learn of the change. One that was
// undone before it was delivered is no news.
func (n *news) pending() bool { return n.told != n.change.To }

// outbox holds the entries of which there is something to tell. It belongs to
// the plan and hands out one thing at a time; to tell it is up to Prober.deliver.
type outbox struct {
	wantChanges, wantResults bool
	retry                    tend.Backoff
	random                   func() float64

	changes  fifo
	results  fifo
	again    []*entry // whose delivery failed, until offerAt
	offerAt  time.Time
	failures int               // rounds of offering in which nothing was taken
	orphans  map[string]*entry // gone, with a change to tell
	removed  int               // entries, since the queues were cleaned
	lost     int               // changes of orphans for which there was no room
	busy     bool              // somebody is taking things out
}

// changed notes that e has come into another state. An earlier probe of its name, of
// which the listener never learned, is no news any more.
func (o *outbox) changed(e *entry, c Change) {
	e.change, e.offered = c, 0
	if !o.wantChanges {
		e.told = c.To
		return
	}
	if old := o.orphans[e.Name]; old != nil && old != e {
		o.drop(old)
	}
	o.queue(e)
}

func (o *outbox) queue(e *entry) {
	if e.pending() && !e.changeQueued && !e.changeOut {
		e.changeQueued = true
		o.changes.push(e)
	}
}

// drop forgets what is to be told of an entry that is gone.
func (o *outbox) drop(e *entry) {
	e.told = e.change.To
	if o.orphans[e.Name] == e {
		delete(o.orphans, e.Name)
	}
}

// had notes that e has had a result.
func (o *outbox) had(e *entry, r Result) {
	if !o.wantResults {
		return
	}
	if e.resultQueued {
		r.Missed = e.result.Missed + 1
	} else {
		e.resultQueued = true
		o.results.push(e)
	}
	e.result = r
}

// forget notes that e is gone. With keep its change is still told.
func (o *outbox) forget(e *entry, keep bool) {
	switch {
	case !e.pending():
	case !keep:
		o.drop(e)
	case len(o.orphans) >= maxOrphans:
		o.drop(e)
		o.lost++
	default:
		if old := o.orphans[e.Name]; old != nil {
			o.drop(old)
		}
		o.orphans[e.Name] = e
	}
	if o.removed++; o.removed >= maxOrphans { // perhaps nobody takes anything out
		o.removed = 0
		o.changes.keep(func(e *entry) bool { return !e.gone || e.pending() })
		o.results.keep(func(e *entry) bool { return !e.gone })
	}
}

// delivery is one thing to tell.
type delivery struct {
	entry  *entry
	change *Change // one of the two
	result *Result
	first  bool // it was not offered before
	lost   int  // changes that had to be dropped
}

// next takes out what is to be told next: changes before results.
func (o *outbox) next(now time.Time) (d delivery, ok bool) {
	if !o.offerAt.IsZero() && !now.Before(o.offerAt) {
		o.offerAt = time.Time{}
		for _, e := range o.again {
			o.queue(e)
		}
		o.again = nil
	}
	for e := o.changes.pop(); e != nil; e = o.changes.pop() {
		e.changeQueued = false
		if !e.pending() {
			continue
		}
		e.changeOut = true
		e.offered++
		c := e.change
		c.From = e.told
		d = delivery{entry: e, change: &c, first: e.offered == 1, lost: o.lost}
		o.lost = 0
		return d, true
	}
	for e := o.results.pop(); e != nil; e = o.results.pop() {
		if !e.resultQueued || e.gone {
			continue
		}
		e.resultQueued = false
		r := e.result
		return delivery{entry: e, result: &r}, true
	}
	return delivery{}, false
}

// delivered notes whether the change that next handed out was taken.
func (o *outbox) delivered(d delivery, taken bool, now time.Time) {
	e := d.entry
	e.changeOut = false
	if !taken {
		o.again = append(o.again, e)
		if o.offerAt.IsZero() {
			o.failures++
			o.offerAt = now.Add(o.retry.Spread(o.retry.Delay(o.failures), o.random()))
		}
		return
	}
	o.failures = 0
	if len(o.again) > 0 { // the listener is back
		o.offerAt = now
	}
	if !e.gone || e.pending() { // else it was dropped meanwhile
		e.told = d.change.To
	}
	if o.orphans[e.Name] == e {
		delete(o.orphans, e.Name)
	}
	o.queue(e)
}

// ready says whether next may have something for who asks now.
func (o *outbox) ready(now time.Time) bool {
	offer := !o.offerAt.IsZero() && !now.Before(o.offerAt)
	return !o.busy && (o.changes.len() > 0 || o.results.len() > 0 || offer)
}

// take makes the caller the one who takes things out, if there may be any.
func (o *outbox) take(now time.Time) bool {
	if !o.ready(now) {
		return false
	}
	o.busy = true
	return true
}

// first is when it will be ready even if nothing happens; the zero time if never.
func (o *outbox) first() time.Time {
	if o.busy {
		return time.Time{}
	}
	return o.offerAt
}
