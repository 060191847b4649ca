package cluster_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
)

// A tape is what services have noted, with the time since the test began.
type tape struct {
	mu    sync.Mutex
	base  time.Time
	lines []string
}

func newTape() *tape { return &tape{base: time.Now()} }

func (t *tape) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprint(time.Since(t.base), " ", fmt.Sprintf(format, args...)))
}

// take returns what was noted since the last take.
func (t *tape) take() []string {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.lines
	t.lines = nil
	return lines
}

func (t *tape) want(tb testing.TB, lines ...string) {
	tb.Helper()
	if d := cmp.Diff(lines, t.take()); d != "" {
		tb.Error("want -, got +\n", d)
	}
}

// A worker notes when it begins and why it ends.
type worker struct {
	*tape
	name string
	slow time.Duration // how long it takes to stop
}

func (w *worker) Serve(ctx context.Context) error {
	c, _ := cluster.ClaimOf(ctx)
	w.note("%s %s/%d begins", w.name, c.Role, c.Shard)
	<-ctx.Done()
	time.Sleep(w.slow)
	w.note("%s %s/%d ends: %v", w.name, c.Role, c.Shard, context.Cause(ctx))
	return nil
}

// A machine is a process: a tree with a node and roles.
type machine struct {
	name   string
	node   *cluster.Node
	root   *tend.Supervisor
	events []cluster.Event
	mu     sync.Mutex
	cancel context.CancelFunc
	done   <-chan error
}

func newMachine(e *clustertest.Engine, name string, o cluster.Options) *machine {
	m := &machine{name: name, root: tend.New(name, tend.Spec{EventHook: func(tend.Event) {}, Timeout: time.Minute})}
	o.Fleet, o.Name, o.Engine = "shop", name, e.As(name)
	o.EventHook = func(e cluster.Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.events = append(m.events, e)
	}
	m.node = cluster.Join(o)
	m.root.Add(m.node)
	return m
}

func (m *machine) kinds() (kinds []string) {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		kinds = append(kinds, e.Kind.String())
	}
	m.events = nil
	return kinds
}

func (m *machine) serve() *machine {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.done = cancel, m.root.ServeBackground(ctx)
	return m
}

func (m *machine) stop() {
	m.cancel()
	<-m.done
}

// TTL 10s, Margin 500ms and a Timeout of 2s: told after 7.5s, gone after 10s.
func TestSingletonTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tape, engine := newTape(), clustertest.NewEngine()
		a := newMachine(engine, "a", cluster.Options{})
		a.root.Add(cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"}))
		b := newMachine(engine, "b", cluster.Options{})
		b.root.Add(cluster.Singleton(b.node, "billing", &worker{tape: tape, name: "b"}))
		a.serve()
		time.Sleep(5 * time.Second)
		tape.want(t, "1s a billing/0 begins")
		b.serve()
		time.Sleep(5*time.Second + 100*time.Millisecond)
		tape.want(t)

		engine.Cut("a") // at 10.1s; the last renewal that was answered was sent at 10s
		time.Sleep(20 * time.Second)
		tape.want(t, "17.5s a billing/0 ends: "+cluster.ErrLost.Error(), "20.005s b billing/0 begins")
		engine.Heal("a")
		time.Sleep(10 * time.Second)
		tape.want(t)

		b.stop()
		time.Sleep(time.Second)
		tape.want(t, "40.1s b billing/0 ends: context canceled", "40.105s a billing/0 begins")
		a.stop()
		tape.want(t, "41.1s a billing/0 ends: context canceled")
	})
}
