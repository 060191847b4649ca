package tendtest_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/tendtest"
)

// town is a tree with something of everything.
func town() *tend.Supervisor {
	db := tend.New("db", calm(tend.Spec{Strategy: tend.OneForAll}))
	db.Add(idle("conn"))
	db.Add(tendtest.Slow("flush", 100*time.Millisecond))
	flow := tend.New("flow", calm(tend.Spec{Strategy: tend.RestForOne, Escalate: true}))
	flow.Add(tend.Child{Name: "in", ReadyTimeout: time.Second, Service: tend.Func("", func(ctx context.Context) error {
		tend.Ready(ctx)
		<-ctx.Done()
		return context.Cause(ctx)
	})})
	flow.Add(idle("out"))
	flow.Add(actor.New("cart", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		return handler(func(context.Context, int) error { return nil }), nil
	}}))
	s := root(tend.Spec{Ordered: true, StopWithin: 30 * time.Second, EventHook: func(tend.Event) {}}, db, flow, tend.Func("helped", func(ctx context.Context) error {
		tend.Go(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil })
		<-ctx.Done()
		return nil
	}))
	s.Add(tend.Child{Service: idle("limited"), Limit: tend.Limit{N: 3}})
	s.Add(tend.Child{Service: idle("backoff"), Backoff: tend.Backoff{Min: time.Second, Max: time.Hour}})
	s.Add(tend.Child{Service: tend.Func("job", func(context.Context) error { return nil }), Restart: tend.Transient})
	return s
}

// TestStorm: whatever happens, in the calm after it everything is up that is to run, and what
// was not before is not.
func TestStorm(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
			tendtest.Run(t, town, func(t *testing.T, tree *tendtest.Tree) {
				off := tree.Root.Add(idle("off"))
				_ = tree.Root.Suspend(off)
				tree.Sleep(0)
				tree.Storm(tendtest.Storm{Seed: seed + 1, Acts: 300, Spare: []string{"root/off"}})
				if n := len(tree.Tape.Events()); n < 200 {
					t.Errorf("only %d events", n)
				}
				status := tree.Root.Status()
				for _, s := range status.All() {
					switch {
					case strings.HasPrefix(s.Name, "storm-"):
						t.Errorf("%s is still there", s.Path)
					case s.Name == "off" && s.State != tend.StateSuspended, s.Name == "job" && s.State != tend.StateDone:
						t.Errorf("%s is %v", s.Path, s.State)
					}
				}
			})
		})
	}
}

// TestAStormReplays: the same seed makes the same events at the same times, another one others.
func TestAStormReplays(t *testing.T) {
	storm := func(seed uint64) (lines []string) {
		tendtest.Run(t, func() *tend.Supervisor { return root(tend.Spec{}, idle("a"), idle("b")) }, func(_ *testing.T, tree *tendtest.Tree) {
			tree.Storm(tendtest.Storm{Seed: seed, Pause: time.Hour})
			lines = tree.Tape.Lines()
		})
		slices.Sort(lines) // of two services at one moment either may be first
		return lines
	}
	if d := cmp.Diff(storm(7), storm(7)); d != "" {
		t.Errorf("-first +second\n%s", d)
	}
	if cmp.Equal(storm(7), storm(8)) {
		t.Error("another seed is the same storm")
	}
}

// TestAStormIsToldWithItsSeed, that of the flag if there is no other.
func TestAStormIsToldWithItsSeed(t *testing.T) {
	_ = flag.Set("tendtest.seed", "77")
	defer func() { _ = flag.Set("tendtest.seed", "0") }()
	for _, c := range []struct {
		seed uint64
		want string
	}{{0, "77"}, {5, "5"}} {
		bubble(t, func(t *testing.T) {
			f := try(t, func(t testing.TB) {
				tree := tendtest.New(t, root(tend.Spec{}, idle("a")))
				tree.Serve()
				tree.Storm(tendtest.Storm{Seed: c.seed, Acts: 1})
			})
			wantFailures(t, f)
			if want := "tendtest: a storm with the Seed " + c.want + "; -tendtest.seed=" + c.want + " has it again"; len(f.logs) != 1 || f.logs[0] != want {
				t.Errorf("logged is %q, want %q", f.logs, want)
			}
		})
	}
}

