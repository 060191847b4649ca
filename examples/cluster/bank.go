package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
	"github.com/tend-go/tend/cluster/embedded"
	"github.com/tend-go/tend/observe"
)

// bank is the driver: all that the story needs, in one tree.
type bank struct {
	settings
	*narrator
	log     *slog.Logger
	dir     string
	notes   *notes
	vault   *vault
	nodes   []*nodeProcess
	fleet   *tend.Supervisor
	role    *cluster.Role[*accounts] // as a frontend has it
	auditor *cluster.Role[*auditor]
	teller  *teller
	err     error       // of the story
	told    atomic.Bool // the story; what comes then is the stop
}

func runBank(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, err error) {
	s, err := parse(args, stderr)
	if err != nil {
		return 2, err
	}
	if !supported {
		return 2, fmt.Errorf("processes cannot be paused here: this needs Linux or macOS")
	}
	dir, err := os.MkdirTemp("", "tend-cluster-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	b := &bank{settings: s, narrator: newNarrator(stdout), dir: dir, log: slog.New(slog.DiscardHandler)}
	if s.verbose {
		b.log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	root, err := b.tree()
	if err != nil {
		return 1, err
	}
	options := app.Options{Debug: s.http, Stderr: stderr, Logger: b.log}
	if s.http != "" {
		options.Tree = observe.Handler(root, observe.Options{Allow: anybody})
	}
	code = app.Run(ctx, root, options)
	if err := errors.Join(b.err, b.verdict()); err != nil {
		return 1, err
	}
	return code, nil
}

// anybody who reaches the page, which is on loopback, may play with the nodes.
func anybody(*http.Request, observe.Action, tend.ServiceStatus) error { return nil }

// tree is in the order in which it starts. It stops in reverse: the nodes before the engine.
func (b *bank) tree() (*tend.Supervisor, error) {
	var err error
	if b.notes, err = openNotes(b.dir, "driver"); err != nil {
		return nil, err
	}
	engineAddr := free()
	etcd := embedded.New(embedded.Options{Dir: filepath.Join(b.dir, "etcd"), Listen: engineAddr, Volatile: true}) // it is thrown away
	engine, err := etcd.Engine()
	if err != nil {
		return nil, err
	}
	vaultListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.vault = newVault(b.notes, b.nofence)
	root := tend.New("bank", tend.Spec{Ordered: true, StopWithin: 45 * time.Second, EventHook: b.hear})
	root.Add(tend.Child{Service: etcd, ReadyTimeout: 30 * time.Second, Timeout: 10 * time.Second})
	root.Add(serverAt(vaultListener, b.vault.handler()))
	b.addFrontend(root, engine)
	b.addNodes(root, "http://"+vaultListener.Addr().String(), engineAddr)
	root.Add(b.teller)
	root.Add(tend.Child{Service: tend.Func("story", b.tell), Restart: tend.Temporary, Significant: true})
	return root, nil
}

// addFrontend adds a member that takes no shards, and only looks where they are.
func (b *bank) addFrontend(root *tend.Supervisor, engine cluster.Engine) {
	o := memberOptions("frontend", b.ttl, engine, "")
	o.EventHook = b.hearFleet
	member := cluster.Join(o)
	b.role = cluster.NewRole[*accounts](member, "accounts", cluster.Spec{Shards: shards}, nil)
	b.auditor = cluster.NewRole[*auditor](member, "auditor", cluster.Spec{}, nil)
	b.teller = &teller{accounts: b.role, say: b.say}
	root.Add(member)
	root.Add(b.role)
	root.Add(b.auditor)
}

// verdict is the checker's. It knows nothing of nodes and leases, and reads what all have
// noted.
func (b *bank) verdict() error {
	r, err := clustertest.Check(b.dir)
	if err != nil {
		return err
	}
	a := b.vault.account(customer)
	b.say("%s has %d, of %d deposits that were made", customer, a.Balance, a.Last)
	b.say("the checker: %d runs, %d requests to the vault, %d of them refused; %d overlaps, %d old tokens taken",
		r.Intervals, r.Acts, r.Refused, len(r.Overlaps), len(r.Taken))
	if err := r.Err(); err != nil {
		return fmt.Errorf("the checker finds: %w", err)
	}
	if made := int(b.teller.made.Load()); a.Balance != a.Last || a.Last < made {
		return fmt.Errorf("%s has %d after %d deposits, of which %d were answered", customer, a.Balance, a.Last, made)
	}
	return nil
}

// free is an address that was free a moment ago.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:2379"
	}
	defer l.Close()
	return l.Addr().String()
}
