package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/cluster/entity"
	"github.com/tend-go/tend/process"
)

// driver starts all there is, asks the counters, and kills a node.
type driver struct {
	keys, rounds, askers int
	verbose              bool
	out                  io.Writer

	store    *store
	counters *entity.Entities[add, int]
	victim   atomic.Pointer[os.Process]
	done     atomic.Int64 // increments
	again    atomic.Int64 // questions that were asked again

	mu  sync.Mutex // of what is said, and of
	err error      // what went wrong
}

func keyOf(i int) string { return fmt.Sprint("counter-", i) }

func runDriver(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	d := &driver{out: stdout, store: newStore()}
	flags := flag.NewFlagSet("counters", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&d.keys, "keys", 100_000, "how many counters")
	flags.IntVar(&d.rounds, "rounds", 2, "how often each is asked to count")
	flags.IntVar(&d.askers, "askers", 64, "how many ask at once")
	flags.BoolVar(&d.verbose, "v", false, "log what all processes log")
	switch err := flags.Parse(args); {
	case err != nil:
		return 2, err
	case flags.NArg() > 0:
		return 2, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case d.keys < 1 || d.rounds < 1 || d.askers < 1:
		return 2, fmt.Errorf("-keys %d, -rounds %d and -askers %d are to be positive", d.keys, d.rounds, d.askers)
	}
	log := slog.New(slog.DiscardHandler)
	if d.verbose {
		log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	slog.SetDefault(log)
	dir, err := os.MkdirTemp("", "tend-counters-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	root, err := d.tree(dir)
	if err != nil {
		return 1, err
	}
	code := app.Run(ctx, root, app.Options{Stderr: stderr, Logger: log})
	if err := errors.Join(d.err, d.store.judge(d.keys, d.rounds)); err != nil {
		return 1, err
	}
	fmt.Fprintln(stdout, "each increment is there, once")
	return code, nil
}

// tree is in the order in which it starts. It stops in reverse.
func (d *driver) tree(dir string) (*tend.Supervisor, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	engineAddr, err := free()
	if err != nil {
		return nil, err
	}
	etcd := embedded.New(embedded.Options{Dir: filepath.Join(dir, "etcd"), Listen: engineAddr, Volatile: true}) // it is thrown away
	engine, err := etcd.Engine()
	if err != nil {
		return nil, err
	}
	member := join("driver", engine, "")
	d.counters = countersOf(member, &entity.HTTP{}, storeClient{})
	root := tend.New("counters", tend.Spec{Ordered: true, StopWithin: time.Minute})
	root.Add(tend.Child{Service: etcd, ReadyTimeout: time.Minute, Timeout: 10 * time.Second})
	root.Add(serverAt(listener, d.store))
	root.Add(member)
	root.Add(d.counters)
	nodes := tend.New("nodes", tend.Spec{})
	for i := range 3 {
		nodes.Add(d.node(fmt.Sprint("node-", i+1), engineAddr, "http://"+listener.Addr().String()))
	}
	root.Add(tend.Child{Service: nodes, Timeout: 25 * time.Second})
	root.Add(tend.Child{Service: tend.Func("work", d.work), Restart: tend.Temporary, Significant: true})
	return root, nil
}

// node is a process of this very program. A supervisor starts it again if it dies, as systemd
// or Kubernetes would.
func (d *driver) node(name, engine, store string) tend.Service {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	c := &process.Command{
		Name: name, Path: path, Args: []string{"node", "-name", name, "-engine", engine, "-store", store},
		StopTimeout: 15 * time.Second, DieWithParent: runtime.GOOS == "linux",
	}
	if !d.verbose {
		c.Output = func(process.Line) {}
	}
	if name == "node-2" {
		c.Started = func(cmd *exec.Cmd) { d.victim.Store(cmd.Process) }
	}
	return c
}

// work asks each counter, round after round, and ends the program.
func (d *driver) work(ctx context.Context) error {
	kill := sync.OnceFunc(d.kill)
	begun := time.Now()
	tend.Go(ctx, d.progress)
	for round := range d.rounds {
		next := atomic.Int64{}
		var askers sync.WaitGroup
		for range d.askers {
			askers.Go(func() {
				for i := int(next.Add(1)) - 1; i < d.keys && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
					d.count(ctx, i, round+1)
					if d.done.Add(1) > int64(d.keys*d.rounds)*2/5 {
						kill()
					}
				}
			})
		}
		askers.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	d.say("%d increments in %v; %d questions were asked again, %d writes refused by the store", d.done.Load(), time.Since(begun).Round(time.Millisecond), d.again.Load(), d.store.refusals())
	return nil
}

// count asks until it is answered. It is the same question each time, so it may be asked as
// often as one likes.
func (d *driver) count(ctx context.Context, i, number int) {
	for ctx.Err() == nil {
		once, cancel := context.WithTimeout(ctx, 30*time.Second)
		n, err := d.counters.To(keyOf(i)).Ask(once, add{number})
		cancel()
		if err == nil {
			if n != number {
				d.fail(fmt.Errorf("%s is %d after %d increments", keyOf(i), n, number))
			}
			return
		}
		d.again.Add(1)
	}
}

// kill ends a node without a word, and waits for nothing.
func (d *driver) kill() {
	p := d.victim.Load()
	if p == nil {
		d.fail(errors.New("node-2 has not started"))
		return
	}
	d.say("node-2 is killed")
	if err := p.Kill(); err != nil {
		d.fail(err)
	}
}
