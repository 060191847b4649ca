package entity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
	"github.com/tend-go/tend/cluster/entity"
)

// A fleet is nodes in one bubble, with a network between them.
type fleet struct {
	*testing.T
	engine *clustertest.Engine
	begun  time.Time

	mu    sync.Mutex
	nodes map[string]*machine
	cut   map[string]error // what becomes of its answers
	lines []string
}

// A machine is a process with one node and its entities. It is a transport, too: its own end.
type machine struct {
	*fleet
	name    string
	root    *tend.Supervisor
	node    *cluster.Node
	counts  *entity.Entities[string, int]
	receive func(ctx context.Context, q entity.Request) entity.Reply
	end     func()
}

func inFleet(t *testing.T, f func(t *testing.T, f *fleet)) {
	synctest.Test(t, func(t *testing.T) {
		f(t, &fleet{T: t, engine: clustertest.NewEngine(), begun: time.Now(), nodes: map[string]*machine{}, cut: map[string]error{}})
	})
}

// join serves a node whose entities are counters, or as the spec says; wait until it owns.
func (f *fleet) join(name string, change func(*entity.Spec[string, int])) *machine {
	m := &machine{fleet: f, name: name, root: tend.New(name, tend.Spec{EventHook: func(tend.Event) {}})}
	m.node = cluster.Join(cluster.Options{
		Fleet: "shop", Name: name, Addr: name, Meta: map[string]string{"zone": name}, Engine: f.engine.As(name),
		EventHook: func(cluster.Event) {}, Overrun: func(c cluster.Claim) { f.Errorf("overrun of %v", c) },
	})
	spec := entity.Spec[string, int]{Role: cluster.Spec{Shards: 4}, New: m.counter, Transport: m}
	if change != nil {
		change(&spec)
	}
	m.counts = entity.New(m.node, "counts", spec)
	m.root.Add(m.node)
	m.root.Add(m.counts)
	ctx, cancel := context.WithCancel(f.Context())
	done := m.root.ServeBackground(ctx)
	m.end = sync.OnceFunc(func() {
		cancel()
		<-done // an error: it was asked to end
	})
	f.mu.Lock()
	f.nodes[name] = m
	f.mu.Unlock()
	f.Cleanup(m.end)
	time.Sleep(2 * time.Second)
	return m
}

// token is that of a service right below the root.
func (m *machine) token(name string) tend.ServiceToken {
	for _, s := range m.root.Status().Services {
		if s.Name == name {
			return s.Token
		}
	}
	m.Fatalf("%s has no %s", m.name, name)
	return tend.ServiceToken{}
}

func (f *fleet) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf("%v ", time.Since(f.begun))+fmt.Sprintf(format, args...))
}

// want compares what was noted since the last call.
func (f *fleet) want(t *testing.T, lines ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.lines, lines) {
		t.Errorf("got %q\nwant %q", f.lines, lines)
	}
	f.lines = nil
}

// key is one that lives on the machine.
func (m *machine) key(t *testing.T) string {
	for i := range 1000 {
		key := fmt.Sprint("k", i)
		if c, ok := m.counts.Owner(key); ok && c.Owner.Name == m.name {
			return key
		}
	}
	t.Fatalf("%s owns nothing", m.name)
	return ""
}

func (m *machine) Listen(_ string, receive func(ctx context.Context, q entity.Request) entity.Reply) {
	m.receive = receive
}

func (m *machine) Send(ctx context.Context, to cluster.Member, q entity.Request) (entity.Reply, error) {
	m.mu.Lock()
	other, cut := m.nodes[to.Addr], m.fleet.cut[to.Addr]
	m.mu.Unlock()
	if other == nil {
		return entity.Reply{Status: entity.StatusNotOwner}, nil
	}
	r := other.receive(ctx, q)
	if cut != nil {
		return entity.Reply{}, cut
	}
	return r, nil
}

var errCut = errors.New("the answer is lost")

// A counter counts "add", and does what else a message says.
type counter struct {
	*machine
	key   string
	claim cluster.Claim
	n     int
}

func (m *machine) counter(ctx context.Context, key string) (entity.Handler[string, int], error) {
	if key == "nobody" {
		return nil, fmt.Errorf("%w: there is no %q", tend.ErrDoNotRestart, key)
	}
	c, ok := cluster.ClaimOf(ctx)
	if !ok {
		return nil, errors.New("no claim")
	}
	m.note("%s begins on %s", key, m.name)
	return &counter{machine: m, key: key, claim: c}, nil
}

func (c *counter) Handle(ctx context.Context, m string) (int, error) {
	if now, ok := cluster.ClaimOf(ctx); !ok || now.Token != c.claim.Token || cluster.Check(ctx) != nil {
		return 0, fmt.Errorf("the claim is %v, and was %v: %w", now, c.claim, cluster.Check(ctx))
	}
	switch m {
	case "slow":
		time.Sleep(time.Second)
	case "fail":
		return 0, errors.New("no luck")
	case "panic":
		panic("at the disco")
	case "leave":
		return c.n, tend.ErrDoNotRestart
	}
	c.n++
	return c.n, nil
}

func (c *counter) Stop(ctx context.Context, cause error) error {
	if at, ok := cluster.ClaimOf(ctx); !ok || at.Token != c.claim.Token {
		c.note("%s is stopped without its claim", c.key)
	}
	c.note("%s ends on %s with %d: %v", c.key, c.name, c.n, cause)
	return nil
}
