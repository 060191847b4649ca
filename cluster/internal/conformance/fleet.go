package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/internal/store"
)

// Fleet tests what nodes make of an engine, each scene in a fleet of its own. It waits for
// what happens, so that it is the same in virtual and in real time.
func Fleet(t *testing.T, engine cluster.Engine) {
	for _, scene := range []struct {
		name string
		play func(*fleet)
	}{{"twins", twins}, {"numbers", numbers}, {"calls", calls}, {"revoked", revoked}} {
		f := &fleet{TB: t, name: scene.name, engine: engine}
		scene.play(f)
		f.stop()
	}
}

// enough is how long nothing may happen that has to.
const enough = time.Minute

// A fleet is the processes of a scene.
type fleet struct {
	testing.TB
	name   string
	engine cluster.Engine
	all    []*process
}

func (f *fleet) stop() {
	for _, p := range f.all {
		p.stop()
	}
}

// A process is a tree with a node and a role, and what it has told.
type process struct {
	*fleet
	name   string
	role   *cluster.Role[tend.Service]
	began  chan run
	events chan cluster.Event
	stop   func() // it returns when all has returned
}

// A run is a service's, from its start on.
type run struct {
	claim cluster.Claim
	ended <-chan error // why
}

// start begins a process. shards 0: the role is a singleton.
func (f *fleet) start(name string, shards int) *process {
	p := &process{fleet: f, name: name, began: make(chan run, 100), events: make(chan cluster.Event, 1000)}
	node := cluster.Join(cluster.Options{
		Fleet: f.name, Name: name, Engine: f.engine, TTL: 5 * time.Second, Settle: 100 * time.Millisecond,
		EventHook: func(e cluster.Event) { p.events <- e },
	})
	p.role = cluster.NewRole(node, "role", cluster.Spec{Shards: shards}, func(int) tend.Service { return p.service() })
	root := tend.New(name, tend.Spec{EventHook: func(tend.Event) {}, Timeout: enough})
	root.Add(node)
	root.Add(p.role)
	ctx, cancel := context.WithCancel(context.Background())
	done := root.ServeBackground(ctx)
	p.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				f.Error(name, "stops:", err)
			}
		case <-time.After(enough):
			f.Error(name, "does not stop")
		}
	})
	f.all = append(f.all, p)
	return p
}

func (p *process) service() tend.Service {
	return tend.Func("service", func(ctx context.Context) error {
		claim, _ := cluster.ClaimOf(ctx)
		ended := make(chan error, 1)
		p.began <- run{claim, ended}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil
	})
}

func (p *process) next() run {
	p.Helper()
	return wait(p, p.name+" begins", p.began)
}

// says waits for an event of the kind.
func (p *process) says(kind cluster.Kind) cluster.Event {
	p.Helper()
	late := time.After(enough)
	for {
		select {
		case e := <-p.events:
			if e.Kind == kind {
				return e
			}
		case <-late:
			p.Fatal(p.name, " does not say ", kind)
		}
	}
}

// quiet fails if an event of the kind comes for a while.
func (p *process) quiet(while time.Duration, kind cluster.Kind) {
	p.Helper()
	over := time.After(while)
	for {
		select {
		case e := <-p.events:
			if e.Kind == kind {
				p.Error(p.name, " says ", kind)
			}
		case <-over:
			return
		}
	}
}

// idle fails if anything has begun.
func (p *process) idle(when string) {
	p.Helper()
	select {
	case r := <-p.began:
		p.Errorf("%s: %s begins %s/%d %s", p.fleet.name, p.name, r.claim.Role, r.claim.Shard, when)
	default:
	}
}

func wait[T any](f testing.TB, what string, c <-chan T) T {
	f.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(enough):
		f.Fatal("nothing happens: ", what)
		panic("unreachable")
	}
}

// twins: of two live processes of one name the second waits until the first is gone.
func twins(f *fleet) {
	first := f.start("a", 0)
	r := first.next()
	second := f.start("a", 0)
	second.says(cluster.KindNameTaken)
	second.quiet(time.Second, cluster.KindJoined)
	second.idle("beside its twin")
	first.stop()
	_ = wait(f, "the first ends", r.ended)
	second.says(cluster.KindJoined)
	if next := second.next(); next.claim.Token <= r.claim.Token {
		f.Errorf("token %d after %d", next.claim.Token, r.claim.Token)
	}
}

// numbers: in a rolling change of the number of shards the new processes take nothing until
// the last old one is gone; then they have all.
func numbers(f *fleet) {
	old := []*process{f.start("a", 2), f.start("b", 2)}
	runs := []run{old[0].next(), old[1].next()}
	fresh := []*process{f.start("c", 3)}
	fresh[0].says(cluster.KindShardsDiffer)
	old[0].stop()
	_ = wait(f, "a ends", runs[0].ended)
	if r := old[1].next(); r.claim.Shard == runs[1].claim.Shard {
		f.Error("the same shard twice:", r.claim)
	}
	fresh = append(fresh, f.start("d", 3))
	fresh[1].says(cluster.KindShardsDiffer)
	for _, p := range fresh {
		p.idle("beside another number of shards")
	}
	old[1].stop()
	var shards []int
	for len(shards) < 3 {
		select {
		case r := <-fresh[0].began:
			shards = append(shards, r.claim.Shard)
		case r := <-fresh[1].began:
			shards = append(shards, r.claim.Shard)
		case <-time.After(enough):
			f.Fatal("only these are owned:", shards)
		}
	}
	if slices.Sort(shards); !slices.Equal(shards, []int{0, 1, 2}) {
		f.Error(shards)
	}
}

// calls: a Do under way at a hand-over is told, and keeps the claim until it has returned.
func calls(f *fleet) {
	a := f.start("a", 0)
	a.next()
	b := f.start("b", 0)
	b.says(cluster.KindJoined)
	inside, over := make(chan bool), make(chan error, 1)
	var returned atomic.Bool // by the function: Do itself returns beside the end of the process
	go func() {
		over <- a.role.Do(f.Context(), "", func(ctx context.Context, _ tend.Service) error {
			close(inside)
			<-ctx.Done()
			select {
			case r := <-b.began:
				f.Error("b has begun beside a call:", r.claim)
			case <-time.After(time.Second):
			}
			defer returned.Store(true)
			return cluster.Check(ctx)
		})
	}()
	wait(f, "the call begins", inside)
	a.stop()
	if !returned.Load() {
		f.Error("the process is gone, and a call is under way")
	}
	if err := wait(f, "the call returns", over); err != nil {
		f.Error("the claim is not the call's:", err)
	}
	b.next()
}

// revoked: what a foreign hand takes away is told as lost, and claimed anew.
func revoked(f *fleet) {
	a := f.start("a", 0)
	first := a.next()
	if err := f.engine.Revoke(f.Context(), f.lease("a")); err != nil {
		f.Fatal(err)
	}
	if cause := wait(f, "a is told", first.ended); !errors.Is(cause, cluster.ErrLost) {
		f.Error("told", cause)
	}
	a.says(cluster.KindLeaseLost)
	if next := a.next(); next.claim.Token <= first.claim.Token {
		f.Errorf("token %d after %d", next.claim.Token, first.claim.Token)
	}
}

// lease is that of a member.
func (f *fleet) lease(name string) (found store.LeaseID) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	_ = f.engine.Watch(ctx, "/tend/1/"+f.name+"/m/", time.Minute, func(b store.Batch) {
		for _, c := range b.Changes {
			if strings.HasSuffix(c.Key, "/"+name) {
				found = c.Lease
			}
		}
		cancel()
	})
	return found
}
