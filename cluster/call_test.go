package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
)

// two machines with a singleton that began on a; nothing is noted yet.
func pair(tape *tape, engine *clustertest.Engine) (a, b *machine, ra, rb *cluster.Role[*worker]) {
	a, b = newMachine(engine, "a", cluster.Options{Addr: "a:1"}), newMachine(engine, "b", cluster.Options{Addr: "b:1"})
	ra = cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"})
	rb = cluster.Singleton(b.node, "billing", &worker{tape: tape, name: "b"})
	a.root.Add(ra)
	b.root.Add(rb)
	a.serve()
	time.Sleep(2 * time.Second)
	b.serve()
	time.Sleep(2 * time.Second)
	tape.take()
	return a, b, ra, rb
}

// Do calls where the service is, under its claim; elsewhere it names the owner.
func TestDoIsUnderTheClaim(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b, ra, rb := pair(tape, engine)
		var kept context.Context
		err := ra.Do(t.Context(), "k", func(ctx context.Context, w *worker) error {
			kept = ctx
			c, ok := cluster.ClaimOf(ctx)
			if seen, _ := ra.Owner("k"); !ok || c.Token != seen.Token || w.name != "a" {
				t.Error(c, ok, w.name)
			}
			return cluster.Check(ctx)
		})
		if err != nil {
			t.Error(err)
		}
		var no *cluster.NotOwner
		err = rb.Do(t.Context(), "k", func(context.Context, *worker) error { t.Error("called"); return nil })
		if !errors.As(err, &no) || no.Claim.Owner.Addr != "a:1" || no.Claim.Key != "/tend/1/shop/c/billing/0" {
			t.Error(err)
		}
		a.stop()
		if cluster.Check(kept) == nil {
			t.Error("Check after the end of the claim is nil")
		}
		b.stop()
	})
}

// After its end nothing is under a claim, though the node's lease lives.
func TestCheckFailsAfterTheClaim(t *testing.T) {
	bubble(t, func(t *testing.T, _ *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		var kept context.Context
		token := a.root.Add(cluster.Singleton(a.node, "billing", tend.Func("keeper", func(ctx context.Context) error {
			kept = ctx
			<-ctx.Done()
			return nil
		})))
		a.serve()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := cluster.Check(kept); err != nil {
			t.Error(err)
		}
		_ = a.root.Suspend(token)
		time.Sleep(time.Second)
		if err := cluster.Check(kept); !errors.Is(err, tend.ErrSuspended) {
			t.Error(err)
		}
		a.stop()
	})
}

// The claim is released only after a Do under way has returned; its context ends, with the
// cause, when the service's does.
func TestDoHoldsTheClaim(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b, ra, _ := pair(tape, engine)
		go func() {
			_ = ra.Do(t.Context(), "k", func(ctx context.Context, _ *worker) error {
				<-ctx.Done()
				tape.note("told: %v", context.Cause(ctx))
				time.Sleep(3 * time.Second)
				tape.note("returned, %v", cluster.Check(ctx))
				return nil
			})
		}()
		synctest.Wait()
		a.stop()
		time.Sleep(time.Second)
		lines := tape.take()
		if len(lines) != 4 || lines[2] != "7s returned, <nil>" || lines[3] != "7.005s b billing/0 begins" {
			t.Error(lines)
		}
		b.stop()
	})
}

