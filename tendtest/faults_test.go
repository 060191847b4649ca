package tendtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/app"
	"github.com/tend-go/tend/tendtest"
)

// scene is a tree to which faults come, and its events.
type scene struct {
	name  string
	build func() *tend.Supervisor
	do    func(t *testing.T, tree *tendtest.Tree)
	want  []string // since it was served
}

func (s scene) run(t *testing.T) {
	t.Run(s.name, func(t *testing.T) {
		tendtest.Run(t, s.build, func(t *testing.T, tree *tendtest.Tree) {
			tree.Tape.Lines()
			s.do(t, tree)
			tree.Tape.Want(s.want...)
		})
	})
}

// nested is a root with a supervisor below it, which has services.
func nested(spec tend.Spec, services ...tend.Service) func() *tend.Supervisor {
	return func() *tend.Supervisor {
		db := tend.New("db", calm(spec))
		for _, svc := range services {
			db.Add(svc)
		}
		return root(tend.Spec{}, db)
	}
}

// TestStrikes: a run fails as the test says, whoever it is.
func TestStrikes(t *testing.T) {
	a := func() *tend.Supervisor { return root(tend.Spec{}, idle("a")) }
	for _, s := range []scene{
		{"an error", a, func(_ *testing.T, tree *tendtest.Tree) { tree.Fail("root/a", errBoom) }, []string{
			"0s root/a service failed err=boom count=1 threshold=5 restarting", "0s root/a service started restarts=1",
		}},
		{"a panic", a, func(_ *testing.T, tree *tendtest.Tree) { tree.Panic("root/a", "boom") }, []string{
			"0s root/a service failed err=\"panic: boom\" count=1 threshold=5 restarting", "0s root/a service started restarts=1",
		}},
		{"an exit", a, func(_ *testing.T, tree *tendtest.Tree) { tree.Exit("root/a") }, []string{
			"0s root/a service failed err=ErrGoexit count=1 threshold=5 restarting", "0s root/a service started restarts=1",
		}},
		{"a wish", a, func(_ *testing.T, tree *tendtest.Tree) { tree.Fail("root/a", tend.ErrDoNotRestart) }, []string{
			"0s root/a service ended err=ErrDoNotRestart next=gone",
		}},
		{"a slow one", func() *tend.Supervisor { return root(tend.Spec{}, tendtest.Slow("a", time.Second)) }, func(_ *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/a", errBoom) // which is busy ending
			tree.Sleep(time.Minute)
		}, []string{"1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1"}},
		{"several", func() *tend.Supervisor { return root(tend.Spec{}, idle("a"), idle("b-1")) }, func(t *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/*", errBoom)
			if a, b := tree.Service("root/a"), tree.Service("root/b-1"); a.Failed != 1 || b.Failed != 1 {
				t.Errorf("they are %+v, %+v", a, b)
			}
			tree.Tape.Lines()
			tree.Fail("**/b-*", errBoom)
		}, []string{"0s root/b-1 service failed err=boom count=3 threshold=5 restarting", "0s root/b-1 service started restarts=2"}},
		{"a nested supervisor", nested(tend.Spec{}, tendtest.Slow("conn", time.Second)), func(_ *testing.T, tree *tendtest.Tree) {
			tree.Panic("root/db", "boom")
			tree.Sleep(time.Minute)
		}, []string{
			"0s root/db supervisor stopping cause=ErrFault",
			"1s root/db/conn service ended cause=ErrFault took=1s",
			"1s root/db supervisor stopped cause=ErrFault err=ErrFault took=1s",
			"1s root/db service failed err=\"panic: boom\" ran=1s count=1 threshold=5 restarting",
			"1s root/db service started restarts=1", "1s root/db supervisor started services=1", "1s root/db/conn service started restarts=1", "1s root/db service ready",
		}},
	} {
		s.run(t)
	}
}

