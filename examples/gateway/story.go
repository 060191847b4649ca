package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/tend-go/tend/actor"
)

// story is what happens to the gateway, and what it tells of that.
type story struct {
	*gateway
	out   io.Writer
	stays bool // until it is asked to stop
	err   error
}

// tell is its Serve. It ends with nil when it has been told.
func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{s.first, s.usual, s.storm, s.trouble, s.night} {
		if err := chapter(ctx); err != nil {
			if ctx.Err() == nil {
				s.err = err
			}
			return err
		}
	}
	if s.stays {
		s.say("that was all; Ctrl-C ends it")
		<-ctx.Done()
	}
	return nil
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *story) n() int { return len(s.written) }

// first: each device reports for the first time.
func (s *story) first(ctx context.Context) error {
	before := inUse()
	took, err := s.each(ctx, func(ctx context.Context, id uint64) error { return s.devices.To(id).Send(ctx, report{20}) })
	if err != nil {
		return err
	}
	if err := until(ctx, func() bool { return s.reports.Load() >= int64(s.n()) }); err != nil {
		return err
	}
	s.say("%d devices have reported for the first time: %v, %d bytes each, %d goroutines in all", s.devices.Len(), took, (inUse()-before)/int64(s.n()), runtime.NumGoroutine())
	return nil
}

// usual: they report at random, and somebody asks now and then.
func (s *story) usual(ctx context.Context) error {
	took, err := s.each(ctx, func(ctx context.Context, _ uint64) error {
		return s.devices.To(rand.Uint64N(uint64(s.n()))).Send(ctx, report{100 * rand.Float64()})
	})
	if err != nil {
		return err
	}
	p50, p99, err := s.ask(ctx, 10_000)
	if err != nil {
		return err
	}
	s.say("a report of any device: %v; %d alerts; a question is answered in %v, p99 %v", took, s.seen.Load(), p50, p99)
	return nil
}

// storm: all of them connect at once, each with a timer of its own, while somebody asks.
func (s *story) storm(ctx context.Context) error {
	var all sync.WaitGroup
	var p50, p99 time.Duration
	var errAsk error
	all.Go(func() { p50, p99, errAsk = s.ask(ctx, 2000) })
	took, err := s.each(ctx, func(ctx context.Context, id uint64) error { return s.devices.To(id).Send(ctx, connect{}) })
	all.Wait()
	if err != nil || errAsk != nil {
		return cmp.Or(err, errAsk)
	}
	if err := until(ctx, func() bool { return s.connected.Load() >= int64(s.n()) }); err != nil {
		return err
	}
	s.say("a storm: %d connect, each with a timer: %v each; meanwhile a question is answered in %v, p99 %v", s.connected.Load(), took, p50, p99)
	return nil
}

// trouble: one device reports what is no number. It fails alone, and begins with what was
// written down.
func (s *story) trouble(ctx context.Context) error {
	seven := s.devices.To(7)
	if err := seven.Send(ctx, report{42}); err != nil {
		return err
	}
	if err := seven.Send(ctx, report{math.NaN()}); err != nil {
		return err
	}
	v, err := actor.Ask(ctx, seven, func(r actor.Reply[float64]) msg { return latest{r} })
	if err != nil {
		return err
	}
	if v != 42 || s.failures.Load() != 1 {
		return fmt.Errorf("device 7 begins again with %v after %d failures", v, s.failures.Load())
	}
	s.say("device 7 has failed, and nobody else; it begins again with the %v that was written down", v)
	return nil
}

// night: nobody reports. The timers go off, and then all sleep.
func (s *story) night(ctx context.Context) error {
	for s.devices.Len() > 0 {
		s.say("silence: %d of %d timers have gone off, %d devices are awake", s.silent.Load(), s.connected.Load(), s.devices.Len())
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for id := range s.written {
		if s.written[id].Load() == 0 {
			return fmt.Errorf("nothing was written down of device %d", id)
		}
	}
	v, err := actor.Ask(ctx, s.devices.To(7), func(r actor.Reply[float64]) msg { return latest{r} })
	switch {
	case err != nil:
		return fmt.Errorf("device 7 was woken: %w", err)
	case v != 42:
		return fmt.Errorf("device 7 was woken, and says %v", v)
	}
	s.say("all sleep; device 7 is woken by a question and knows what it measured last: %v", v)
	return nil
}

// each does something for each device, on all processors, and tells how long that took for
// one.
func (s *story) each(ctx context.Context, f func(ctx context.Context, id uint64) error) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	var all sync.WaitGroup
	workers := uint64(runtime.GOMAXPROCS(0))
	for w := range workers {
		all.Go(func() {
			for id := w; id < uint64(s.n()) && ctx.Err() == nil; id += workers {
				if err := f(ctx, id); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(began) / time.Duration(s.n()), context.Cause(ctx)
}

// ask asks devices at random, one after another.
func (s *story) ask(ctx context.Context, times int) (p50, p99 time.Duration, err error) {
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		if _, err := actor.Ask(ctx, s.devices.To(rand.Uint64N(uint64(s.n()))), func(r actor.Reply[float64]) msg { return latest{r} }); err != nil {
			return 0, 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[times/2], took[times*99/100], nil
}

// until waits for something that comes soon.
func until(ctx context.Context, is func() bool) error {
	for !is() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// inUse is how many bytes are, when all else has been collected.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
