package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/process"
)

// nodeProcess is a node as the driver has it: a process of this very program.
type nodeProcess struct {
	name    string
	command *process.Command
	token   tend.ServiceToken
	pid     atomic.Int64
}

// addNodes adds three. A supervisor starts one again that dies, as systemd or Kubernetes
// would.
func (b *bank) addNodes(root *tend.Supervisor, vault, engine string) {
	b.fleet = tend.New("nodes", tend.Spec{})
	for i := range 3 {
		s := nodeSettings{name: fmt.Sprintf("node-%d", i+1), engine: engine, vault: vault, notes: b.dir, ttl: b.ttl}
		n := &nodeProcess{name: s.name}
		n.command = b.command(s, func(cmd *exec.Cmd) {
			if cmd.Process != nil {
				n.pid.Store(int64(cmd.Process.Pid))
			}
		})
		n.token = b.fleet.Add(n.command.Child().With(func(svc tend.Service) tend.Service { return mourned{svc, n, b.notes} }))
		b.nodes = append(b.nodes, n)
	}
	root.Add(tend.Child{Service: b.fleet, Timeout: 25 * time.Second})
}

func (b *bank) command(s nodeSettings, started func(*exec.Cmd)) *process.Command {
	c := &process.Command{
		Name: s.name, Args: s.args(), Started: started, Logger: b.log,
		StopTimeout: 15 * time.Second, DieWithParent: dieWithParent,
	}
	if !b.verbose {
		c.Output = func(process.Line) {}
	}
	var err error
	if c.Path, err = os.Executable(); err != nil {
		c.Path = os.Args[0]
	}
	return c
}

// process is the name of the node's run, as notes have it.
func (n *nodeProcess) process() string { return processName(n.name, int(n.pid.Load())) }

// mourned notes when a process is gone: what it ran has ended then, if it could not say so
// itself.
type mourned struct {
	tend.Service
	node  *nodeProcess
	notes *notes
}

func (m mourned) Serve(ctx context.Context) error {
	defer func() { m.notes.put(note{What: "dead", Process: m.node.process()}) }()
	return m.Service.Serve(ctx)
}

func (m mourned) String() string { return m.node.name }
