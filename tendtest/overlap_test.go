package tendtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/tendtest"
)

// relief is a service that can run beside another one: it needs a time until it is ready, and
// one to stop.
func relief(up, down time.Duration) tend.Child {
	return tend.Child{ReadyTimeout: time.Hour, Service: tend.Func("b", func(ctx context.Context) error {
		select {
		case <-time.After(up):
			tend.Ready(ctx)
			<-ctx.Done()
		case <-ctx.Done():
		}
		time.Sleep(down)
		return nil
	})}
}

// begin asks for another service in the place of root/a, and lets that start beside it.
func begin(tree *tendtest.Tree, by tend.Child) {
	token := tree.Service("root/a").Token
	go func() { _ = tree.Root.ReplaceWhenReady(context.Background(), token, by) }()
	tree.Sleep(0)
}

// TestAnOverlapIsNoMistake: two that run in one place because somebody has asked for that fail
// no test, whichever of them is started, and however late the one ends that is not wanted any
// more.
func TestAnOverlapIsNoMistake(t *testing.T) {
	a := func() *tend.Supervisor { return root(tend.Spec{}, tendtest.Slow("a", time.Second)) }
	for _, s := range []scene{
		{"the old one is slow", a, func(_ *testing.T, tree *tendtest.Tree) {
			begin(tree, relief(time.Second, 0))
			tree.Sleep(time.Minute)
		}, []string{
			"0s root/a service started restarts=1", "1s root/a service ready took=1s",
			"2s root/a service ended cause=ErrReplaced took=1s next=running",
		}},
		{"the old one starts again", a, func(t *testing.T, tree *tendtest.Tree) {
			begin(tree, relief(time.Minute, 0))
			_ = tree.Root.Restart(tree.Service("root/a").Token, nil)
			tree.Sleep(2 * time.Minute)
			if s := tree.Service("root/a"); s.Incarnation != 2 || s.State != tend.StateRunning {
				t.Errorf("it is %+v", s)
			}
			tree.Tape.Lines()
		}, nil},
		{"the new one is dropped", a, func(t *testing.T, tree *tendtest.Tree) {
			begin(tree, relief(time.Hour, time.Minute))
			token := tree.Service("root/a").Token
			_ = tree.Root.Suspend(token)
			tree.Sleep(10 * time.Second)
			_ = tree.Root.Restart(token, nil) // while that is stopping
			tree.Sleep(time.Hour)
			tree.Tape.WantAmong("10s root/a service started restarts=2", "1m0s root/a service ended took=1m0s next=running")
		}, nil},
		{"actors", func() *tend.Supervisor { return root(tend.Spec{}, anActor()) }, func(t *testing.T, tree *tendtest.Tree) {
			tree.SlowStop("root/a", time.Second)
			begin(tree, tend.Child{Service: anActor(), ReadyTimeout: time.Hour})
			tree.Sleep(time.Minute)
			tree.Tape.WantAmong("0s root/a service started restarts=1", "1s root/a service ended cause=ErrReplaced took=1s")
		}, nil},
	} {
		s.run(t)
	}
}

func anActor() *actor.Actor[int] {
	return actor.New("a", &actor.Spec[int]{New: func(context.Context, *actor.Actor[int]) (actor.Handler[int], error) {
		return handler(func(context.Context, int) error { return nil }), nil
	}})
}

// TestTwoRunsAtOnceAreFound, should a tree ever make some: but for an overlap two of one service,
// and of an overlap two of the same record, or a third.
func TestTwoRunsAtOnceAreFound(t *testing.T) {
	run := func(number uint64, record string, beside bool) fault.Run {
		return fault.Run{Path: "root/a", Service: 7, Number: number, Record: record, Beside: beside}
	}
	for name, c := range map[string]struct {
		runs []fault.Run
		want []string
	}{
		"another service":           {[]fault.Run{run(1, "a", false), {Path: "root/b", Service: 8, Number: 1}}, nil},
		"a restart":                 {[]fault.Run{run(1, "a", false), run(2, "a", false)}, []string{"two runs of root/a at once: 1 and 2"}},
		"a replacement":             {[]fault.Run{run(1, "a", false), run(2, "b", false)}, []string{"two runs of root/a at once: 1 and 2"}},
		"an overlap":                {[]fault.Run{run(1, "a", false), run(2, "b", true)}, nil},
		"an overlap that was first": {[]fault.Run{run(2, "b", true), run(1, "a", false)}, nil},
		"a restart in an overlap":   {[]fault.Run{run(1, "a", false), run(2, "a", true)}, []string{"two runs of root/a at once: 1 and 2"}},
		"a third":                   {[]fault.Run{run(1, "a", false), run(2, "b", true), run(3, "c", true)}, []string{"two runs of root/a at once: 2 and 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantFailures(t, try(t, func(t testing.TB) { tendtest.Begin(t, c.runs...) }), c.want...)
		})
	}
}

// TestAStrikeWaitsForBothOfAnOverlap outside of a bubble.
func TestAStrikeWaitsForBothOfAnOverlap(t *testing.T) {
	up, dropped := make(chan bool, 3), make(chan error)
	svc := tend.Func("a", func(ctx context.Context) error {
		up <- true
		<-ctx.Done()
		return nil
	})
	tree := tendtest.New(t, root(tend.Spec{}, svc))
	tree.Serve()
	token := tree.Service("root/a").Token
	go func() {
		dropped <- tree.Root.ReplaceWhenReady(t.Context(), token, tend.Child{Service: svc, ReadyTimeout: time.Hour})
	}()
	<-up
	<-up
	tree.Fail("root/a", errBoom)
	if s := tree.Service("root/a"); s.Beside.Incarnation != 0 || s.Incarnation != 3 {
		t.Errorf("after the strike it is %+v", s)
	}
	if err := <-dropped; err != errBoom {
		t.Errorf("it was dropped because of %v", err)
	}
}