// TestWhatLasts: it is so for every run, until it is healed.
func TestWhatLasts(t *testing.T) {
	a := func() *tend.Supervisor { return root(tend.Spec{}, idle("a")) }
	ready := func() *tend.Supervisor {
		return root(tend.Spec{}, tend.Child{Name: "a", ReadyTimeout: time.Second, Service: tend.Func("", func(ctx context.Context) error {
			tend.Ready(ctx)
			<-ctx.Done()
			return nil
		})})
	}
	restart := func(t *testing.T, tree *tendtest.Tree, path string) {
		t.Helper()
		_ = tree.Root.Restart(tree.Service(path).Token, nil)
		tree.Sleep(0)
	}
	for _, s := range []scene{
		{"hangs", a, func(t *testing.T, tree *tendtest.Tree) {
			tree.Hang("root/a")
			restart(t, tree, "root/a")
			tree.Sleep(time.Minute)
			if s := tree.Service("root/a"); s.State != tend.StateStuck {
				t.Errorf("it is %v", s.State)
			}
			tree.Heal("root/a")
			restart(t, tree, "root/a")
		}, []string{
			"10s root/a service stuck cause=ErrRestartRequested waited=10s",
			"1m0s root/a service ended cause=ErrRestartRequested took=1m0s late=50s", "1m0s root/a service started restarts=1",
			"1m0s root/a service ended cause=ErrRestartRequested", "1m0s root/a service started restarts=2",
		}},
		{"stops slowly", a, func(t *testing.T, tree *tendtest.Tree) {
			tree.SlowStop("root/a", 3*time.Second)
			restart(t, tree, "root/a")
			tree.Sleep(time.Minute)
			restart(t, tree, "root/a")
			tree.Sleep(time.Second)
			tree.Heal("root/a") // in the middle of it
			tree.Sleep(time.Minute)
			tree.Tape.WantAmong("3s root/a service ended took=3s", "1m1s root/a service ended took=1s")
		}, nil},
		{"a slow one that hangs in the end", a, func(t *testing.T, tree *tendtest.Tree) {
			tree.SlowStop("root/a", 3*time.Second)
			restart(t, tree, "root/a")
			tree.Hang("root/a")
			tree.Sleep(5 * time.Second)
			tree.Heal("root/a")
		}, []string{"5s root/a service ended cause=ErrRestartRequested took=5s", "5s root/a service started restarts=1"}},
		{"is never ready", ready, func(t *testing.T, tree *tendtest.Tree) {
			tree.NeverReady("root/a")
			restart(t, tree, "root/a")
			tree.Sleep(time.Second)
			tree.Heal("root/a")
			restart(t, tree, "root/a")
		}, []string{
			"0s root/a service ended cause=ErrRestartRequested", "0s root/a service started restarts=1",
			"1s root/a service unresponsive cause=ErrNotReady", "1s root/a service failed err=ErrNotReady ran=1s count=1 threshold=5 restarting",
			"1s root/a service started restarts=2", "1s root/a service ready",
			"1s root/a service ended cause=ErrRestartRequested", "1s root/a service started restarts=3", "1s root/a service ready",
		}},
		{"does not start", a, func(t *testing.T, tree *tendtest.Tree) {
			tree.FailStart("root/a", 2)
			restart(t, tree, "root/a")
		}, []string{
			"0s root/a service ended cause=ErrRestartRequested", "0s root/a service started restarts=1",
			"0s root/a service failed err=ErrFault count=1 threshold=5 restarting", "0s root/a service started restarts=2",
			"0s root/a service failed err=ErrFault count=2 threshold=5 restarting", "0s root/a service started restarts=3",
		}},
		{"heals while it does not start", a, func(t *testing.T, tree *tendtest.Tree) {
			tree.FailStart("root/*", 2)
			tree.Heal("root/a")
			restart(t, tree, "root/a")
			tree.FailStart("root/a", 5)
			tree.FailStart("root/a", 1) // the last word
			restart(t, tree, "root/a")
			if s := tree.Service("root/a"); s.Failed != 1 || s.Incarnation != 4 {
				t.Errorf("it is %+v", s)
			}
			tree.Tape.Lines()
		}, nil},
		{"a nested supervisor hangs", nested(tend.Spec{}, idle("conn")), func(t *testing.T, tree *tendtest.Tree) {
			tree.Hang("root/db")
			_ = tree.Root.Suspend(tree.Service("root/db").Token)
			tree.Sleep(time.Hour) // a supervisor without a bound is waited for
			tree.Heal("**")
		}, []string{
			"1h0m0s root/db supervisor stopping cause=ErrSuspended", "1h0m0s root/db/conn service ended cause=ErrSuspended",
			"1h0m0s root/db supervisor stopped cause=ErrSuspended err=ErrSuspended",
			"1h0m0s root/db service ended err=\"context canceled: tend: service was suspended\" cause=ErrSuspended took=1h0m0s next=suspended",
		}},
		{"a nested supervisor is never ready", nested(tend.Spec{}, idle("conn")), func(t *testing.T, tree *tendtest.Tree) {
			tree.NeverReady("root/db")
			restart(t, tree, "root/db")
			if s := tree.Service("root/db"); s.State != tend.StateStarting {
				t.Errorf("it is %v", s.State)
			}
			tree.Tape.Lines()
			tree.Sleep(time.Second)
			tree.Heal("root/db")
		}, []string{"1s root/db service ready took=1s"}},
		{"heals when it has said in vain that it is ready", ready, func(t *testing.T, tree *tendtest.Tree) {
			tree.NeverReady("root/a")
			restart(t, tree, "root/a")
			tree.Tape.Lines()
			tree.Sleep(time.Second / 2)
			tree.Heal("root/a")
			tree.Sleep(time.Minute)
		}, []string{"500ms root/a service ready took=500ms"}},
		{"a nested supervisor does not start", nested(tend.Spec{}, idle("conn")), func(t *testing.T, tree *tendtest.Tree) {
			tree.FailStart("root/db", 1)
			restart(t, tree, "root/db")
			tree.Tape.WantAmong("* root/db service failed err=*Fault", "* root/db service started restarts=2", "* root/db/conn service started")
		}, nil},
	} {
		s.run(t)
	}
}

