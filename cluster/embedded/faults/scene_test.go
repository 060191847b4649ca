//go:build linux

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/tend-go/tend/cluster/internal/history"
)

// A scene is a fleet with its engine, its ledger and what the driver of a test does to them.
type scene struct {
	t      *testing.T
	dir    string
	usual  setup // of nodes
	driver *notes
	view   *view
	seed   uint64
	rand   *rand.Rand

	ledger      *process
	engines     []*engine
	peerProxies []*proxy // of voters, in their order
	members     []*member
	lives       int
}

// An engine is an etcd, or one voter of it.
type engine struct {
	*scene
	setup
	*process
	id uint64 // of the voter
}

// A member is a node of the fleet: one name, one life after another. Its way to each engine
// is a proxy of its own.
type member struct {
	*scene
	setup
	*process
	proxies   []*proxy
	namespace string
}

// racing: the binary has the race detector.
var racing bool

// once skips what takes minutes where it is run twice: .ci/run tests each module with the race
// detector and without.
func once(t *testing.T) {
	t.Helper()
	if !whole() && (racing || testing.Short()) {
		t.Skip("not with -race or -short")
	}
}

// newScene starts a ledger and an engine of so many voters. usual is the setup of its nodes,
// with defaults for what it leaves out.
func newScene(t *testing.T, usual setup, voters int) *scene {
	t.Helper()
	once(t)
	s := &scene{t: t, dir: directory(t), usual: usual.defaults(), seed: seed()}
	t.Logf("CLUSTER_SEED=%d", s.seed)
	s.rand = rand.New(rand.NewPCG(s.seed, 0))
	s.driver = newNotes(s.dir, "driver")
	s.view = newView(s.dir)
	l := setup{Role: "ledger", Dir: s.dir, Process: "ledger", Listen: filepath.Join(s.dir, "socket"), Mutant: usual.Mutant}
	s.ledger = spawn(t, l, nil, "")
	s.usual.Ledger = l.Listen
	s.addEngines(voters)
	s.await("the ledger", func() bool { _, err := os.Stat(l.Listen); return err == nil })
	s.awaitEngine()
	return s
}

// directory is short: the path of a socket has 107 bytes at most.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "faults") //nolint:usetesting // it stays if the test fails
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("what happened is in", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return dir
}

// seed of all that is random: CLUSTER_SEED, or another one each time.
func seed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("CLUSTER_SEED"), 10, 64); err == nil {
		return n
	}
	return rand.Uint64N(1_000_000)
}

// defaults: the margin is wide. One machine runs all processes, and others besides, and what
// is promised rests on none of them being starved for longer than Margin/4.
func (s setup) defaults() setup {
	s.Role = "node"
	if s.TTL == 0 {
		s.TTL = 5 * time.Second
	}
	if s.Margin == 0 {
		s.Margin = max(s.TTL/5, 600*time.Millisecond)
	}
	if s.Settle == 0 {
		s.Settle = time.Second
	}
	if s.Every == 0 {
		s.Every = 5 * time.Millisecond
	}
	if s.Within == 0 {
		s.Within = 20 * time.Second
	}
	return s
}

// life is the name of another life in the notes.
func (s *scene) life(name string) string {
	s.lives++
	return fmt.Sprintf("%s.%d", name, s.lives)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *scene) addEngines(n int) {
	peers, at := map[string]string{}, map[string]string{}
	for i := range n {
		name := fmt.Sprintf("etcd-%d", i)
		s.engines = append(s.engines, &engine{scene: s, setup: setup{
			Role: "engine", Dir: s.dir, Name: name, Data: filepath.Join(s.dir, name), Listen: freePort(s.t),
		}})
		if n > 1 {
			at[name] = freePort(s.t)
		}
	}
	for _, e := range s.engines {
		if n > 1 {
			p := newProxy(s.t, at[e.Name], s.seed)
			peers[e.Name] = p.addr()
			s.peerProxies = append(s.peerProxies, p)
		}
	}
	for _, e := range s.engines {
		e.Peers, e.PeerAt = peers, at[e.Name]
		e.start()
	}
}

func (e *engine) start() {
	e.setup.Process = e.life(e.Name)
	e.process = spawn(e.scene.t, e.setup, nil, "")
}

// client talks to the engine past all proxies.
func (s *scene) client() *clientv3.Client {
	s.t.Helper()
	var at []string
	for _, e := range s.engines {
		at = append(at, e.Listen)
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: at, DialTimeout: time.Second, Logger: zap.NewNop()})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// awaitEngine returns when the engine answers.
func (s *scene) awaitEngine() {
	s.t.Helper()
	c := s.client()
	defer c.Close()
	s.await("the engine", func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := c.Get(ctx, "ready")
		return err == nil
	})
}

// awaitMembers returns when so many nodes have their member key.
func (s *scene) awaitMembers(n int64) {
	s.t.Helper()
	c := s.client()
	defer c.Close()
	s.await(fmt.Sprintf("%d members", n), func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		r, err := c.Get(ctx, "/tend/1/"+fleet+"/m/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		return err == nil && r.Count == n
	})
}

// await looks until it is so. Only a hang is too long.
func (s *scene) await(what string, f func() bool) {
	s.t.Helper()
	for until := time.Now().Add(hang); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			s.t.Fatalf("CLUSTER_SEED=%d: still waiting for %s", s.seed, what)
		}
	}
}

// node adds a member and starts it.
func (s *scene) node(name string, change ...func(*setup)) *member {
	s.t.Helper()
	m := &member{scene: s, setup: s.usual}
	m.Name, m.Dir = name, s.dir
	for _, e := range s.engines {
		p := newProxy(s.t, e.Listen, s.rand.Uint64())
		m.proxies = append(m.proxies, p)
		m.Endpoints = append(m.Endpoints, p.addr())
	}
	for _, f := range change {
		f(&m.setup)
	}
	s.members = append(s.members, m)
	m.start()
	return m
}

func (s *scene) nodes(n int) (members []*member) {
	for i := range n {
		members = append(members, s.node(fmt.Sprintf("node-%d", i)))
	}
	return members
}

func (m *member) start() {
	m.setup.Process = m.life(m.Name)
	m.process = spawn(m.scene.t, m.setup, m.scene.driver, m.namespace)
}

// set is the weather on all ways to the engine.
func (m *member) set(w weather) {
	for _, p := range m.proxies {
		p.set(w)
	}
}

// say has the node do something with its role: suspend, restart.
func (m *member) say(what string) { fmt.Fprintln(m.stdin, what) }

// heal notes that the last fault is over.
func (s *scene) heal() { s.driver.note(history.Record{What: history.Heal}) }

// sleep is for how long a fault lasts, and when it begins.
func (s *scene) sleep(d time.Duration) { time.Sleep(d) }

// upTo is a random time.
func (s *scene) upTo(d time.Duration) time.Duration { return time.Duration(s.rand.Int64N(int64(d))) }

// end kills all nodes, unnoted, so that what ran at the end is still running in the notes,
// and has the ledger write what it has.
func (s *scene) end() {
	for _, m := range s.members {
		m.process.driver = nil
	}
	for _, m := range s.members {
		m.process.kill()
	}
	s.ledger.signal(syscall.SIGCONT)
	s.ledger.term()
}
