package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/health"
)

// tree is the program: what polls, what watches, and what tells about it.
//
//	notifier
//	├─ health  the checks
//	├─ http    /livez and /readyz, if there is an address
//	└─ poll    the work; significant: when it is done, so is the program
func tree(n *notifier, address string) (*tend.Supervisor, *health.Prober, error) {
	root := tend.New("notifier", tend.Spec{Timeout: 5 * time.Second})
	prober, err := watch(n, root)
	if err != nil {
		return nil, nil, err
	}
	root.Add(prober)
	if address != "" {
		root.Add(newWeb(address, prober, n.log))
	}
	root.Add(tend.Child{Service: n.job(), Significant: true})
	return root, prober, nil
}

// crowded is the size from which on the queue is worth a look.
const crowded = 1000

// watch makes the registry of checks. The store is essential: without it the
// notifier is good for nothing. That many notifications wait, or that a receiver
// is down, only shows.
//
// The tree may be served again and again; the registry is filled once.
func watch(n *notifier, root health.Tree) (*health.Prober, error) {
	prober, err := health.New(health.Config{Tree: root, Logger: n.log})
	if err != nil {
		return nil, err
	}
	probes := []health.Probe{{
		Name:    "store:reachable",
		Timeout: 2 * time.Second,
		Check:   func(ctx context.Context) error { _, err := n.store.size(ctx); return err },
	}, {
		Name:     "notifier:queue",
		Timeout:  2 * time.Second,
		Optional: true,
		Check:    n.checkQueue,
	}}
	for _, s := range n.senders {
		probes = append(probes, health.Probe{Name: "sender:" + s.name(), Optional: true}) // passive: n reports
	}
	for _, p := range probes {
		if err := prober.Add(p); err != nil {
			return nil, err
		}
	}
	n.report = func(s sender, err error) { _ = prober.Report("sender:"+s.name(), err) }
	return prober, nil
}

func (n *notifier) checkQueue(ctx context.Context) error {
	size, err := n.store.size(ctx)
	if err != nil {
		return err
	}
	health.Detail(ctx, slog.Int("queue_size", size))
	if size >= crowded {
		return health.Warn(fmt.Errorf("%d notifications wait", size))
	}
	return nil
}
