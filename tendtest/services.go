package tendtest

import (
	"context"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
)

// Idle makes a service that runs until it is told to stop.
func Idle(name string) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
}

// Slow makes one that does the same, but takes its time to stop.
func Slow(name string, d time.Duration) tend.Service {
	return tend.Func(name, func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(d)
		return nil
	})
}

// Failing makes one that returns err at once, every time.
func Failing(name string, err error) tend.Service {
	return tend.Func(name, func(context.Context) error { return err })
}

// Puppet is a service that does what a test tells it, and is idle otherwise.
type Puppet struct {
	name string
	do   chan func(context.Context) error
}

// NewPuppet makes one.
func NewPuppet(name string) *Puppet { return &Puppet{name, make(chan func(context.Context) error)} }

// String returns the name.
func (o *Puppet) String() string { return o.name }

// Serve waits for an order, or until it is told to stop.
func (o *Puppet) Serve(ctx context.Context) error {
	select {
	case f := <-o.do:
		return f(ctx)
	case <-ctx.Done():
		return nil
	}
}

// End makes the running Serve return err, and waits until everything in the bubble
// has come to rest.
func (o *Puppet) End(err error) { o.Run(func(context.Context) error { return err }) }

// Run makes the running Serve call f and return what that does, and waits until
// everything in the bubble has come to rest.
func (o *Puppet) Run(f func(context.Context) error) {
	o.do <- f
	synctest.Wait()
}
