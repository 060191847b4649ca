package app

import (
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/strand"
)

// errand is something that is done again and again on demand, one time at a
// time, in a goroutine of its own. Demands while it is being done make one more
// time after it.
type errand struct {
	do func()

	strand strand.Strand
	wanted atomic.Bool
}

// want has it done. It never waits.
func (e *errand) want() {
	e.wanted.Store(true)
	e.strand.Wake(e.run)
}

// run is also called, though nobody wants it, when do has called runtime.Goexit.
func (e *errand) run() {
	if e.wanted.Swap(false) {
		guard.Do(e.do)
	}
}

// within does f in a goroutine of its own and waits for it, at most d. The
// writers and loggers of users may hang and the errors of services may do
// anything when asked, but a program that is to end has to.
func within(d time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		guard.Do(f)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// try calls f, which is user code, and makes an error of a panic.
func try(f func() error) error {
	return guard.Try(f, func(v any) error { return &tend.PanicError{Value: v, PCs: goroutines.Callers(2)} })
}
