package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/cluster"
	"github.com/tend-go/tend/cluster/clustertest"
)

func shards(m *machine, t *tape, count int) *cluster.Role[*worker] {
	r := cluster.Shards(m.node, "orders", count, func(int) *worker { return &worker{tape: t, name: m.name} })
	m.root.Add(r)
	return r
}

// parts are the first words of what a worker has noted.
func parts(line string) (at, who, shard, what string) {
	words := append(strings.Fields(line), "", "", "", "")
	return words[0], words[1], words[2], words[3]
}

func owners[S tend.Service](r *cluster.Role[S]) map[string]int {
	n := map[string]int{}
	for _, c := range r.Claims() {
		n[c.Owner.Name]++
	}
	return n
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T, tape *tape, engine *clustertest.Engine)) {
	synctest.Test(t, func(t *testing.T) { f(t, newTape(), clustertest.NewEngine()) })
}

// A lease that turns out to live after its services were told has them run again, under the
// same token, as soon as they have returned.
func TestLeaseThatLivesAfterAllKeepsItsClaims(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		r := cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"})
		a.root.Add(r)
		a.serve()
		time.Sleep(10100 * time.Millisecond)
		before, _ := r.Owner("")
		engine.Cut("a")
		time.Sleep(8 * time.Second)
		engine.Heal("a") // at 18.1s, before the lease ends at 20s
		time.Sleep(time.Second)
		tape.want(t, "1s a billing/0 begins", "17.5s a billing/0 ends: "+cluster.ErrLost.Error(), "18.1s a billing/0 begins")
		if after, _ := r.Owner(""); after.Token != before.Token {
			t.Errorf("token %d became %d", before.Token, after.Token)
		}
		a.stop()
	})
}

// Who joins gets its share, once the members have been the same for Settle; what moves
// begins there when it has ended here, and nothing else is touched.
func TestJoinMovesOnlyTheShare(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b := newMachine(engine, "a", cluster.Options{}), newMachine(engine, "b", cluster.Options{})
		ra := shards(a, tape, 10)
		shards(b, tape, 10)
		a.serve()
		time.Sleep(3 * time.Second)
		if n := len(tape.take()); n != 10 {
			t.Fatalf("%d shards began", n)
		}
		b.serve() // at 3s: settled at 8s
		time.Sleep(4900 * time.Millisecond)
		tape.want(t)
		time.Sleep(200 * time.Millisecond)
		var ends, begins []string
		for _, line := range tape.take() {
			at, who, shard, what := parts(line)
			switch {
			case at == "8s" && who == "a" && what == "ends:":
				ends = append(ends, shard)
			case at == "8.005s" && who == "b" && what == "begins":
				begins = append(begins, shard)
			default:
				t.Error(line)
			}
		}
		slices.Sort(ends)
		slices.Sort(begins)
		if d := cmp.Diff(ends, begins); d != "" || len(ends) != 5 {
			t.Error(ends, d)
		}
		if d := cmp.Diff(map[string]int{"a": 5, "b": 5}, owners(ra)); d != "" {
			t.Error(d)
		}
		b.stop()
		a.stop()
	})
}

// That what was told returns is no failure in the tree, whenever it does.
func TestToldIsNoFailure(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b := newMachine(engine, "a", cluster.Options{Moves: 100}), newMachine(engine, "b", cluster.Options{})
		shards(a, tape, 200)
		shards(b, tape, 200)
		a.root.AddHook(func(e tend.Event) {
			if e.Level() > slog.LevelInfo {
				t.Error(e)
			}
		})
		a.serve()
		time.Sleep(2 * time.Second)
		b.serve()
		time.Sleep(10 * time.Second)
		if n := len(tape.take()); n != 400 {
			t.Errorf("%d lines", n)
		}
		a.stop()
		b.stop()
	})
}

// A node hands over at most Moves shards at once.
func TestMovesAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b := newMachine(engine, "a", cluster.Options{Moves: 2}), newMachine(engine, "b", cluster.Options{})
		a.root.Add(cluster.Shards(a.node, "orders", 10, func(int) *worker { return &worker{tape: tape, name: "a", slow: time.Second} }))
		shards(b, tape, 10)
		a.serve()
		b.serve()
		engine.Cut("b")
		time.Sleep(5 * time.Second)
		tape.take()
		engine.Heal("b")
		time.Sleep(30 * time.Second)
		ends := map[string]int{}
		for _, line := range tape.take() {
			at, who, _, _ := parts(line)
			if who == "a" {
				ends[at]++
			}
		}
		if len(ends) != 3 || slices.Max(slices.Collect(mapValues(ends))) != 2 {
			t.Error(ends)
		}
		b.stop()
		a.stop()
	})
}

