package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/stopped"
)

const (
	// defaultDrain and closing together are the default Timeout of a service.
	defaultDrain = 8 * time.Second
	closing      = 2 * time.Second
	// listenTimeout is how long a Listen may take: a name has to be looked up, at
	// most.
	listenTimeout = 10 * time.Second
)

// backoff is the budget of the service: an address that is still in use for a second
// must not make six failures in a millisecond, and a pause for everybody else.
var backoff = tend.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}

// Graceful is a server that takes connections from a listener and can be stopped
// in two ways. A *grpc.Server is one.
type Graceful interface {
	// Serve takes connections until the server is stopped, or fails.
	Serve(l net.Listener) error
	// GracefulStop takes no more work and returns when what is under way has come
	// to its end, or Stop has been called. It makes Serve return.
	GracefulStop()
	// Stop ends everything at once.
	Stop()
}

// Config says how a server with a listener becomes a service. Its zero values
// are defaults, but for New.
//
// A run that cannot listen fails at once. Otherwise the service is ready as soon
// as it listens; its annotation "address" says where. When it is asked to stop it
// listens no more and lets what is under way come to its end, for as long as Drain
// says; then that is ended. So it is when the server ends by itself, because its
// listener breaks, say: what is under way is not to blame; the run fails after that.
type Config struct {
	// Name of the service. Default: "server" and, if there is one, "@" and Addr.
	Name string

	// Addr is the TCP address to listen at, as [net.Listen] takes it.
	Addr string

	// Listen opens the listener of a run, instead of Addr: a unix socket, or one
	// that systemd has handed over. Its context ends when the service is to stop.
	Listen func(ctx context.Context) (net.Listener, error)

	// New makes the server of a run. It has to be a new one for each, because a
	// server that was stopped cannot serve again. Its context is the service's. A
	// run for which it returns nil has failed. For HTTP there is [CopiesOf].
	New func(ctx context.Context) Graceful

	// Drain is how long work under way may take to come to its end once the
	// service is to stop. Default 8s. The service's Timeout is 2s more, for closing.
	// With a shorter Timeout, or if less is left of the tree's StopWithin, what takes too
	// long is cut off sooner: a fifth of the time before the end.
	Drain time.Duration
}

// Child returns the service. It has a budget of its own, without a limit: after a
// failure it is tried again in 100ms, then ever more rarely, every 5s at last, and
// others do not pause for it. Set Backoff to zero to have it share the supervisor's
// budget. Child panics if New is nil or Drain negative.
func (c Config) Child() tend.Child {
	if c.New == nil {
		panic("tend/server: Config.New is nil")
	}
	if c.Drain < 0 {
		panic(fmt.Sprintf("tend/server: Config.Drain is %v", c.Drain))
	}
	c.Drain = cmp.Or(c.Drain, defaultDrain)
	if c.Name == "" {
		c.Name = "server"
		if c.Addr != "" {
			c.Name += "@" + c.Addr
		}
	}
	if c.Listen == nil {
		addr := c.Addr
		c.Listen = func(ctx context.Context) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", addr)
		}
	}
	return tend.Child{
		Service: &service{c}, Name: c.Name, ReadyTimeout: listenTimeout, Timeout: c.Drain + min(closing, math.MaxInt64-c.Drain), Backoff: backoff,
	}
}

// service is the service.
type service struct{ Config }

var (
	errCutOff   = errors.New("tend/server: work under way was cut off")
	errByItself = errors.New("tend/server: the server ended by itself")
	errNoServer = errors.New("tend/server: Config.New returned nil")
)

func (s *service) String() string { return s.Name }

// Serve is one run.
func (s *service) Serve(ctx context.Context) (err error) {
	l, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	srv := s.New(ctx)
	if guard.IsNil(srv) { // what stops it would find that out where nobody catches it
		return errNoServer
	}
	ended, stopped := make(chan bool, 1), make(chan error, 1)
	go func() { stopped <- s.await(ctx, srv, ended) }() // from here, to have the labels of the service
	returned := false
	defer func() {
		ended <- returned
		err = errors.Join(err, <-stopped)
	}()
	tend.Annotate(ctx, slog.String("address", l.Addr().String()))
	tend.Ready(ctx)
	err = srv.Serve(l)
	returned = true
	switch {
	case ctx.Err() != nil: // how a server says that it was stopped differs
		return nil
	case err == nil:
		err = errByItself
	default:
		err = fmt.Errorf("%w: %w", errByItself, err)
	}
	_ = l.Close() // that others may take its place while what is under way comes to its end
	tend.Annotate(ctx, slog.Any("draining", err))
	return err
}

// await stops the server when the service is to stop, or when Serve of the server has
// ended: by force, if it has not returned but panicked.
func (s *service) await(ctx context.Context, srv Graceful, ended <-chan bool) error {
	select {
	case <-ctx.Done():
	case returned := <-ended:
		if !returned {
			return try(srv.Stop)
		}
	}
	return s.stop(ctx, srv)
}

// drainWithin is the Drain of a run that is to stop: less, if less time is left to it. What
// takes too long is cut off then, rather than the service be stuck.
func (s *service) drainWithin(ctx context.Context) time.Duration {
	by, bounded := tend.StopBy(ctx)
	if !bounded {
		return s.Drain
	}
	left := time.Until(by)
	return max(0, min(s.Drain, left-min(closing, left/5)))
}

// stop stops gracefully, or when that takes too long by force. It returns when the
// graceful stop has come to its end.
func (s *service) stop(ctx context.Context, srv Graceful) error {
	forced := make(chan error, 1)
	force := func() { forced <- try(srv.Stop) }
	began, drain := time.Now(), s.drainWithin(ctx)
	timer := time.AfterFunc(drain, force)
	keep := whenHastened(ctx, func() {
		if less := s.drainWithin(ctx); less < drain-time.Since(began) && timer.Stop() {
			drain = time.Since(began) + less
			timer.Reset(less)
		}
	})
	err := try(srv.GracefulStop)
	keep()
	switch {
	case !timer.Stop():
		return errors.Join(fmt.Errorf("%w after %v", errCutOff, drain.Round(time.Millisecond)), err, <-forced)
	case err != nil: // it has panicked
		force()
		return errors.Join(err, <-forced)
	}
	return nil
}

// whenHastened has f called now, when ctx ends, and whenever the time to stop comes nearer, until
// keep is called: a server that ended by itself is told to stop meanwhile, and one that was removed
// may be caught by the stop of the whole. When keep returns f is over.
func whenHastened(ctx context.Context, f func()) (keep func()) {
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for asked := ctx.Done(); ; {
			nearer := stopped.Hastened(ctx) // first: what comes now is not missed
			f()
			select {
			case <-asked:
				asked = nil
			case <-nearer:
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-gone
	}
}

// try calls f, a method of somebody's server, and makes an error of a panic: in the
// goroutine that stops servers it would end the program.
func try(f func()) error {
	return guard.Try(func() error { f(); return nil }, func(v any) error {
		return &tend.PanicError{Value: v, PCs: goroutines.Callers(2)}
	})
}
