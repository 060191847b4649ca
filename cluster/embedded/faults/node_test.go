//go:build linux

package faults

import (
	"bufio"
	"context"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/tendetcd"
)

// What all nodes of the suite have in common.
const (
	fleet = "faults"
	role  = "work"
)

// runNode is a program as a user writes it: a tree with a node and a role.
func (s setup) runNode() int {
	engine, err := tendetcd.Engine(clientv3.Config{Endpoints: s.Endpoints})
	if err != nil {
		panic(err)
	}
	engine = s.wrap(engine)
	o := cluster.Options{Fleet: fleet, Name: s.Name, Engine: engine, TTL: s.TTL, Margin: s.Margin, Settle: s.Settle}
	if s.Mutant == noOverrun {
		o.Overrun = func(cluster.Claim) {}
	}
	node := cluster.Join(o)
	root := tend.New(s.Name, tend.Spec{StopWithin: s.Within})
	token := root.Add(cluster.NewRole(node, role, cluster.Spec{Shards: s.Shards}, s.service(engine)))
	root.Add(node)
	go obey(root, token)
	return app.Run(context.Background(), root, app.Options{})
}

func (s setup) service(engine cluster.Engine) func(int) tend.Service {
	w := worker{conduct: s.Conduct, notes: newNotes(s.Dir, s.Process), pen: newPen(s.Ledger, s.Process), every: s.Every}
	if s.Mutant == early {
		w.told = releaseEarly(engine)
	}
	return func(int) tend.Service { return w }
}

// releaseEarly deletes the claim of a service that still has something to do.
func releaseEarly(engine cluster.Engine) func(cluster.Claim) {
	return func(c cluster.Claim) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = engine.Delete(ctx, c.Key, c.Token)
	}
}

// obey does with the role what the driver says on stdin.
func obey(root *tend.Supervisor, role tend.ServiceToken) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "suspend":
			_ = root.Suspend(role)
		case "restart":
			_ = root.Restart(role, nil)
		}
	}
}
