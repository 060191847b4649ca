package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// broker stands for what takes the events, which at times it does not.
type broker struct {
	mu       sync.Mutex
	out      io.Writer
	down     bool
	taken    []event
	rejected int
	news     chan struct{} // closed and replaced at each event
}

func newBroker(out io.Writer) *broker { return &broker{out: out, news: make(chan struct{})} }

var errDown = errors.New("the broker is down")

// publish takes an event, or does not.
func (b *broker) publish(_ context.Context, e event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() {
		close(b.news)
		b.news = make(chan struct{})
	}()
	if b.down {
		b.rejected++
		return errDown
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	b.taken = append(b.taken, e)
	_, err = fmt.Fprintf(b.out, "   %s\n", line)
	return err
}

// set takes the broker down, or up again.
func (b *broker) set(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down, b.rejected = down, 0
}

// say prints a line between the events.
func (b *broker) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = fmt.Fprintf(b.out, format+"\n", args...) // if nobody reads it, nobody misses it
}

// awaitEvent waits until such an event was taken.
func (b *broker) awaitEvent(ctx context.Context, kind, game string) error {
	return b.await(ctx, kind+" of "+game, func() bool {
		for _, e := range b.taken {
			if e.Type == kind && e.Game == game {
				return true
			}
		}
		return false
	})
}

// awaitRejections waits until events were not taken n times since set.
func (b *broker) awaitRejections(ctx context.Context, n int) error {
	return b.await(ctx, "an event that is not taken", func() bool { return b.rejected >= n })
}

func (b *broker) await(ctx context.Context, what string, done func() bool) error {
	for {
		b.mu.Lock()
		yes, news := done(), b.news
		b.mu.Unlock()
		if yes {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
	}
}

// events returns those that were taken.
func (b *broker) events() []event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]event(nil), b.taken...)
}
