package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// counter counts what services do, and says when it has reached a number.
type counter struct {
	n, want atomic.Int64
	reached chan struct{}
}

func newCounter() *counter { return &counter{reached: make(chan struct{}, 1)} }

// expect sets the number to be waited for, which must not have been reached.
func (c *counter) expect(n int) { c.want.Store(int64(n)) }

func (c *counter) add() {
	if c.n.Add(1) == c.want.Load() {
		c.reached <- struct{}{}
	}
}

// patience is how long something may take that should have happened.
const patience = 5 * time.Minute

// wait waits for the number.
func (c *counter) wait() { await(fmt.Sprintf("what was to happen %d times", c.want.Load()), c.reached) }

// idler is a service that does nothing until it is stopped. One value is as many
// services as it is added as.
type idler struct{ begun, ended *counter }

func newIdler() *idler { return &idler{newCounter(), newCounter()} }

func (w *idler) String() string { return "idle" }

func (w *idler) Serve(ctx context.Context) error {
	w.begun.add()
	<-ctx.Done()
	w.ended.add()
	return nil // capataz takes anything else for a stop that failed
}

// failing says how a service fails.
type failing bool

const (
	withError failing = false
	withPanic failing = true
)

var errFailed = errors.New("failed")

// fail is the end of a Serve.
func (f failing) fail() error {
	if f == withPanic {
		panic("failed")
	}
	return errFailed
}

// failer is one service that fails at once, again and again, and notes how long
// it takes until it runs again.
type failer struct {
	how    failing
	want   int // restarts to be noted
	skip   int // the first so many are not
	took   []time.Duration
	runs   int
	failed time.Time // when the last run ended
	warm   chan struct{}
	enough chan struct{}
}

// newFailer makes one that notes n restarts, after some that it does not.
func newFailer(how failing, n int) *failer {
	return &failer{
		how: how, want: n, skip: n / 20, took: make([]time.Duration, 0, n),
		warm: make(chan struct{}), enough: make(chan struct{}),
	}
}

func (w *failer) String() string { return "failer" }

// Serve is called by one goroutine at a time.
func (w *failer) Serve(ctx context.Context) error {
	now := time.Now()
	w.runs++
	switch {
	case w.runs == w.skip+1:
		close(w.warm)
	case w.runs > w.skip+1:
		w.took = append(w.took, now.Sub(w.failed))
	}
	if len(w.took) == w.want {
		close(w.enough)
		<-ctx.Done()
		return nil
	}
	w.failed = time.Now()
	return w.how.fail()
}

// waver is a service that waits for the next wave, and fails then. One value is
// many services.
type waver struct {
	begun *counter
	how   atomic.Bool
	wave  atomic.Pointer[chan struct{}] // closed when it comes
}

func newWaver() *waver {
	w := &waver{begun: newCounter()}
	w.next()
	return w
}

// next makes the next wave and returns the one that it replaces.
func (w *waver) next() *chan struct{} {
	c := make(chan struct{})
	return w.wave.Swap(&c)
}

func (w *waver) String() string { return "waver" }

func (w *waver) Serve(ctx context.Context) error {
	wave := *w.wave.Load()
	w.begun.add()
	select {
	case <-wave:
		return failing(w.how.Load()).fail()
	case <-ctx.Done():
		return nil
	}
}
