package main

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// target is a running container that has to answer GET /healthz with 200.
type target struct {
	Game      string // what it serves; stays when the container is replaced
	Container string
	URL       string // without /healthz, with or without slashes at its end
}

// event is what the rest of the system is told.
type event struct {
	Type      string    `json:"type"` // probeFailed or probeRecovered
	Game      string    `json:"game"`
	Container string    `json:"container"`
	Time      time.Time `json:"time"` // when it happened, not when it was published

	*failed    // of a probeFailed, else nil
	*recovered // of a probeRecovered
}

// failed and recovered are what their events say besides. All of it is always there,
// zero or not: a status of 0 says that there was no answer.
type failed struct {
	ConsecutiveFailures int    `json:"consecutive_failures"`
	LastStatus          int    `json:"last_status"`
	LastError           string `json:"last_error"`
}

type recovered struct {
	PriorFailureCount int `json:"prior_failure_count"`
}

const (
	probeFailed    = "probe_failed"
	probeRecovered = "probe_recovered"
)

// prober is what is probed, how, and who is told.
type prober struct {
	list    func(ctx context.Context) ([]target, error)
	publish func(ctx context.Context, e event) error // an error: it will be offered again
	count   *expvar.Map                              // counts the events that were published, by type
	log     *slog.Logger

	interval time.Duration // of each target, and of listing them
	timeout  time.Duration
	failures int // in a row, until probeFailed

	// What need not be set.
	client *http.Client // nil: one connection per probe, no proxy, no redirects
	jitter float64      // see health.Probe
}

// validate names what is missing, or makes no sense.
func (p *prober) validate() error {
	switch {
	case p.list == nil:
		return errors.New("list is nil")
	case p.publish == nil:
		return errors.New("publish is nil")
	case p.count == nil:
		return errors.New("count is nil")
	case p.log == nil:
		return errors.New("log is nil")
	case p.interval <= 0:
		return fmt.Errorf("interval is %v", p.interval)
	case p.timeout <= 0:
		return fmt.Errorf("timeout is %v", p.timeout)
	case p.failures <= 0:
		return fmt.Errorf("failures is %d", p.failures)
	}
	return nil
}

// atOnce is how many requests there are at most. One that hangs takes a slot for
// its timeout; many that do take half of the slots, so that the others go on.
const atOnce = 16

// source is the name of the probe that lists the others.
const source = "prober:list"

// newProber makes the service that probes. All state is in there: a target that is
// not listed any more is forgotten, and a new container, which is a new Instance,
// starts afresh.
func newProber(p prober) (*health.Prober, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	m, err := health.New(health.Config{
		Concurrency: atOnce, OnChange: p.tell, OnResult: p.note, Logger: p.log,
		Retry: tend.Backoff{Min: p.interval / 10, Max: 3 * p.interval},
	})
	if err != nil {
		return nil, err
	}
	return m, m.Add(health.Probe{
		Name: source, Interval: p.interval, Timeout: p.timeout, Jitter: p.jitter,
		List: func(ctx context.Context) ([]health.Probe, error) {
			targets, err := p.list(ctx)
			probes := make([]health.Probe, 0, len(targets))
			for _, t := range targets {
				probes = append(probes, p.probe(t))
			}
			return probes, err
		},
	})
}

func (p *prober) probe(t target) health.Probe {
	opts := []health.HTTPOption{health.StatusBetween(http.StatusOK, http.StatusOK)}
	if p.client != nil {
		opts = append(opts, health.Client(p.client))
	}
	return health.Probe{
		Name: t.Game + ":healthz", Instance: t.Container,
		Check:    health.HTTP(strings.TrimRight(t.URL, "/")+"/healthz", opts...),
		Interval: p.interval, Timeout: p.timeout, Jitter: p.jitter, FailureThreshold: p.failures,
	}
}

// tell publishes a change if it is an event. The health.Prober keeps a change until this
// returns nil, which is all that it takes not to lose one.
func (p *prober) tell(ctx context.Context, c health.Change) error {
	if c.Name == source {
		return nil // it is no target; the log has it, and so would /readyz
	}
	e := event{Game: gameOf(c.Name), Container: c.Instance, Time: c.At.UTC()}
	switch {
	case c.To == health.Unhealthy:
		e.Type, e.failed = probeFailed, &failed{c.Failures, statusOf(c.Details), c.Err.Text}
	case c.From == health.Unhealthy:
		e.Type, e.recovered = probeRecovered, &recovered{c.Failures}
	default:
		return nil // well from the beginning
	}
	if err := p.publish(ctx, e); err != nil {
		return err
	}
	p.count.Add(e.Type, 1)
	p.log.LogAttrs(ctx, slog.LevelInfo, "published", slog.String("type", e.Type),
		slog.String("game", e.Game), slog.String("container", e.Container))
	return nil
}

// note logs a failure that is no event, since it is below the threshold.
func (p *prober) note(ctx context.Context, r health.Result) {
	if r.Name == source || r.Err.IsZero() || r.State == health.Unhealthy {
		return
	}
	p.log.LogAttrs(ctx, slog.LevelInfo, "failed below the threshold", slog.String("game", gameOf(r.Name)), slog.String("container", r.Instance),
		slog.Int("failures", r.Streak), slog.Int("status", statusOf(r.Details)), slog.String("error", r.Err.Text))
}

func gameOf(probe string) string { return probe[:len(probe)-len(":healthz")] }

// statusOf finds the status that health.HTTP has noted.
func statusOf(details []slog.Attr) int {
	for _, a := range details {
		if a.Key == "status" {
			return int(a.Value.Int64())
		}
	}
	return 0
}
