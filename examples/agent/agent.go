package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/periodic"
	"github.com/tend-go/tend/retry"
)

// schedule says when things happen until the server says otherwise, and what the
// server may say.
type schedule struct {
	scan, pull, upgrade, list time.Duration
	apart                     time.Duration // a scan and a pull do not start nearer to each other
	delay                     time.Duration // up to this passes before a dead plugin is started again
	bounds                    bounds
}

// usual is Aliyun's schedule. The bounds are ours: a scan starts processes, so it is
// not had more often than every five minutes, and then there is always room for a
// pull.
var usual = schedule{
	scan: 15 * time.Minute, pull: 5 * time.Minute, upgrade: 30 * time.Minute, list: 24 * time.Hour,
	apart: time.Minute, delay: 10 * time.Second,
	bounds: bounds{
		scan:    limits{5 * time.Minute, 24 * time.Hour},
		pull:    limits{time.Minute, 24 * time.Hour},
		upgrade: limits{5 * time.Minute, 7 * 24 * time.Hour},
	},
}

// agent looks after plugins in two ways that know nothing of each other: it asks
// each for its status, and it reads the heartbeats. What they find it reports.
type agent struct {
	plugins []plugin
	server  server
	bounds  bounds
	log     *slog.Logger

	scan, pull, upgrade, list *periodic.Job
	status, beats             *view
	starters                  []*starter
}

// newAgent makes an agent.
func newAgent(plugins []plugin, s server, c commands, when schedule, log *slog.Logger) (*agent, error) {
	a := &agent{plugins: plugins, server: s, bounds: when.bounds, log: log}
	var err error
	if a.status, err = a.newView(scanPath, statusTimeout, func(ctx context.Context, p plugin) error { return c.status(ctx, p) }); err != nil {
		return nil, err
	}
	if a.beats, err = a.newView(pullPath, beatTimeout, heartbeat); err != nil {
		return nil, err
	}
	for _, p := range plugins {
		a.starters = append(a.starters, &starter{
			plugin: p, commands: c, log: log, wanted: make(chan struct{}),
			delay: func() time.Duration { return rand.N(when.delay + 1) },
		})
	}
	a.schedule(when)
	return a, nil
}

// schedule makes the jobs. Scan joins the gate first: a pull that is due less than
// a minute before it skips its turn, one less than a minute after it waits.
func (a *agent) schedule(when schedule) {
	spread := when.apart // also how far first runs are spread
	a.scan = &periodic.Job{
		Name: "scan", Run: a.runScan, Logger: a.log,
		Interval: when.scan, InitialSpread: spread,
	}
	a.pull = &periodic.Job{
		Name: "pull", Run: a.runPull, Logger: a.log,
		Interval: when.pull, InitialDelay: spread, InitialSpread: spread,
	}
	a.upgrade = &periodic.Job{
		Name: "upgrade", Run: a.runUpgrade, Logger: a.log,
		Interval: when.upgrade,
	}
	a.list = &periodic.Job{
		Name: "list", Run: a.runList, Logger: a.log,
		Interval: when.list, InitialDelay: 3 * spread, InitialSpread: spread,
	}
	gate := &periodic.Gate{MinGap: when.apart}
	gate.Join(a.scan, a.pull)
}

// tree is the agent as a supervisor.
//
//	agent
//	├─ scan, pull     the two ways of looking, a minute apart
//	├─ upgrade, list
//	└─ plugins
//	   └─ start …     one for each plugin
func (a *agent) tree() *tend.Supervisor {
	root := tend.New("agent", tend.Spec{Timeout: 15 * time.Second})
	for _, j := range []*periodic.Job{a.scan, a.pull, a.upgrade, a.list} {
		root.Add(j)
	}
	plugins := tend.New("plugins", tend.Spec{})
	for _, s := range a.starters {
		plugins.Add(s)
	}
	root.Add(plugins)
	return root
}

// runScan asks every plugin for its status and has those started that are dead.
func (a *agent) runScan(ctx context.Context) error {
	dead, err := a.status.look(ctx)
	if err != nil {
		return err
	}
	for _, i := range dead {
		a.starters[i].request()
	}
	return a.report(ctx, a.status)
}

// runPull reads all heartbeats.
func (a *agent) runPull(ctx context.Context) error {
	if _, err := a.beats.look(ctx); err != nil {
		return err
	}
	return a.report(ctx, a.beats)
}

// report reports what a view has seen and does what the server answers.
func (a *agent) report(ctx context.Context, v *view) error {
	v.answer = directive{}
	if err := v.reporter.Report(ctx); err != nil {
		return err
	}
	a.obey(ctx, v.answer)
	return nil
}

// runUpgrade asks whether there is something newer. What an agent does about it is
// not what this program is about: it says so.
func (a *agent) runUpgrade(ctx context.Context) error {
	d, err := a.post(ctx, upgradePath, listReport(a.plugins), retry.Policy{Backoff: tend.Backoff{Min: 3 * time.Second}, Limit: tend.Limit{N: 2}})
	if err != nil {
		return err
	}
	a.obey(ctx, d)
	return nil
}

// runList says once a day which plugins there are. Tomorrow would be late, so it
// does not give up.
func (a *agent) runList(ctx context.Context) error {
	d, err := a.post(ctx, listPath, listReport(a.plugins), retry.Policy{Backoff: tend.Backoff{Min: time.Minute, Max: time.Hour}})
	if err != nil {
		return err
	}
	a.obey(ctx, d)
	return nil
}

// post posts r until it is delivered or given up.
func (a *agent) post(ctx context.Context, path string, r report, again retry.Policy) (d directive, err error) {
	err = again.Do(ctx, func(ctx context.Context) error {
		d, err = a.server.post(ctx, path, r)
		return err
	})
	if err != nil {
		return d, fmt.Errorf("report to %s: %w", path, err)
	}
	return d, nil
}