// TestAFaultBeforeTheTreeIsServed: the first start of all fails.
func TestAFaultBeforeTheTreeIsServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tree := tendtest.New(t, root(tend.Spec{}, idle("a")))
		tree.FailStart("root/a", 1)
		tree.Serve()
		tree.Tape.Want("0s root supervisor started services=1", "0s root/a service started",
			"0s root/a service failed err=ErrFault count=1 threshold=5 restarting", "0s root/a service started restarts=1")
	})
}

// TestAHealBesideALaunch: a run that has begun, and is not mute yet, is not to be.
func TestAHealBesideALaunch(t *testing.T) {
	if !tendtest.MuteHealed(t) {
		t.Error("nobody hears it")
	}
}

// TestHelpersOfAVictim end with its run, as without faults.
func TestHelpersOfAVictim(t *testing.T) {
	var ended, why []error
	build := func() *tend.Supervisor {
		return root(tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
			tend.Go(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				why = append(why, context.Cause(ctx))
				return nil
			})
			<-ctx.Done()
			ended = append(ended, context.Cause(ctx))
			return nil
		}))
	}
	tendtest.Run(t, build, func(t *testing.T, tree *tendtest.Tree) {
		tree.Fail("root/a", errBoom)
		_ = tree.Root.Suspend(tree.Service("root/a").Token)
		tree.Sleep(0)
		if len(ended) != 2 || ended[0] != tendtest.ErrFault || ended[1] != tend.ErrSuspended {
			t.Errorf("runs were asked to stop with %v", ended)
		}
		if len(why) != 2 || why[0] != tendtest.ErrFault || why[1] != tend.ErrSuspended {
			t.Errorf("helpers were asked to stop with %v", why)
		}
	})
}

// TestAStrikeIsHowARunFails: not what its helpers say while it ends.
func TestAStrikeIsHowARunFails(t *testing.T) {
	helpedBy := func(helper func(context.Context) error) func() *tend.Supervisor {
		return func() *tend.Supervisor {
			return root(tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
				tend.Go(ctx, helper)
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			}))
		}
	}
	obedient := helpedBy(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	closed := helpedBy(func(ctx context.Context) error { <-ctx.Done(); return errors.New("closed") })
	broken := helpedBy(func(ctx context.Context) error { <-ctx.Done(); panic("closed twice") })
	fail := func(err error) func(*testing.T, *tendtest.Tree) {
		return func(_ *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/a", err)
			tree.Sleep(time.Second)
		}
	}
	const failed, again = "1s root/a service failed err=boom ran=1s count=1 threshold=5 restarting", "1s root/a service started restarts=1"
	for _, s := range []scene{
		{"an error", obedient, fail(errBoom), []string{failed, again}},
		{"a wish", obedient, fail(tend.ErrDoNotRestart), []string{"1s root/a service ended err=ErrDoNotRestart next=gone"}},
		{"a panic", obedient, func(_ *testing.T, tree *tendtest.Tree) {
			tree.Panic("root/a", "boom")
			tree.Sleep(time.Second)
		}, []string{"1s root/a service failed err=\"panic: boom\" ran=1s count=1 threshold=5 restarting", again}},
		{"the end of the tree", obedient, func(t *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/a", app.Exit(3, nil))
			if err := tree.Wait(); !errors.Is(err, tend.ErrTerminateTree) {
				t.Errorf("it has ended with %v", err)
			}
			tree.Tape.Lines()
		}, nil},
		{"an error beside another", closed, fail(errBoom), []string{"0s root/a service also failed err=closed", failed, again}},
		{"an error beside a panic", broken, fail(errBoom), []string{"0s root/a service also failed err=\"panic: closed twice\"", failed, again}},
		{"a helper that failed before", helpedBy(func(context.Context) error { return errors.New("closed") }), func(_ *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/a", errBoom) // which is busy ending
			tree.Sleep(time.Second)
			tree.Tape.WantAmong("1s root/a service also failed err=boom", "1s root/a service failed err=closed", again)
			tree.Tape.Lines()
		}, nil},
		{"an error beside a stop", obedient, func(_ *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/a", errBoom)
			_ = tree.Root.Suspend(tree.Service("root/a").Token)
			tree.Sleep(time.Second)
		}, []string{"1s root/a service ended err=boom cause=ErrSuspended unclean took=1s next=suspended"}},
	} {
		s.run(t)
	}
}

