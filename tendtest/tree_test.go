package tendtest_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/tendtest"
)

// TestRun: a tree is served, its events are on the tape with exact times, and it is stopped.
func TestRun(t *testing.T) {
	var kept *tendtest.Tree
	tendtest.Run(t, func() *tend.Supervisor { return root(tend.Spec{}, idle("a"), tendtest.Slow("b", time.Second)) },
		func(t *testing.T, tree *tendtest.Tree) {
			kept = tree
			tree.Tape.Want("0s root supervisor started services=2", "0s root/a service started", "0s root/b service started")
			tree.Sleep(time.Minute)
			if s := tree.Service("root/b"); s.State != tend.StateRunning || s.Incarnation != 1 {
				t.Errorf("it is %+v", s)
			}
		})
	var kinds []string
	for _, e := range kept.Tape.Events()[3:] {
		kinds = append(kinds, tendtest.Line(e, e.From().Time))
	}
	if got := strings.Join(kinds, "; "); !strings.Contains(got, "0s root supervisor stopped cause=ErrStopped took=1s") {
		t.Errorf("after the test came %s", got)
	}
}

// TestWhatIsLeftBehindIsReported: a goroutine with where it is, and a service that did not
// stop; and the events are logged.
func TestWhatIsLeftBehindIsReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		leak, hang := make(chan bool), make(chan bool)
		f := try(t, func(t testing.TB) {
			tree := tendtest.New(t, root(tend.Spec{}, tend.Func("leaky", func(ctx context.Context) error {
				go waitForEver(leak)
				<-ctx.Done()
				return nil
			}), tend.Func("deaf", func(context.Context) error { <-hang; return nil })))
			tree.Serve()
		})
		wantFailures(t, f,
			"root/deaf is still on the books: it was asked to stop (tend: supervisor was stopped) and has not returned",
			"2 goroutines are left behind: … tree_test.go … tendtest_test.waitForEver",
		)
		log := strings.Join(f.logs, "\n")
		if !strings.Contains(log, "the events of root:\n\t0s root supervisor started services=2\n\t0s root/leaky service started") {
			t.Errorf("logged is %s", log)
		}
		close(leak)
		close(hang)
	})
}

func waitForEver(c chan bool) { <-c }

// TestNothingIsLeftBehind: what was there before, and what ends a moment later, is not; and
// of a test that passes nothing is logged.
func TestNothingIsLeftBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		before := make(chan bool)
		go waitForEver(before)
		f := try(t, func(t testing.TB) {
			tendtest.New(t, root(tend.Spec{}, tend.Func("a", func(ctx context.Context) error {
				<-ctx.Done()
				go time.Sleep(time.Second / 2)
				return nil
			}))).Serve()
		})
		wantFailures(t, f)
		if len(f.logs) > 0 {
			t.Errorf("logged is %q", f.logs)
		}
		close(before)
	})
}

// TestATreeThatEndsByItself fails a test that does not say that it is to.
func TestATreeThatEndsByItself(t *testing.T) {
	for name, c := range map[string]struct {
		test func(*tendtest.Tree)
		want []string
	}{
		"unnoticed": {func(*tendtest.Tree) {}, []string{"the tree has ended by itself, with: … boom … calls Wait"}},
		"waited for": {func(tree *tendtest.Tree) {
			if err := tree.Wait(); !errors.Is(err, errBoom) {
				t.Error(err)
			}
		}, nil},
		"stopped": {func(tree *tendtest.Tree) {
			if err := tree.Stop(); !errors.Is(err, errBoom) {
				t.Error(err)
			}
		}, nil},
		"served again": {func(tree *tendtest.Tree) {
			_ = tree.Wait()
			tree.Serve()
			if err := tree.Stop(); err != nil {
				t.Error(err)
			}
		}, nil},
		"waited for in vain": {func(tree *tendtest.Tree) {
			_ = tree.Wait()
			tree.Serve()
			_ = tree.Wait()
		}, []string{"the tree has not ended by itself in 24h0m0s; there are\n\troot/a failed"}},
		"served twice":    {func(tree *tendtest.Tree) { tree.Serve() }, []string{"whose end nobody has taken note of", "has ended by itself"}},
		"stopped twice":   {func(tree *tendtest.Tree) { _ = tree.Stop(); _ = tree.Stop() }, []string{"Stop of a tree that is not served"}},
		"waited twice":    {func(tree *tendtest.Tree) { _ = tree.Wait(); _ = tree.Wait() }, []string{"Wait for a tree that is not served"}},
		"no such service": {func(tree *tendtest.Tree) { _ = tree.Wait(); tree.Service("root/b") }, []string{"there is no service \"root/b\", but\n\troot/a "}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := try(t, func(t testing.TB) {
					tree := tendtest.New(t, root(tend.Spec{}, tend.Child{Service: tendtest.Failing("a", errBoom), Limit: tend.Limit{N: 1}, Significant: true}))
					tree.Serve()
					c.test(tree)
				})
				wantFailures(t, f, c.want...)
			})
		})
	}
}

// TestTreesDoNotMeet: a fault of one tree is none of another one's with the same paths, and
// a tree that is served without a Tree has none.
func TestTreesDoNotMeet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		make := func() *tend.Supervisor { return root(tend.Spec{EventHook: func(tend.Event) {}}, idle("a")) }
		one, other := tendtest.New(t, make()), tendtest.New(t, make())
		one.Serve()
		other.Serve()
		one.Fail("root/a", errBoom)
		if a, b := one.Service("root/a"), other.Service("root/a"); a.Failed != 1 || b.Failed != 0 {
			t.Errorf("%d and %d failures", a.Failed, b.Failed)
		}
		_ = one.Stop()
		one.FailStart("root/a", 1)
		done := one.Root.ServeBackground(t.Context())
		one.Sleep(0)
		if s := one.Service("root/a"); s.State != tend.StateRunning || s.Failed != 1 {
			t.Errorf("it is %+v", s)
		}
		one.Root.Stop()
		<-done
	})
}

// TestOutsideOfABubble: the time is real, and goroutines of others are none that is left.
func TestOutsideOfABubble(t *testing.T) {
	stop, hang := make(chan bool), make(chan bool)
	defer close(stop)
	defer close(hang)
	f := try(t, func(t testing.TB) {
		tree := tendtest.New(t, root(tend.Spec{Timeout: 10 * time.Millisecond}, idle("a"), tend.Func("leaky", func(ctx context.Context) error {
			go waitForEver(hang)
			<-ctx.Done()
			return nil
		})))
		go waitForEver(stop)
		tree.Serve()
		_ = tree.Root.WaitReady(t.Context())
		tree.Fail("root/a", errBoom)
		if tok := tree.Service("root/a").Token; tree.Root.WaitState(within(t, time.Minute), tok, tend.StateRunning) != nil {
			t.Error("it does not run again")
		}
		if s := tree.Service("root/a"); s.Failed != 1 {
			t.Errorf("it is %+v", s)
		}
	})
	wantFailures(t, f, "1 goroutines are left behind: … root/leaky# … waitForEver")
}

// TestTheTapeIsTheLog: what a test does on purpose is not in the log of the program.
func TestTheTapeIsTheLog(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	tendtest.Run(t, func() *tend.Supervisor { return root(tend.Spec{}, idle("a")) }, func(_ *testing.T, tree *tendtest.Tree) {
		tree.Fail("root/a", errBoom)
	})
	if log.Len() > 0 {
		t.Errorf("logged is %s", log.String())
	}
}
