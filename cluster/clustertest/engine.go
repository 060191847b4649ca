// Package clustertest has what tests of clustered services need: an engine in memory that
// is deterministic under testing/synctest and has faults by name, and a context under a
// claim.
package clustertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/memory"
	"github.com/tend-go/tend/cluster/internal/seam"
)

// ErrCut is what operations of a node fail with that was cut off, if their context has not
// ended before: they wait for an answer.
var ErrCut = errors.New("tend/clustertest: the node is cut off")

// Context returns a context under a claim that does not end, for a unit test of a service.
func Context(ctx context.Context, c cluster.Claim) context.Context { return seam.Under(ctx, c) }

// Engine keeps claims in memory. It is a [cluster.Engine] itself, for nodes that have no
// faults of their own; As returns one for a node that is to have them. All methods may be
// called at any time from any goroutine.
type Engine struct {
	mu    sync.Mutex
	base  time.Time
	mem   *memory.Memory
	dates []time.Duration // when what is in the log of mem was written
	news  chan struct{}   // closed with each change of data and faults
	links map[string]*link
	timer *time.Timer
}

// NewEngine returns an engine that has nothing.
func NewEngine() *Engine {
	return &Engine{base: time.Now(), mem: memory.New(1), news: make(chan struct{}), links: map[string]*link{}}
}

// As returns the engine as the node of that name has it, with the faults of that name.
func (e *Engine) As(name string) cluster.Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.link(name)
}

// Cut cuts a node off: nothing gets through either way, as if the network were gone.
func (e *Engine) Cut(name string) { e.change(func() { e.link(name).cut = true }) }

// Heal ends all faults of a node.
func (e *Engine) Heal(name string) {
	e.change(func() { l := e.link(name); l.cut, l.lose, l.delay = false, 0, 0 })
}

// Delay has answers to a node, and what it watches, come so much later.
func (e *Engine) Delay(name string, d time.Duration) { e.change(func() { e.link(name).delay = d }) }

// Lose has the answers to the next n operations of a node be lost; they are carried out.
func (e *Engine) Lose(name string, n int) { e.change(func() { e.link(name).lose = n }) }

// Expire ends the lease of a node's membership of any fleet, as if its time were over.
func (e *Engine) Expire(name string) {
	e.change(func() {
		for _, c := range e.mem.Snapshot("").Changes {
			if isMember(c.Key, name) {
				_ = e.mem.Revoke(c.Lease) // it is there: it has a key
			}
		}
	})
}

// isMember: it is the key of a member, "/tend/1/<fleet>/m/<node>", and not of a claim, which is
// longer and may end as that does.
func isMember(key, name string) bool {
	fleet, found := strings.CutSuffix(key, "/m/"+name)
	return found && strings.Count(fleet, "/") == strings.Count("/tend/1/fleet", "/")
}

// Restart gives each lease its whole time again, as an engine does that has restarted.
func (e *Engine) Restart() { e.change(func() { e.mem.Restart(e.now()) }) }

// Forget has the engine lose all it had, and its revision. It does not say so: its cluster
// id stays, and watches wait for a revision that does not come.
func (e *Engine) Forget() { e.change(func() { e.mem.Forget(); e.dates = nil }) }

// change does something to data or faults, and has everybody look.
func (e *Engine) change(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
	e.changed()
}

// changed dates what was written, wakes all who wait, and sets the timer to the end of the next
// lease.
func (e *Engine) changed() {
	for len(e.dates) < len(e.mem.Log()) {
		e.dates = append(e.dates, e.now())
	}
	close(e.news)
	e.news = make(chan struct{})
	if e.timer != nil {
		e.timer.Stop()
	}
	if at, ok := e.mem.Next(); ok {
		e.timer = time.AfterFunc(at-e.now(), func() { e.change(func() { e.mem.Pass(e.now()) }) })
	}
}

func (e *Engine) now() time.Duration { return time.Since(e.base) }

func (e *Engine) link(name string) *link {
	l := e.links[name]
	if l == nil {
		l = &link{Engine: e, name: name}
		e.links[name] = l
	}
	return l
}

// A link is the way between one node and the engine.
type link struct {
	*Engine
	name  string
	cut   bool
	lose  int
	delay time.Duration
}

// do carries out an operation, and returns when its answer is there.
func (l *link) do(ctx context.Context, f func(now time.Duration) error) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	l.mem.Pass(l.now())
	err := f(l.now())
	l.changed()
	lost, delay := l.lose > 0, l.delay
	l.lose = max(l.lose-1, 0)
	l.mu.Unlock()
	if lost {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if err := sleep(ctx, delay); err != nil {
		return err
	}
	if err := l.open(ctx); err != nil {
		return err
	}
	return err
}

// open waits until the link is not cut.
func (l *link) open(ctx context.Context) error {
	for {
		l.mu.Lock()
		cut, news := l.cut, l.news
		l.mu.Unlock()
		if !cut {
			return ctx.Err()
		}
		select {
		case <-news:
		case <-ctx.Done():
			return errors.Join(ErrCut, context.Cause(ctx))
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
