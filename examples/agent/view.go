package main

import (
	"context"
	"strconv"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/retry"
)

// view is one way of looking at the plugins: a registry with a probe for each. It
// is not served; a job runs all its checks when it is time.
type view struct {
	prober   *health.Prober
	reporter *health.Reporter
	answer   directive // of the server, to the last report. Only the view's job uses it
}

// newView makes a view whose reports go to a path of the server.
//
// One failure is enough for a verdict: the checks look more than once themselves
// where that makes sense. A change counts as reported when the post was answered,
// not before: one that fails is in the next report, also if only changes are wanted
// by then.
func (a *agent) newView(path string, timeout time.Duration, check func(context.Context, plugin) error) (*view, error) {
	prober, err := health.New(health.Config{})
	if err != nil {
		return nil, err
	}
	for i, p := range a.plugins {
		err := prober.Add(health.Probe{
			Name: probeOf(i), Timeout: timeout, FailureThreshold: 1,
			Check: func(ctx context.Context) error { return check(ctx, p) },
		})
		if err != nil {
			return nil, err
		}
	}
	v := &view{prober: prober}
	v.reporter = &health.Reporter{Prober: prober, Send: func(ctx context.Context, r health.Report) error {
		var err error
		again := retry.Policy{Backoff: tend.Backoff{Min: 2 * time.Second}, Limit: tend.Limit{N: 3}}
		v.answer, err = a.post(ctx, path, newReport(a.plugins, r), again)
		return err
	}}
	return v, nil
}

// look runs all checks, and says which plugins are not well.
func (v *view) look(ctx context.Context) (dead []int, err error) {
	if err := v.prober.CheckNow(ctx); err != nil {
		return nil, err
	}
	for _, p := range v.prober.Snapshot(health.Readiness).Probes {
		if p.State != health.Healthy {
			dead = append(dead, pluginOf(p.Name))
		}
	}
	return dead, nil
}

// A plugin's name may be too long or too strange for a probe; its number is not.
func probeOf(i int) string { return strconv.Itoa(i) }

func pluginOf(probe string) int {
	i, _ := strconv.Atoi(probe) // made by probeOf
	return i
}