// TestFaultsOfActors: the message in hand fails and is lost, the end of a run is held back, its
// start fails, and nobody hears that it is ready.
func TestFaultsOfActors(t *testing.T) {
	var news, handled int
	var cart *actor.Actor[int]
	build := func() *tend.Supervisor {
		news, handled = 0, 0
		cart = actor.New("cart", &actor.Spec[int]{
			New: func(ctx context.Context, _ *actor.Actor[int]) (actor.Handler[int], error) {
				news++
				return handler(func(ctx context.Context, d int) error {
					time.Sleep(time.Duration(d))
					handled++
					return nil
				}), nil
			},
			Child: tend.Child{ReadyTimeout: time.Second},
		})
		return root(tend.Spec{}, cart)
	}
	send := func(d time.Duration) { _ = cart.TrySend(int(d)) }
	restart := func(tree *tendtest.Tree) {
		_ = tree.Root.Restart(tree.Service("root/cart").Token, nil)
		tree.Sleep(0)
	}
	for _, s := range []scene{
		{"fails", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/cart", errBoom)
			if s := tree.Service("root/cart"); s.Failed != 0 {
				t.Errorf("it has failed without a message: %+v", s)
			}
			send(0)
			send(0)
			tree.Sleep(0)
			if handled != 1 || news != 2 {
				t.Errorf("%d handled, %d times new", handled, news)
			}
		}, []string{
			"0s root/cart messages lost n=1 message=int cause=boom",
			"0s root/cart service failed err=boom count=1 threshold=5 restarting", "0s root/cart service started restarts=1", "0s root/cart service ready",
		}},
		{"panics with the next message", build, func(t *testing.T, tree *tendtest.Tree) {
			send(2 * time.Second) // the one in hand is not torn off
			send(0)
			tree.Sleep(time.Second)
			tree.Panic("root/cart", "boom")
			tree.Sleep(time.Minute)
			if handled != 1 {
				t.Errorf("%d handled", handled)
			}
		}, []string{
			"2s root/cart messages lost n=1 message=int cause=\"panic: boom\"",
			"2s root/cart service failed err=\"panic: boom\" ran=2s count=1 threshold=5 restarting", "2s root/cart service started restarts=1", "2s root/cart service ready",
		}},
		{"exits", build, func(_ *testing.T, tree *tendtest.Tree) {
			tree.Exit("root/*")
			send(0)
			tree.Sleep(0)
		}, []string{
			"0s root/cart messages lost n=1 message=int cause=ErrGoexit",
			"0s root/cart service failed err=ErrGoexit count=1 threshold=5 restarting", "0s root/cart service started restarts=1", "0s root/cart service ready",
		}},
		{"is stopped before its next message", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.Fail("root/cart", errBoom)
			restart(tree)
			send(0)
			tree.Sleep(0)
			if handled != 1 {
				t.Errorf("%d handled", handled)
			}
		}, []string{
			"0s root/cart service ended cause=ErrRestartRequested", "0s root/cart service started restarts=1", "0s root/cart service ready",
		}},
		{"hangs", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.Hang("root/cart")
			restart(tree)
			tree.Sleep(time.Minute)
			tree.Heal("root/cart")
			restart(tree)
		}, []string{
			"10s root/cart service stuck cause=ErrRestartRequested waited=10s",
			"1m0s root/cart service ended cause=ErrRestartRequested took=1m0s late=50s", "1m0s root/cart service started restarts=1", "1m0s root/cart service ready",
			"1m0s root/cart service ended cause=ErrRestartRequested", "1m0s root/cart service started restarts=2", "1m0s root/cart service ready",
		}},
		{"stops slowly", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.SlowStop("root/cart", time.Second)
			restart(tree)
			tree.Sleep(time.Minute)
		}, []string{
			"1s root/cart service ended cause=ErrRestartRequested took=1s", "1s root/cart service started restarts=1", "1s root/cart service ready",
		}},
		{"does not start", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.FailStart("root/cart", 1)
			restart(tree)
			if news != 2 {
				t.Errorf("%d times new", news)
			}
		}, []string{
			"0s root/cart service ended cause=ErrRestartRequested", "0s root/cart service started restarts=1",
			"0s root/cart service failed err=ErrFault count=1 threshold=5 restarting",
			"0s root/cart service started restarts=2", "0s root/cart service ready",
		}},
		{"is never ready", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.NeverReady("root/cart")
			restart(tree)
			tree.Sleep(time.Second)
			tree.Heal("root/cart")
			tree.Tape.WantAmong("1s root/cart service unresponsive cause=ErrNotReady", "1s root/cart service failed err=ErrNotReady")
		}, nil},
		{"heals when it has said in vain that it is ready", build, func(t *testing.T, tree *tendtest.Tree) {
			tree.NeverReady("root/cart")
			restart(tree)
			tree.Tape.Lines()
			tree.Sleep(time.Second / 2)
			tree.Heal("root/cart")
			tree.Sleep(time.Minute)
		}, []string{"500ms root/cart service ready took=500ms"}},
	} {
		s.run(t)
	}
}