func mapValues(m map[string]int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// A dead node's shards, and no others, come to the rest when its lease is over.
func TestDeathMovesOnlyItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		var all []*machine
		var roles []*cluster.Role[*worker]
		for _, name := range []string{"a", "b", "c"} {
			m := newMachine(engine, name, cluster.Options{Settle: time.Second})
			roles = append(roles, shards(m, tape, 256))
			all = append(all, m.serve())
		}
		time.Sleep(10 * time.Second)
		was := owners(roles[0])
		if was["a"] < 85 || was["b"] < 85 || was["c"] < 85 {
			t.Error(was)
		}
		tape.take()
		engine.Cut("c") // what it had ends by itself at 17.5s
		time.Sleep(20 * time.Second)
		moved := 0
		for _, line := range tape.take() {
			_, who, _, what := parts(line)
			if who != "c" && what == "begins" {
				moved++
			}
			if who != "c" && what == "ends:" {
				t.Error(line)
			}
		}
		if moved != was["c"] {
			t.Errorf("%d began, and c had %d", moved, was["c"])
		}
		for _, m := range all {
			engine.Heal(m.name)
			m.stop()
		}
	})
}

// Suspend of a role hands its shards over and keeps it down here; Restart takes part again.
func TestSuspendOfARoleHandsOver(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b := newMachine(engine, "a", cluster.Options{}), newMachine(engine, "b", cluster.Options{})
		ra := cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"})
		token := a.root.Add(ra)
		b.root.Add(cluster.Singleton(b.node, "billing", &worker{tape: tape, name: "b"}))
		a.serve()
		time.Sleep(2 * time.Second)
		b.serve()
		time.Sleep(10 * time.Second)
		if err := a.root.Suspend(token); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		tape.want(t, "1s a billing/0 begins", "12s a billing/0 ends: "+tend.ErrSuspended.Error(), "12.005s b billing/0 begins")
		if err := a.root.Restart(token, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		tape.want(t) // singletons stay where they are
		a.stop()
		b.stop()
	})
}

// A restart of the role by its own tree is no fail-over: the claim stays.
func TestRestartOfARoleKeepsItsClaims(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		r := cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"})
		token := a.root.Add(r)
		a.serve()
		time.Sleep(2 * time.Second)
		before, _ := r.Owner("")
		_ = a.root.Restart(token, nil)
		time.Sleep(time.Minute)
		tape.want(t, "1s a billing/0 begins", "2s a billing/0 ends: "+tend.ErrRestartRequested.Error(), "2s a billing/0 begins")
		if after, _ := r.Owner(""); after.Token != before.Token || after.Token == 0 {
			t.Errorf("token %d became %d", before.Token, after.Token)
		}
		a.stop()
	})
}

// A service that leaves here is declined by this member, and the next takes it; when all
// have declined nobody runs it. After ten minutes it is tried again.
func TestServiceThatLeavesGoesToTheNextMember(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		var all []*machine
		for _, name := range []string{"a", "b"} {
			m := newMachine(engine, name, cluster.Options{})
			m.root.Add(cluster.Singleton(m.node, "billing", tend.Func("leaver", func(context.Context) error {
				tape.note("%s begins", name)
				return tend.ErrDoNotRestart
			})))
			m.serve()
			all = append(all, m)
			time.Sleep(2 * time.Second)
		}
		time.Sleep(9 * time.Minute)
		tape.want(t, "1s a begins", "3s b begins")
		time.Sleep(2 * time.Minute)
		if lines := tape.take(); len(lines) != 2 {
			t.Error(lines)
		}
		for _, m := range all {
			if k := m.kinds(); !slices.Contains(k, "declined") || !slices.Contains(k, "declined by all") {
				t.Error(m.name, k)
			}
			m.stop()
		}
	})
}

// A panic in start is giving up, too, and the node lives on.
func TestStartThatPanicsDeclines(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		a.root.Add(cluster.Shards(a.node, "orders", 1, func(int) *worker { panic("boom") }))
		a.serve()
		time.Sleep(5 * time.Second)
		want := []string{"joined", "claimed", "declined", "released", "declined by all"}
		if d := cmp.Diff(want, a.kinds()); d != "" {
			t.Error(d)
		}
		a.stop()
		if d := cmp.Diff([]string{"left"}, a.kinds()); d != "" {
			t.Error(d)
		}
	})
}