// A call is part of the run that it began in: the service is started again only when it has
// returned, and if it does not in time it is reported as stuck.
func TestACallIsPartOfTheRun(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		fail := make(chan error)
		role := cluster.NewRole(a.node, "billing", cluster.Spec{Tree: tend.Spec{EventHook: func(e tend.Event) {
			switch e := e.(type) {
			case tend.ServiceStarted, tend.ServiceFailed:
				tape.note("%T", e)
			case tend.ServiceStuck:
				tape.note("%T, awaitCalls in its stacks: %v", e, strings.Contains(e.Stacks, "awaitCalls"))
			}
		}}}, func(int) tend.Service {
			return tend.Func("f", func(ctx context.Context) error {
				select {
				case err := <-fail:
					return err
				case <-ctx.Done():
					return nil
				}
			})
		})
		token := a.root.Add(role)
		a.serve()
		time.Sleep(2 * time.Second)
		call := func(how time.Duration) {
			go func() {
				_ = role.Do(t.Context(), "", func(ctx context.Context, _ tend.Service) error {
					<-ctx.Done()
					time.Sleep(how)
					tape.note("the call returns")
					return nil
				})
			}()
			synctest.Wait()
		}
		for range 2 {
			_ = role.Do(t.Context(), "", func(context.Context, tend.Service) error { return nil })
		}
		call(time.Second)
		call(500 * time.Millisecond)
		fail <- errors.New("no luck")
		time.Sleep(2 * time.Second)
		tape.want(t, "1s tend.ServiceStarted", "2.5s the call returns", "3s the call returns", "3s tend.ServiceFailed", "3s tend.ServiceStarted")
		call(5 * time.Second)
		_ = a.root.Suspend(token)
		time.Sleep(6 * time.Second)
		tape.want(t, "6s tend.ServiceStuck, awaitCalls in its stacks: true", "9s the call returns")
		if _, owned := role.Owner(""); owned {
			t.Error("the claim is kept")
		}
		a.stop()
	})
}

// Do waits while the service is in backoff, as long as its context.
func TestDoWaitsForABackoff(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		fails := errors.New("no luck")
		first := true
		r := cluster.Singleton(a.node, "billing", tend.Child{Name: "x", Backoff: tend.Backoff{Min: 5 * time.Second}, Service: tend.Func("x", func(ctx context.Context) error {
			if first {
				first = false
				return fails
			}
			<-ctx.Done()
			return nil
		})})
		a.root.Add(r)
		a.serve()
		time.Sleep(2 * time.Second)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Do(short, "", func(context.Context, tend.Child) error { t.Error("called"); return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		begun := time.Now()
		if err := r.Do(t.Context(), "", func(context.Context, tend.Child) error { return nil }); err != nil || time.Since(begun) != 3*time.Second {
			t.Error(err, time.Since(begun))
		}
		a.stop()
	})
}

// Do waits until a service is ready that has to say so, or that is a supervisor; also after
// a restart.
func TestDoWaitsUntilItIsReady(t *testing.T) {
	bubble(t, func(t *testing.T, _ *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		slow := tend.Child{Name: "slow", ReadyTimeout: time.Minute, Service: tend.Func("slow", func(ctx context.Context) error {
			time.Sleep(3 * time.Second)
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})}
		plain := cluster.Singleton(a.node, "plain", slow)
		tree := cluster.Shards(a.node, "tree", 1, func(int) *tend.Supervisor {
			s := tend.New("shard", tend.Spec{Ordered: true})
			s.Add(slow)
			return s
		})
		a.root.Add(plain)
		a.root.Add(tree)
		a.serve()
		took := func(what string, want time.Duration, do func() error) {
			begun := time.Now()
			if err := do(); err != nil || time.Since(begun) != want {
				t.Errorf("%s: %v after %v, want %v", what, err, time.Since(begun), want)
			}
		}
		doPlain := func() error {
			return plain.Do(t.Context(), "", func(context.Context, tend.Child) error { return nil })
		}
		doTree := func() error {
			return tree.Do(t.Context(), "", func(context.Context, *tend.Supervisor) error { return nil })
		}
		time.Sleep(2 * time.Second) // they began at 1s
		took("plain", 2*time.Second, doPlain)
		took("tree", 0, doTree)
		_ = plain.Supervisor().Restart(plain.Supervisor().Status().Services[0].Token, nil)
		synctest.Wait()
		took("plain, again", 3*time.Second, doPlain)
		_ = tree.Supervisor().Restart(tree.Supervisor().Status().Services[0].Token, nil)
		synctest.Wait()
		took("tree, again", 3*time.Second, doTree)
		a.stop()
	})
}

