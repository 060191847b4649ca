package main

import (
	"context"
	"strconv"
	"time"

	"github.com/tend-go/tend/health"
)

// view is one way of looking at daemons: a registry with a probe for each. It is not
// served; a job runs all its checks when it is time.
type view struct {
	prober  *health.Prober
	timeout time.Duration
	check   func(ctx context.Context, p plugin) error
	daemons []plugin // of this turn. Only the view's job changes them
}

// source is the name of the probe that lists the others. No number is.
const source = "installed"

// atOnce is how many checks run at once: all of them. Each waits for a process or a
// file, so none that hangs may keep another one from being looked at.
const atOnce = 1000

// newView makes a view that looks at nothing yet.
func newView(timeout time.Duration, check func(context.Context, plugin) error) (*view, error) {
	prober, err := health.New(health.Config{Concurrency: atOnce})
	if err != nil {
		return nil, err
	}
	v := &view{prober: prober, timeout: timeout, check: check}
	return v, prober.Add(health.Probe{Name: source, List: v.list})
}

// list makes the probes. A plugin's name may be too long or too strange for a probe;
// its number is not. A number that another plugin or version has got is another
// Instance, which starts afresh and is news.
//
// One failure is enough for a verdict: the checks look more than once themselves
// where that makes sense.
func (v *view) list(context.Context) (probes []health.Probe, err error) {
	for i, p := range v.daemons {
		probes = append(probes, health.Probe{
			Name: strconv.Itoa(i), Instance: p.Name + " " + p.Version, Timeout: v.timeout, FailureThreshold: 1,
			Check: func(ctx context.Context) error { return v.check(ctx, p) },
		})
	}
	return probes, nil
}

// look runs all checks.
func (v *view) look(ctx context.Context, daemons []plugin) error {
	v.daemons = daemons
	return v.prober.CheckNow(ctx)
}

// states is what r, a report of the prober, says of the daemons.
func (v *view) states(r health.Report) []pluginReport {
	out := make([]pluginReport, len(v.daemons))
	for _, probe := range r.Probes {
		if probe.Name == source {
			continue
		}
		i, _ := strconv.Atoi(probe.Name) // made by list
		out[i] = v.daemons[i].report(running)
		if probe.State != health.Healthy {
			out[i] = v.daemons[i].report(failed)
			out[i].Output = cut(probe.Output, maxOutput)
		}
	}
	return out
}
