package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// target is a running container that has to answer GET /healthz with 200.
type target struct {
	Game      string // what it serves; stays when the container is replaced
	Container string
	URL       string // without /healthz
}

// event is what the rest of the system is told.
type event struct {
	Type      string    `json:"type"` // probeFailed or probeRecovered
	Game      string    `json:"game"`
	Container string    `json:"container"`
	Time      time.Time `json:"time"` // when it happened, not when it was published

	ConsecutiveFailures int    `json:"consecutive_failures,omitempty"`
	LastStatus          int    `json:"last_status,omitempty"` // 0: there was no answer
	LastError           string `json:"last_error,omitempty"`

	PriorFailures int `json:"prior_failures,omitempty"`
}

const (
	probeFailed    = "probe_failed"
	probeRecovered = "probe_recovered"
)

// prober is what is probed, how, and who is told.
type prober struct {
	list    func(ctx context.Context) ([]target, error)
	publish func(ctx context.Context, e event) error // an error: it will be offered again

	interval time.Duration // of each target, and of listing them
	timeout  time.Duration
	failures int // in a row, until probeFailed

	client *http.Client // nil: one connection per probe, no proxy, no redirects
	jitter float64      // see health.Probe
	log    *slog.Logger // nil: none
}

// atOnce is how many requests there are at most. One that hangs takes a slot for
// its timeout; many that do take half of the slots, so that the others go on.
const atOnce = 16

// source is the name of the probe that lists the others.
const source = "prober:list"

// service makes the service that probes. All state is in there: a target that is
// not listed any more is forgotten, and a new container, which is a new Instance,
// starts afresh.
func (p *prober) service() (*health.Prober, error) {
	m, err := health.New(health.Config{
		Concurrency: atOnce, OnChange: p.tell, Logger: p.log,
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
		Name: t.Game + ":healthz", Instance: t.Container, Check: health.HTTP(t.URL+"/healthz", opts...),
		Interval: p.interval, Timeout: p.timeout, Jitter: p.jitter, FailureThreshold: p.failures,
	}
}

// tell publishes a change if it is an event. The health.Prober keeps a change until this
// returns nil, which is all that it takes not to lose one.
func (p *prober) tell(ctx context.Context, c health.Change) error {
	if c.Name == source {
		return nil // it is no target; the log has it, and so would /readyz
	}
	e := event{Game: gameOf(c.Name), Container: c.Instance, Time: c.At}
	switch {
	case c.To == health.Unhealthy:
		e.Type, e.ConsecutiveFailures = probeFailed, c.Failures
		e.LastStatus, e.LastError = statusOf(c.Details), c.Err.Text
	case c.From == health.Unhealthy:
		e.Type, e.PriorFailures = probeRecovered, c.Failures
	default:
		return nil // well from the beginning
	}
	return p.publish(ctx, e)
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