// Call follows the service from one node to the other, and calls f with each owner.
func TestCallFollowsTheOwner(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b, ra, rb := pair(tape, engine)
		roles := map[string]*cluster.Role[*worker]{"a:1": ra, "b:1": rb}
		call := func() error {
			return rb.Call(t.Context(), "k", func(ctx context.Context, c cluster.Claim) error {
				return roles[c.Owner.Addr].Do(ctx, "k", func(_ context.Context, w *worker) error {
					tape.note("call at %s", w.name)
					return nil
				})
			})
		}
		if err := call(); err != nil {
			t.Error(err)
		}
		a.cancel()
		synctest.Wait() // a has handed over, and b does not know yet
		if err := call(); err != nil {
			t.Error(err)
		}
		<-a.done
		lines := tape.take()
		if len(lines) != 4 || lines[0] != "4s call at a" || lines[3] != "4.01s call at b" {
			t.Error(lines)
		}
		b.stop()
	})
}

// A NotOwner says that nothing was done: Call tries again after 50 ms doubling to 1 s, at
// once with a newer claim; any other error ends it.
func TestCallTriesAgainAfterNotOwner(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b, ra, _ := pair(tape, engine)
		n, fails := 0, errors.New("perhaps done")
		err := ra.Call(t.Context(), "k", func(_ context.Context, c cluster.Claim) error {
			n++
			tape.note("%s", c.Owner.Name)
			switch {
			case n <= 6:
				return &cluster.NotOwner{Claim: c}
			case n == 7:
				return &cluster.NotOwner{Claim: cluster.Claim{Token: c.Token + 100, Owner: cluster.Member{Name: "other"}}}
			}
			return fails
		})
		if !errors.Is(err, fails) {
			t.Error(err)
		}
		tape.want(t, "4s a", "4.05s a", "4.15s a", "4.35s a", "4.75s a", "5.55s a", "6.55s a", "6.55s other")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = ra.Call(ctx, "k", func(_ context.Context, c cluster.Claim) error { return &cluster.NotOwner{Claim: c} })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		a.stop()
		b.stop()
	})
}

// A claim that was named is of no use any more when this node has seen as much as whoever
// named it: if nobody has the shard since, Call waits for the next owner.
func TestCallForgetsANamedClaimThatIsOver(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, c, _, rc := pair(tape, engine)
		front := newMachine(engine, "front", cluster.Options{})
		r := cluster.NewRole[*worker](front.node, "billing", cluster.Spec{}, nil)
		front.root.Add(r)
		front.serve()
		time.Sleep(2 * time.Second)
		engine.Delay("front", time.Second)
		a.stop() // at 6s
		time.Sleep(500 * time.Millisecond)
		next, _ := rc.Owner("k")
		tape.take()
		go func() {
			err := r.Call(t.Context(), "k", func(_ context.Context, now cluster.Claim) error {
				tape.note("%s, named: %v", now.Owner.Name, now.Token == next.Token)
				switch {
				case now.Token < next.Token:
					return &cluster.NotOwner{Claim: next}
				case now.Token == next.Token:
					return &cluster.NotOwner{}
				}
				return nil
			})
			tape.note("called: %v", err)
		}()
		synctest.Wait()
		c.stop()
		time.Sleep(850 * time.Millisecond)
		tape.want(t, "6.5s a, named: false", "6.5s b, named: true", "6.5s b billing/0 ends: context canceled",
			"6.55s b, named: true", "6.65s b, named: true", "6.85s b, named: true", "7.25s b, named: true") // it ends at 7.5s for the front
		time.Sleep(10 * time.Second)
		tape.want(t)
		c = newMachine(engine, "c", cluster.Options{})
		c.root.Add(cluster.Singleton(c.node, "billing", &worker{tape: tape, name: "c"}))
		c.serve()
		time.Sleep(5 * time.Second)
		tape.want(t, "18.35s c billing/0 begins", "19.355s c, named: false", "19.355s called: <nil>")
		front.stop()
		c.stop()
	})
}

