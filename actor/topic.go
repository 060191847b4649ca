package actor

import (
	"slices"
	"sync"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
)

// Topic hands values to all who subscribe, in the order in which one goroutine publishes
// them. The zero Topic is ready, and must not be copied once it is used.
type Topic[T any] struct {
	// Latest: of the values only the newest waits for a subscriber, beside its mailbox.
	Latest bool

	mu   sync.Mutex
	subs []subscriber[T]
	lent bool // somebody may be publishing to subs: they are copied before they are changed
}

// subscriber is one Subscribe.
type subscriber[T any] interface {
	// receive hands v over; gone: the run that has subscribed is over.
	receive(v T, latest bool) (lost, gone bool)
}

// Publish hands v to each subscriber, on the goroutine of the caller, and never waits. Who
// has no room loses it: lost is how many these are. A handler may publish to a topic to
// which its actor subscribes.
func (t *Topic[T]) Publish(v T) (lost int) {
	t.mu.Lock()
	subs := t.subs
	t.lent = true
	t.mu.Unlock()
	for _, s := range subs {
		isLost, isGone := s.receive(v, t.Latest)
		if isLost {
			lost++
		}
		if isGone {
			t.forget(s)
		}
	}
	return lost
}

func (t *Topic[T]) forget(s subscriber[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.own()
	t.subs = without(t.subs, s)
}

// own has nobody else look at subs. The caller holds mu.
func (t *Topic[T]) own() {
	if t.lent {
		t.subs, t.lent = slices.Clone(t.subs), false
	}
}

// Subscribe has self handle what message makes of each value that is published, until stop
// is called or self's run ends. Message is called by who publishes; a panic of it costs self
// that value. What self has no room for counts as lost by it. While self does not run,
// Subscribe does nothing, and neither does stop. It panics if message is nil.
func Subscribe[T, M any](t *Topic[T], self *Actor[M], message func(T) M) (stop func()) {
	if message == nil {
		panic("tend/actor: Subscribe of " + self.name + " with a nil message")
	}
	s := &subscription[T, M]{self: self, message: message, alarm: &alarm[M]{keeps: true}}
	self.mu.Lock()
	if !self.is(launched) {
		self.mu.Unlock()
		return func() {}
	}
	b := self.open().whole()
	b.alarms = append(b.alarms, s.alarm)
	self.mu.Unlock()
	t.mu.Lock()
	t.own()
	t.subs = append(t.subs, subscriber[T](s))
	t.mu.Unlock()
	self.endsWithRun(s.alarm, func() { t.forget(s) })
	return func() {
		self.stop(s.alarm)
		t.forget(s)
	}
}

// subscription is the alarm of an actor that a topic rings; without Latest the messages go
// through the mailbox, and the alarm only says whether the run is on.
type subscription[T, M any] struct {
	self    *Actor[M]
	message func(T) M
	alarm   *alarm[M]
}

func (s *subscription[T, M]) receive(v T, latest bool) (lost, gone bool) {
	a := s.self
	var m M
	err := guard.Try(func() error { m = s.message(v); return nil }, func(v any) error {
		return &tend.PanicError{Value: v, PCs: goroutines.Callers(2)}
	})
	a.mu.Lock()
	if s.alarm.off {
		a.mu.Unlock()
		return false, true
	}
	b, link, number := a.box, a.link, a.number()
	switch {
	case err != nil:
		a.mu.Unlock()
		link.Beside(number, err)
		return true, false
	case latest:
		s.alarm.m = m
		a.come(s.alarm, 0)
		return false, false
	case a.hasRoom():
		a.admit(m, nil)
		a.wake()
		return false, false
	case a.spec.DropOldest:
		a.displace()
		a.take(m, nil)
	default:
		b.lose(m, ErrFull)
		lost = true
	}
	a.tellLosses()
	return lost, false
}