// Whose lease is gone is told at once, and claims anew under another token.
func TestExpiredLeaseIsToldAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		r := cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"})
		a.root.Add(r)
		a.serve()
		time.Sleep(2500 * time.Millisecond)
		before, _ := r.Owner("")
		engine.Expire("a") // the view shows the claim's deletion at once
		time.Sleep(10 * time.Second)
		lines := tape.take()
		if len(lines) != 3 || lines[1] != "2.5s a billing/0 ends: "+cluster.ErrLost.Error() {
			t.Error(lines)
		}
		if after, ok := r.Owner(""); !ok || after.Token <= before.Token {
			t.Errorf("token %d became %d", before.Token, after.Token)
		}
		a.stop()
	})
}

// What does not return in time overruns at t0+TTL-Margin, before anybody else may begin.
func TestOverrunComesBeforeTheSuccessor(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{Overrun: func(c cluster.Claim) { tape.note("overrun of %s/%d", c.Role, c.Shard) }})
		a.root.Add(cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a", slow: 5 * time.Second}))
		b := newMachine(engine, "b", cluster.Options{})
		b.root.Add(cluster.Singleton(b.node, "billing", &worker{tape: tape, name: "b"}))
		a.serve()
		time.Sleep(2 * time.Second)
		b.serve()
		time.Sleep(8100 * time.Millisecond)
		engine.Cut("a")
		time.Sleep(14 * time.Second)
		tape.want(t, "1s a billing/0 begins", "19.5s overrun of billing/0", "20.005s b billing/0 begins", "22.5s a billing/0 ends: "+cluster.ErrLost.Error())
		engine.Heal("a")
		b.stop()
		a.stop()
	})
}

// Two programs with different numbers of shards never own by both: the second takes over,
// by itself, when nobody has a claim under the first.
func TestNumbersOfShardsDoNotMix(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b := newMachine(engine, "a", cluster.Options{}), newMachine(engine, "b", cluster.Options{})
		shards(a, tape, 2)
		rb := shards(b, tape, 3)
		a.serve()
		time.Sleep(3 * time.Second)
		b.serve()
		time.Sleep(20 * time.Second)
		if n := len(tape.take()); n != 2 {
			t.Errorf("%d shards began", n)
		}
		if !slices.Contains(b.kinds(), "shards differ") {
			t.Error("nothing was said")
		}
		a.stop()
		time.Sleep(5 * time.Second)
		if d := cmp.Diff(map[string]int{"b": 3}, owners(rb)); d != "" {
			t.Error(d)
		}
		b.stop()
	})
}

// Beside a live twin a node is joining for ever, and says so each minute; when the name is
// free it is up.
func TestNameOfALiveTwinIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		first, twin := newMachine(engine, "a", cluster.Options{}), newMachine(engine, "a", cluster.Options{})
		shards(first, tape, 1)
		shards(twin, tape, 1)
		first.serve()
		time.Sleep(2 * time.Second)
		twin.serve()
		time.Sleep(90 * time.Second)
		if d := cmp.Diff([]string{"name taken", "name taken"}, twin.kinds()); d != "" {
			t.Error(d)
		}
		first.stop()
		time.Sleep(3 * time.Second)
		if d := cmp.Diff([]string{"joined", "claimed"}, twin.kinds()); d != "" {
			t.Error(d)
		}
		twin.stop()
	})
}

// An engine that forgot would hand out used tokens: all is told, Serve fails, and fails
// again until the revision is past the highest seen.
func TestEngineThatForgotIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		a.root.Add(cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a"}))
		a.serve()
		time.Sleep(2500 * time.Millisecond)
		engine.Forget()
		time.Sleep(time.Minute)
		if lines := tape.take(); len(lines) < 2 || lines[1] != "4s a billing/0 ends: "+cluster.ErrLost.Error() {
			t.Error(lines)
		}
		if !slices.Contains(a.kinds(), "engine changed") {
			t.Error("nothing was said")
		}
		a.stop()
	})
}

// The answers to everything are lost for a while: what was carried out is found in the view.
func TestLostAnswersLeaveNothingUnowned(t *testing.T) {
	for n := range 12 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
				a := newMachine(engine, "a", cluster.Options{})
				r := shards(a, tape, 4)
				engine.Lose("a", n)
				a.serve()
				time.Sleep(time.Minute)
				if d := cmp.Diff(map[string]int{"a": 4}, owners(r)); d != "" {
					t.Error(d)
				}
				begun := map[string]int{}
				for _, line := range tape.take() {
					_, _, shard, what := parts(line)
					if what == "begins" {
						begun[shard]++
					}
				}
				if len(begun) != 4 {
					t.Error(begun)
				}
				a.stop()
			})
		})
	}
}

