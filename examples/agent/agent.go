package main

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
	"github.com/tend-go/tend/periodic"
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
		list:    limits{time.Hour, 7 * 24 * time.Hour},
	},
}

// agent looks after plugins in two ways that know nothing of each other: it asks
// each for its status, and it reads the heartbeats. What they find it reports.
type agent struct {
	plugins  func() ([]plugin, error) // that are installed, asked anew in each turn
	server   server
	commands commands
	bounds   bounds
	log      *slog.Logger

	root                      *tend.Supervisor
	scan, pull, upgrade, list *periodic.Job
	status, beats             *view
	reporter                  *health.Reporter // of the heartbeats
	answer                    directive        // of the server, to the last of its reports. Only pull uses it
	starters                  *starters
}

// newAgent makes an agent.
func newAgent(plugins func() ([]plugin, error), s server, c commands, when schedule, log *slog.Logger) (*agent, error) {
	a := &agent{plugins: plugins, server: s, commands: c, bounds: when.bounds, log: log}
	var err error
	if a.status, err = newView(statusTimeout, a.askStatus); err != nil {
		return nil, err
	}
	if a.beats, err = newView(beatTimeout, heartbeat); err != nil {
		return nil, err
	}
	a.reporter = &health.Reporter{Prober: a.beats.prober, Send: a.sendBeats}
	a.starters = &starters{services: tend.New("plugins", tend.Spec{}), hire: func(name string) *starter {
		return &starter{
			name: name, commands: c, log: log, wanted: make(chan plugin, 1), report: a.reportStart,
			delay: func() time.Duration { return rand.N(when.delay + 1) },
		}
	}}
	a.schedule(when)
	a.root = a.tree()
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
//	   └─ start …     one for each daemon that is installed
func (a *agent) tree() *tend.Supervisor {
	root := tend.New("agent", tend.Spec{Timeout: 15 * time.Second})
	for _, j := range []*periodic.Job{a.scan, a.pull, a.upgrade, a.list} {
		root.Add(j)
	}
	root.Add(a.starters.services)
	return root
}