type handler func(context.Context, int) error

func (h handler) Handle(ctx context.Context, m int) error { return h(ctx, m) }

// TestMistakesFailTheTest, at the call that is wrong, and name what is.
func TestMistakesFailTheTest(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*tendtest.Tree)
		want []string
	}{
		"nobody runs":       {func(tree *tendtest.Tree) { tree.Fail("root/b", errBoom) }, []string{"Fail(\"root/b\"): no service that matches runs; there are\n\troot/a running"}},
		"no error":          {func(tree *tendtest.Tree) { tree.Fail("root/a", nil) }, []string{"Fail(\"root/a\") with a nil error"}},
		"no value":          {func(tree *tendtest.Tree) { tree.Panic("root/a", nil) }, []string{"Panic(\"root/a\") with nil"}},
		"no time":           {func(tree *tendtest.Tree) { tree.SlowStop("root/a", 0) }, []string{"SlowStop(\"root/a\") of 0s"}},
		"no number":         {func(tree *tendtest.Tree) { tree.FailStart("root/a", -1) }, []string{"FailStart(\"root/a\") of -1"}},
		"a rule for nobody": {func(tree *tendtest.Tree) { tree.Hang("root/b") }, []string{"Hang(\"root/b\"): no service has matched; there are\n\troot/a running"}},
		"healed for nobody": {func(tree *tendtest.Tree) { tree.Heal("root/b"); tree.Heal("**") }, []string{"Heal(\"root/b\"): no service has matched"}},
		"healed when it has left": {func(tree *tendtest.Tree) {
			tree.Hang("root/a")
			_ = tree.Root.Remove(tree.Service("root/a").Token)
			tree.Sleep(time.Minute)
			tree.Heal("root/a")
			if left := tree.Root.UnstoppedServices(); len(left) > 0 {
				tree.Fail("root/a", errBoom) // which there is none of
			}
		}, nil},
		"a rule for newcomer": {func(tree *tendtest.Tree) { tree.Hang("root/b"); tree.Root.Add(idle("b")); tree.Sleep(0) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := try(t, func(t testing.TB) {
					tree := tendtest.New(t, root(tend.Spec{}, idle("a")))
					tree.Serve()
					c.do(tree)
				})
				wantFailures(t, f, c.want...)
			})
		})
	}
}

// TestAHangAtTheEndIsHealed, so that a test which has seen what it wanted is over.
func TestAHangAtTheEndIsHealed(t *testing.T) {
	tendtest.Run(t, func() *tend.Supervisor { return root(tend.Spec{}, idle("a")) }, func(t *testing.T, tree *tendtest.Tree) {
		tree.Hang("root/a")
		begin := time.Now()
		if err := tree.Stop(); err != nil || time.Since(begin) != 10*time.Second {
			t.Errorf("it was stopped in %v: %v", time.Since(begin), err)
		}
		if left := tree.Root.UnstoppedServices(); len(left) != 1 {
			t.Errorf("on the books are %v", left)
		}
	})
}

