package main

import (
	"context"
	"errors"

	"github.com/tend-go/tend/health"
)

// What the jobs do in each turn. Each reads anew which plugins are installed; while that
// cannot be read it reports nothing, and its failure is in the log.

// runScan asks every daemon for its status. The report has those that run and, without
// asking, those that are not daemons; the others are reported by their starts.
func (a *agent) runScan(ctx context.Context) error {
	plugins, err := a.plugins()
	if err != nil {
		return err
	}
	a.starters.keep(daemons(plugins))
	if err := a.status.look(ctx, daemons(plugins)); err != nil {
		return err
	}
	var list []pluginReport
	for _, p := range plugins {
		if p.Once {
			list = append(list, p.report(installed))
		}
	}
	for _, p := range a.status.states(a.status.prober.Snapshot(health.Readiness)) {
		if p.Status == running {
			list = append(list, p)
		}
	}
	return a.report(ctx, scanPath, list, scanPosts)
}

// askStatus is the check of a scan: it has a plugin started as soon as that is known to
// be dead, whatever the others do. That the check was stopped says nothing.
func (a *agent) askStatus(ctx context.Context, p plugin) error {
	err := a.commands.status(ctx, p)
	if stopped := context.Cause(ctx); err != nil && (stopped == nil || errors.Is(stopped, health.ErrTimeout)) {
		a.starters.request(p)
	}
	return err
}

// reportStart tells how a start went, in a report of its own.
func (a *agent) reportStart(ctx context.Context, p plugin, err error) error {
	r := p.report(running)
	if err != nil {
		r = p.report(failed)
		r.Output = cut(err.Error(), maxOutput)
	}
	return a.report(ctx, scanPath, []pluginReport{r}, scanPosts)
}

// runPull reads all heartbeats.
func (a *agent) runPull(ctx context.Context) error {
	plugins, err := a.plugins()
	if err != nil {
		return err
	}
	if err := a.beats.look(ctx, daemons(plugins)); err != nil {
		return err
	}
	a.answer = directive{}
	if err := a.reporter.Report(ctx); err != nil {
		return err
	}
	a.obey(ctx, a.answer) // here, since the reporter must not be called by its own report
	return nil
}

// sendBeats is how the reporter reports. A change counts as reported when this returns
// nil, not before: one whose post failed is in the next report, also if only changes are
// wanted by then.
func (a *agent) sendBeats(ctx context.Context, r health.Report) (err error) {
	a.answer, err = a.post(ctx, pullPath, a.beats.states(r), pullPosts)
	return err
}

// runUpgrade asks whether there is something newer. What an agent does about it is
// not what this program is about: it says so.
func (a *agent) runUpgrade(ctx context.Context) error {
	plugins, err := a.plugins()
	if err != nil {
		return err
	}
	return a.report(ctx, upgradePath, reports(daemons(plugins), ""), upgradePosts)
}

// runList says once a day which plugins there are.
func (a *agent) runList(ctx context.Context) error {
	plugins, err := a.plugins()
	if err != nil {
		return err
	}
	return a.report(ctx, listPath, reports(plugins, ""), listPosts)
}