// A node waits for what ignores its context, and renews as long: nobody else begins.
func TestNodeWaitsForWhatItOwned(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a, b := newMachine(engine, "a", cluster.Options{}), newMachine(engine, "b", cluster.Options{})
		a.root.Add(cluster.Singleton(a.node, "billing", &worker{tape: tape, name: "a", slow: 40 * time.Second}))
		b.root.Add(cluster.Singleton(b.node, "billing", &worker{tape: tape, name: "b"}))
		a.serve()
		time.Sleep(2 * time.Second)
		b.serve()
		time.Sleep(2 * time.Second)
		a.stop()
		time.Sleep(time.Second)
		tape.want(t, "1s a billing/0 begins", "44s a billing/0 ends: context canceled", "44.005s b billing/0 begins")
		b.stop()
	})
}

// What makes no sense panics at the call that is wrong.
func TestMisusePanics(t *testing.T) {
	engine := clustertest.NewEngine()
	node := cluster.Join(cluster.Options{Fleet: "f", Name: "n", Engine: engine})
	cluster.Singleton(node, "taken", &worker{})
	join := func(o cluster.Options) func() { return func() { cluster.Join(o) } }
	role := func(name string, s cluster.Spec) func() {
		return func() { cluster.NewRole(node, name, s, func(int) *worker { return nil }) }
	}
	for want, f := range map[string]func(){
		`Options.Fleet is "a/b"`: join(cluster.Options{Fleet: "a/b", Name: "n", Engine: engine}),
		`Options.Name is "ü"`:    join(cluster.Options{Fleet: "f", Name: "ü", Engine: engine}),
		"Options.Engine is nil":  join(cluster.Options{Fleet: "f", Name: "n"}),
		"Options.TTL is 2.5s, which is not whole seconds and at least two": join(cluster.Options{Fleet: "f", Name: "n", Engine: engine, TTL: 2500 * time.Millisecond}),
		"Options.Moves is -1":                 join(cluster.Options{Fleet: "f", Name: "n", Engine: engine, Moves: -1}),
		`the node has a role "taken" already`: role("taken", cluster.Spec{}),
		"Spec.Shards of role \"x\" is -1":     role("x", cluster.Spec{Shards: -1}),
		`the name of a role is ""`:            role("", cluster.Spec{}),
		`Spec.Tree.Timeout of role "y" is 6s, and a TTL of 10s with a Margin of 500ms leaves less than 5.5s`:                       role("y", cluster.Spec{Tree: tend.Spec{Timeout: 6 * time.Second}}),
		`Spec.Tree.Timeout of role "z" is 2562047h47m16.854775807s, and a TTL of 10s with a Margin of 500ms leaves less than 5.5s`: role("z", cluster.Spec{Tree: tend.Spec{Timeout: math.MaxInt64}}),
		"Options.TTL is 2562047h47m16s, and at most 8760h0m0s":                                                                     join(cluster.Options{Fleet: "f", Name: "n", Engine: engine, TTL: time.Duration(math.MaxInt64).Truncate(time.Second)}),
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != "tend/cluster: "+want {
					t.Errorf("got %s, want %s", got, want)
				}
			}()
			f()
		}()
	}
}

// A role that is served already is not disturbed by who serves it once more.
func TestARoleIsServedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, tape *tape, engine *clustertest.Engine) {
		a := newMachine(engine, "a", cluster.Options{})
		r := shards(a, tape, 1)
		a.serve()
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "tend/cluster: role ") || !strings.HasSuffix(got, " is already being served") {
					t.Errorf("panic: %s", got)
				}
			}()
			_ = r.Serve(ctx)
		}()
		cancel()
		time.Sleep(time.Minute)
		if lines := tape.take(); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
		a.stop()
	})
}

func TestFenceRefusesOldTokens(t *testing.T) {
	var f cluster.Fence
	for _, tt := range []struct {
		key   string
		token int64
		ok    bool
	}{{"a", 0, false}, {"a", -1, false}, {"a", 5, true}, {"a", 5, true}, {"a", 4, false}, {"b", 4, true}, {"a", 6, true}, {"a", 5, false}} {
		if err := f.Admit(tt.key, tt.token); (err == nil) != tt.ok || err != nil && !errors.Is(err, cluster.ErrStale) {
			t.Errorf("%s %d: %v", tt.key, tt.token, err)
		}
	}
}

// A context of clustertest is under its claim; any other is under none.
func TestContextOfAClaim(t *testing.T) {
	c := cluster.Claim{Role: "billing", Token: 7}
	ctx := clustertest.Context(t.Context(), c)
	if got, ok := cluster.ClaimOf(ctx); !ok || !cmp.Equal(got, c) {
		t.Error(got, ok)
	}
	if err := cluster.Check(ctx); err != nil {
		t.Error(err)
	}
	if _, ok := cluster.ClaimOf(t.Context()); ok {
		t.Error("a claim from nowhere")
	}
	if err := cluster.Check(t.Context()); err == nil {
		t.Error("Check outside of a claim is nil")
	}
}