// TestWhatDoesNotComeBackFails the test, with what it is and all that has happened.
func TestWhatDoesNotComeBackFails(t *testing.T) {
	for name, c := range map[string]struct {
		build func() *tend.Supervisor
		storm tendtest.Storm
		want  []string
	}{
		"a service that can be served once": {
			func() *tend.Supervisor {
				return root(tend.Spec{}, tend.Child{Name: "a", Service: &once{}, Backoff: tend.Backoff{Min: time.Hour}})
			},
			tendtest.Storm{Seed: 1},
			[]string{"tendtest: after the storm with the Seed 1 these are not up:\n\troot/a backoff, waits for its delay, has failed with closed\nIt was\n\t0s  … root/a\n\t … s calm"},
		},
		"a tree that ends": {
			func() *tend.Supervisor {
				return root(tend.Spec{}, tend.Child{Name: "a", Service: idle("a"), Significant: true, Limit: tend.Limit{N: 1}})
			}, tendtest.Storm{Seed: 2}, nil, // it is served again
		},
		"nobody to strike": {
			func() *tend.Supervisor { return root(tend.Spec{}, idle("a")) },
			tendtest.Storm{Spare: []string{"**"}},
			[]string{"Storm: there is no service that it is not to spare"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := try(t, func(t testing.TB) {
					tree := tendtest.New(t, c.build())
					tree.Serve()
					tree.Storm(c.storm)
				})
				wantFailures(t, f, c.want...)
			})
		})
	}
}

// TestACalmWaitsAsLongAsTheStatusSays, for what has not failed in it.
func TestACalmWaitsAsLongAsTheStatusSays(t *testing.T) {
	backoff := tend.Backoff{Min: 3 * time.Hour, Max: 3 * time.Hour}
	for name, c := range map[string]struct {
		spec    tend.Spec
		service tend.Service
		want    []string
	}{
		"a delay":         {tend.Spec{}, tend.Child{Service: tendtest.Slow("a", 5*time.Second), Backoff: backoff}, nil},
		"a delay in vain": {tend.Spec{}, tend.Child{Name: "a", Service: &once{}, Backoff: backoff}, []string{"are not up:\n\troot/a backoff, waits for its delay, has failed with closed\nIt was"}},
		"a pause":         {tend.Spec{FailureThreshold: 0.5, FailureBackoff: 3 * time.Hour}, idle("a"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				begin := time.Now()
				f := try(t, func(t testing.TB) {
					tree := tendtest.New(t, root(c.spec, c.service))
					tree.Serve()
					tree.Storm(tendtest.Storm{Seed: 2})
				})
				wantFailures(t, f, c.want...)
				if took := time.Since(begin); took < 3*time.Hour || took > 4*time.Hour {
					t.Errorf("the storm and its calm took %v", took)
				}
			})
		})
	}
}

// TestAStormWantsABubble, and a tree that is served.
func TestAStormWantsABubble(t *testing.T) {
	storm := func(t testing.TB) {
		tendtest.New(t, root(tend.Spec{}, idle("a"))).Storm(tendtest.Storm{})
	}
	wantFailures(t, try(t, storm), "Storm wants a tree that is served, in a bubble")
	bubble(t, func(t *testing.T) { wantFailures(t, try(t, storm), "Storm wants a tree that is served, in a bubble") })
}

// TestATreeThatEndsInAStormIsServedAgain, so that there is something left to strike.
func TestATreeThatEndsInAStormIsServedAgain(t *testing.T) {
	tendtest.Run(t, func() *tend.Supervisor {
		return root(tend.Spec{Escalate: true, FailureThreshold: 0.5}, idle("a"))
	}, func(t *testing.T, tree *tendtest.Tree) {
		tree.Storm(tendtest.Storm{Seed: 1})
		if n := len(tree.Tape.Lines(tend.SupervisorStarted{}.Kind())); n < 10 {
			t.Errorf("it was served %d times", n)
		}
	})
}