// A NotOwner of another role, or of another shard, says nothing of this one: f may have taken
// effect.
func TestCallTakesItsOwnNotOwner(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		role := shards(a, tape, 4)
		a.serve()
		time.Sleep(2 * time.Second)
		shard := role.Shard("k")
		for _, tt := range []struct {
			of   cluster.Claim
			want int
		}{
			{cluster.Claim{}, 2},
			{cluster.Claim{Shard: shard + 1}, 2},
			{cluster.Claim{Role: "orders", Shard: shard}, 2},
			{cluster.Claim{Role: "billing", Shard: shard}, 1},
			{cluster.Claim{Role: "orders", Shard: shard + 1}, 1},
			{cluster.Claim{Role: "orders", Shard: shard + 1, Token: 1 << 40}, 1},
		} {
			n := 0
			err := role.Call(t.Context(), "k", func(context.Context, cluster.Claim) error {
				if n++; n == 2 {
					return nil
				}
				return fmt.Errorf("asking: %w", &cluster.NotOwner{Claim: tt.of})
			})
			if n != tt.want || (err == nil) != (tt.want == 2) {
				t.Errorf("a NotOwner of %q/%d: %d calls, %v", tt.of.Role, tt.of.Shard, n, err)
			}
		}
		a.stop()
	})
}

// Whatever Call waits for when its context ends, the error is the cause.
func TestCallEndsWithTheCause(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b, _, rb := pair(tape, engine)
		enough := errors.New("enough")
		for _, moves := range []bool{false, true} { // while f is called
			ctx, cancel := context.WithCancelCause(t.Context())
			err := rb.Call(ctx, "k", func(context.Context, cluster.Claim) error {
				if moves {
					a.stop()
					time.Sleep(time.Second)
				}
				cancel(enough)
				return &cluster.NotOwner{}
			})
			if !errors.Is(err, enough) {
				t.Errorf("moves: %v: %v", moves, err)
			}
		}
		b.stop()
	})
}

// Without an engine each operation is bounded by its context.
func TestCallsEndWithTheirContext(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		r := shards(a, tape, 4)
		engine.Cut("a")
		a.serve()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Call(ctx, "k", func(context.Context, cluster.Claim) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		var no *cluster.NotOwner
		if err := r.Do(ctx, "k", func(context.Context, *worker) error { return nil }); !errors.As(err, &no) || no.Claim.Token != 0 {
			t.Error(err)
		}
		if c, ok := r.Owner("k"); ok {
			t.Error(c)
		}
		a.stop()
	})
}

// Check fails at t0+TTL-Margin, whatever the service does.
func TestCheckFailsBeforeTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{Overrun: func(cluster.Claim) {}})
		a.root.Add(cluster.Singleton(a.node, "billing", tend.Func("checker", func(ctx context.Context) error {
			for cluster.Check(ctx) == nil {
				time.Sleep(time.Millisecond)
			}
			tape.note("%v", cluster.Check(ctx))
			return nil
		})))
		a.serve()
		time.Sleep(10100 * time.Millisecond)
		engine.Cut("a")
		time.Sleep(20 * time.Second)
		tape.want(t, "19.5s "+cluster.ErrLost.Error())
		engine.Heal("a")
		a.stop()
	})
}

// A node that only looks up knows the owner, and takes nothing.
func TestRoleWithoutStartLooksUp(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		shards(a, tape, 4)
		f := newMachine(engine, "front", cluster.Options{})
		r := cluster.NewRole[*worker](f.node, "orders", cluster.Spec{Shards: 4}, nil)
		f.root.Add(r)
		f.serve()
		time.Sleep(2 * time.Second)
		a.serve()
		time.Sleep(20 * time.Second)
		if n := owners(r); n["a"] != 4 {
			t.Error(n)
		}
		if m := f.node.Members(); len(m) != 2 || m[0].Name != "a" || len(m[0].Roles) != 1 || m[1].Name != "front" || len(m[1].Roles) != 0 {
			t.Error(m)
		}
		f.stop()
		a.stop()
	})
}
