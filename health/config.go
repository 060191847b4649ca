package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tend-go/tend"
)

// Config says how a [Prober] behaves. The zero value of every field is usable.
type Config struct {
	// Concurrency is how many checks run at once. Default [DefaultConcurrency]. A
	// check that ignores that its time is over does not count any more. Probes whose
	// last run has timed out take at most half of it, and the others go first, so
	// that many targets that hang delay each other and not everybody.
	Concurrency int

	// OnChange is told each change of state of each probe: one at a time, and those
	// of one probe in order. If it returns an error (or panics), the change is
	// offered again after Retry, or as soon as OnChange has taken another one; the
	// changes of other probes go before it. A change that was undone meanwhile is not
	// told. So OnChange may be slow, or fail for days, and nothing piles up; of probes
	// that are gone at most 1000 untold changes are kept.
	//
	// Delivery is at least once while the program lives. ctx ends when the Prober
	// stops; what was not told by then is told when it is served again.
	OnChange func(ctx context.Context, c Change) error

	// OnResult is told every result, one at a time. If it is slow it misses
	// results, see [Result].Missed. It shares a goroutine with OnChange, which goes
	// first.
	OnResult func(ctx context.Context, r Result)

	// Retry says when an OnChange that has failed is tried again; its Min must be
	// positive, and its Reset means nothing here. Default: 1s, 2s, 4s … up to 30s.
	Retry tend.Backoff

	// Tree, if set, is part of every [Readiness] and [Liveness] report: usually the
	// root supervisor.
	Tree Tree

	// Ready decides whether Tree is ready; an error says why not. Default:
	// [tend.Status.Ready]. For all services instead of those that count, set
	// [tend.Status.AllRunning]. It is called at most once a second and must return
	// soon: while it does not, the tree does not answer, as [TreeStatus] says.
	Ready func(s tend.Status) error

	// Logger gets changes, the failures of callbacks, and at the end the names of
	// checks that hang. nil: nothing is logged. It is used in the goroutine of
	// OnChange, and at the end in that of Serve, which a handler that blocks would
	// hold up.
	Logger *slog.Logger
}

// DefaultConcurrency is the default of [Config].Concurrency.
const DefaultConcurrency = 16

// complete returns c with its defaults filled in, or an error that names the first
// setting that makes no sense.
func (c Config) complete() (Config, error) {
	switch err := c.Retry.Validate(); {
	case c.Concurrency < 0:
		return c, fmt.Errorf("Config.Concurrency is %d", c.Concurrency)
	case err != nil:
		return c, fmt.Errorf("Config.Retry: %w", err)
	case c.Retry != (tend.Backoff{}) && c.Retry.Min == 0:
		return c, errors.New("Config.Retry.Min is 0: a listener that fails would be called without a pause")
	case c.Ready != nil && c.Tree == nil:
		return c, errors.New("Config.Ready is set, but there is no Tree")
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Retry == (tend.Backoff{}) {
		c.Retry = tend.Backoff{Min: time.Second, Max: 30 * time.Second}
	}
	if c.Ready == nil {
		c.Ready = tend.Status.Ready
	}
	return c, nil
}
