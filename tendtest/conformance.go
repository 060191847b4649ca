package tendtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
)

// TestService shows that services of a kind keep what a supervisor counts on. A service
//   - returns soon after its context ends, within its Timeout if it has one, as a [tend.Child]
//     or an actor, and else within 10s: also if that had ended before, or ends while it starts;
//   - returns no error then that hides that, and claims no end that has not come;
//   - can be served again;
//   - leaves no goroutine;
//   - and can be served again, and leaves none, when something that it depends on has panicked:
//     each time that its Serve looks at its context while it starts, that panics.
//
// Each finding says what to do about it. Make makes a service that works, with what it depends
// on, anew for each trial; one that ends by itself with nil is a job, and may. Each trial is a
// subtest in a bubble of testing/synctest, in which a service that waits for the system would
// hold up the time: for those there is [TestServiceInRealTime]. After a finding that leaves a
// goroutine blocked the bubble ends the program.
func TestService(t *testing.T, make func() tend.Service) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { r.try(t, make) }) })
	}
}

// TestServiceInRealTime is TestService for services with processes, connections and files. It
// takes a second or more.
func TestServiceInRealTime(t *testing.T, make func() tend.Service) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { r.try(t, make) })
	}
}

// law is something that a supervisor counts on.
type law struct {
	name  string
	check func(*trial)
}

// rules are all of them.
var rules = []law{
	{"stops when its context ends", (*trial).stopsWhenAsked},
	{"stops when its context had ended before", (*trial).stopsAtOnce},
	{"stops when its context ends while it starts", (*trial).stopsWhileItStarts},
	{"hides no end of its context", (*trial).hidesNoEnd},
	{"can be served again", (*trial).servesAgain},
	{"leaves no goroutine", (*trial).leavesNothing},
	{"survives a panic", (*trial).survivesAPanic},
}

func (r law) try(t testing.TB, make func() tend.Service) {
	t.Helper()
	c := &trial{t: t, make: make, mark: newMark()}
	r.check(c)
}

var errAsked = errors.New("tendtest: the service is asked to stop")

func (c *trial) stopsWhenAsked() {
	c.t.Helper()
	s := c.serve(context.Background(), c.make())
	c.up(s)
	if !c.isJob(s) {
		c.stop(s, "its context ended")
	}
}

func (c *trial) stopsAtOnce() {
	c.t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errAsked)
	c.stop(c.serve(ctx, c.make()), "it was called with a context that had ended")
}

func (c *trial) stopsWhileItStarts() {
	c.t.Helper()
	for k := range c.looks() {
		ctx, cancel := context.WithCancelCause(context.Background())
		at := &touchy{Context: ctx, at: k + 1, act: func() { cancel(errAsked) }}
		s := c.serve(at, c.make())
		c.up(s)
		c.stop(s, fmt.Sprintf("its context ended while it was starting (as it looked at that for the %s time)", nth(k+1)))
		cancel(nil)
	}
}

func (c *trial) hidesNoEnd() {
	c.t.Helper()
	s := c.serve(context.Background(), c.make())
	c.up(s)
	if c.isJob(s) || !c.stop(s, "its context ended") || s.broke {
		return
	}
	for _, allowed := range []error{nil, context.Canceled, errAsked, tend.ErrDoNotRestart, tend.ErrTerminateTree} {
		if errors.Is(s.err, allowed) {
			return
		}
	}
	c.t.Errorf("tendtest: when its context had ended, Serve returned %q, which does not say so: it is logged as a failure on the way down. "+
		"If nothing else has gone wrong return nil, ctx.Err() or context.Cause(ctx), or wrap one of them with %%w", s.err)
}

func (c *trial) servesAgain() {
	c.t.Helper()
	svc := c.make()
	first := c.serve(context.Background(), svc)
	c.up(first)
	if !c.isJob(first) && !c.stop(first, "its context ended") {
		return
	}
	c.again(svc, first.isJob, "a run before it")
}

// again serves a service that was served before.
func (c *trial) again(svc tend.Service, isJob bool, after string) {
	c.t.Helper()
	s := c.serve(context.Background(), svc)
	c.up(s)
	if s.isOver() && (!isJob || s.err != nil || s.broke) {
		c.t.Errorf("tendtest: after %s Serve %v, at once. "+
			"A supervisor serves the same value again and again: make in Serve what a run uses up, and undo in deferred functions what it has begun", after, s)
		return
	}
	c.stop(s, "its context ended (after "+after+")")
}

func (c *trial) leavesNothing() {
	c.t.Helper()
	s := c.serve(context.Background(), c.make())
	c.up(s)
	if c.isJob(s) || c.stop(s, "its context ended") {
		c.wantNothingLeft("its end")
	}
}

func (c *trial) survivesAPanic() {
	c.t.Helper()
	usual := c.serve(context.Background(), c.make())
	c.up(usual)
	if !c.isJob(usual) && !c.stop(usual, "its context ended") {
		return
	}
	for k := range c.looks() {
		svc := c.make()
		s := c.serve(&touchy{Context: context.Background(), at: k + 1, act: func() { panic(errPanics) }}, svc)
		c.up(s)
		after := fmt.Sprintf("a panic (of its context, as it looked at that for the %s time)", nth(k+1))
		switch {
		case !c.stop(s, after):
			return
		case !s.broke && s.err == nil && !usual.isJob && s.byItself:
			c.t.Errorf("tendtest: after %s Serve returned nil: nobody hears of it. Let panics through, or return an error", after)
		}
		c.again(svc, usual.isJob, after)
		if c.t.Failed() {
			return
		}
	}
	c.wantNothingLeft("a panic")
}

// errPanics is what contexts panic with.
var errPanics = errors.New("tendtest: something that the service depends on panics")

func nth(n int) string {
	switch n {
	case 1:
		return "1st"
	case 2:
		return "2nd"
	case 3:
		return "3rd"
	default:
		return fmt.Sprintf("%dth", n)
	}
}

// wantNothingLeft fails the test if there are goroutines of the service.
func (c *trial) wantNothingLeft(after string) {
	c.t.Helper()
	if stacks := c.mark.since(); len(stacks) > 0 {
		c.t.Errorf("tendtest: %d goroutines of the service are there %v after %s. "+
			"Start them with tend.Go, or have Serve wait for them before it returns\n\n%s", len(stacks), patience, after, strings.Join(stacks, "\n\n"))
	}
}

// limit is how long a service may take to stop: a supervisor finds its Timeout also in a Child
// inside of another, and in what an actor has in common with others of its kind.
func limit(svc tend.Service) time.Duration {
	child := tend.Child{Service: svc}.With(func(s tend.Service) tend.Service { return s })
	kind := &tend.Child{}
	if l, is := latent.Of(child.Service); is {
		if own, _ := l.Settings().(*tend.Child); own != nil {
			kind = own
		}
	}
	return cmp.Or(child.Timeout, kind.Timeout, 10*time.Second)
}