// TestAStopBeatsAFault: what is asked to stop while it fails has one end.
func TestAStopBeatsAFault(t *testing.T) {
	tendtest.Run(t, func() *tend.Supervisor { return root(tend.Spec{}, tendtest.Slow("a", time.Second)) }, func(t *testing.T, tree *tendtest.Tree) {
		tree.Tape.Lines()
		tree.Fail("root/a", errBoom)
		_ = tree.Root.Suspend(tree.Service("root/a").Token)
		tree.Sleep(time.Minute)
		tree.Tape.Want("1s root/a service ended err=boom cause=ErrSuspended unclean took=1s next=suspended")
	})
}

// TestPatterns over paths.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern string
		failed  string
	}{
		{"root/*", "db web-1 web-2"},
		{"**/web-*", "web-1 web-2"},
		{"root/**", "db conn web-1 web-2"},
		{"root/*/*", "conn"},
		{"**/*o*n", "conn"},
		{"root/**/conn", "conn"},
		{"root/**/web-1", "web-1"},
		{"**", "db conn web-1 web-2"},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				db := tend.New("db", calm(tend.Spec{}))
				db.Add(idle("conn"))
				tree := tendtest.New(t, root(tend.Spec{}, db, idle("web-1"), idle("web-2")))
				tree.FailStart(c.pattern, 1)
				tree.Serve()
				synctest.Wait()
				var failed []string
				status := tree.Root.Status()
				for _, s := range status.All() {
					if s.Failed > 0 && errors.Is(s.Failures[0].Err, tendtest.ErrFault) {
						failed = append(failed, s.Name)
					}
				}
				if got := strings.Join(failed, " "); got != c.failed {
					t.Errorf("failed have %s, want %s", got, c.failed)
				}
			})
		})
	}
}

// TestAMemberThatSleepsDoesNotRun: there is none to strike, and when it has woken it is that run
// which fails.
func TestAMemberThatSleepsDoesNotRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		handled := 0
		build := func(t testing.TB) (*tendtest.Tree, actor.Address[int]) {
			g := actor.NewGroup("g", actor.GroupSpec[int, int]{
				New: func(context.Context, *actor.Actor[int], int) (actor.Handler[int], error) {
					return handler(func(context.Context, int) error { handled++; return nil }), nil
				},
				Idle: time.Minute,
			})
			tree := tendtest.New(t, root(tend.Spec{}, g))
			tree.Serve()
			_ = g.To(1).TrySend(1)
			tree.Sleep(time.Hour)
			return tree, g.To(1)
		}
		f := try(t, func(t testing.TB) {
			tree, _ := build(t)
			tree.Fail("root/g/1", errBoom)
		})
		wantFailures(t, f, "Fail(\"root/g/1\"): no service that matches runs")
		f = try(t, func(t testing.TB) {
			tree, member := build(t)
			_ = member.TrySend(2)
			tree.Sleep(0)
			tree.Fail("root/g/1", errBoom)
			_ = member.TrySend(3)
			tree.Sleep(0)
			tree.Tape.WantAmong("1h0m0s root/g/1 service failed err=boom")
		})
		wantFailures(t, f)
		if handled != 3 {
			t.Errorf("%d messages are handled", handled)
		}
	})
}

// TestStopOfAnActorUnderTest is called as ever, also after a fault.
func TestStopOfAnActorUnderTest(t *testing.T) {
	var stops []error
	a := actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		return leaving{handler(func(context.Context, int) error { return nil }), &stops}, nil
	}})
	tendtest.Run(t, func() *tend.Supervisor { return root(tend.Spec{}, a) }, func(t *testing.T, tree *tendtest.Tree) {
		tree.Fail("root/a", errBoom)
		_ = a.TrySend(1)
		tree.Sleep(0)
		_ = tree.Stop()
		if len(stops) != 2 || stops[0] != errBoom || stops[1] != tend.ErrStopped {
			t.Errorf("it was stopped because of %v", stops)
		}
	})
}

// leaving is a handler that notes why it is stopped.
type leaving struct {
	handler
	why *[]error
}

func (l leaving) Stop(_ context.Context, why error) error {
	*l.why = append(*l.why, why)
	return nil
}
