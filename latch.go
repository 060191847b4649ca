package tend

import "sync/atomic"

// latch is something that happens once and that anybody may wait for. The zero
// latch has not happened. Most are never waited for, so the channel is made by the
// first who is.
type latch struct{ c atomic.Pointer[chan struct{}] }

// closed is the channel of all latches that have happened.
var closed = func() *chan struct{} {
	c := make(chan struct{})
	close(c)
	return &c
}()

// happened is closed once it has.
func (l *latch) happened() <-chan struct{} {
	if l.c.Load() == nil {
		c := make(chan struct{})
		l.c.CompareAndSwap(nil, &c)
	}
	return *l.c.Load()
}

// has reports whether it has happened.
func (l *latch) has() bool { return l.c.Load() == closed }

// happen makes it happen; again, it does nothing.
func (l *latch) happen() {
	if c := l.c.Swap(closed); c != nil && c != closed {
		close(*c)
	}
}
