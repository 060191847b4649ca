package tendtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tend-go/tend"

	labelled "github.com/tend-go/tend/internal/goroutines"
)

// trial tries whether services keep a law.
type trial struct {
	t    testing.TB
	make func() tend.Service
	mark mark
}

// mark tells the goroutines of a trial from others: in a bubble all that come after it are
// its own, and outside those that have its label.
type mark struct {
	before goroutines
	label  string
}

const markKey = "tendtest.trial"

var lastMark atomic.Uint64

func newMark() mark { return mark{here(), strconv.FormatUint(lastMark.Add(1), 10)} }

func (m mark) isReal() bool { return m.before.bubble == "" }

// since are the stacks of goroutines of the trial that do not end soon.
func (m mark) since() (stacks []string) {
	if !m.isReal() {
		return m.before.since()
	}
	deadline := time.Now().Add(patience)
	for {
		if stacks = m.now(); len(stacks) == 0 || time.Now().After(deadline) {
			return stacks
		}
		time.Sleep(patience / 100)
	}
}

// now are the stacks of goroutines of the trial.
func (m mark) now() []string {
	if !m.isReal() {
		return m.before.new()
	}
	found, err := labelled.Find(markKey, func(value string) bool { return value == m.label })
	if err != nil {
		return []string{err.Error()}
	}
	if text := found[m.label]; text != "" {
		return strings.Split(text, "\n\n")
	}
	return nil
}

// served is one call of Serve.
type served struct {
	cancel   context.CancelCauseFunc
	limit    time.Duration
	done     chan struct{}
	isJob    bool // it has ended by itself with nil
	byItself bool // it had ended before it was asked to

	// Set before done.
	err      error
	broke    bool // it has panicked with value or, if that is nil, called runtime.Goexit
	panicked any
}

var errServed = errors.New("tendtest: Serve has returned")

// String says how it has ended.
func (s *served) String() string {
	switch {
	case s.panicked != nil:
		return fmt.Sprintf("has panicked with %v", s.panicked)
	case s.broke:
		return "has called runtime.Goexit"
	case s.err != nil:
		return fmt.Sprintf("has returned %q", s.err)
	default:
		return "has returned nil"
	}
}

func (s *served) isOver() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// serve calls Serve.
func (c *trial) serve(parent context.Context, svc tend.Service) *served {
	s := &served{limit: limit(svc), done: make(chan struct{})}
	look, isTouchy := parent.(*touchy)
	if isTouchy {
		parent = look.Context
	}
	parent = pprof.WithLabels(parent, pprof.Labels(markKey, c.mark.label)) // who sets other labels takes those of the context along
	ctx, cancel := context.WithCancelCause(parent)
	s.cancel = cancel
	if isTouchy {
		look.Context, ctx = ctx, look
	}
	go func() {
		defer close(s.done)
		defer s.cancel(errServed) // as a supervisor does
		defer func() {
			if s.broke {
				s.panicked = recover()
			}
		}()
		pprof.SetGoroutineLabels(parent)
		if isTouchy {
			look.of = self()
		}
		s.broke = true
		s.err = svc.Serve(ctx)
		s.broke = false
	}()
	return s
}

// How long a service may take until it is up.
const (
	upTime     = time.Second
	upTimeReal = 200 * time.Millisecond
)

// up lets a service come up.
func (c *trial) up(s *served) {
	d := upTime
	if c.mark.isReal() {
		d = upTimeReal
	}
	select {
	case <-s.done:
	case <-time.After(d):
	}
	if !c.mark.isReal() {
		synctest.Wait()
	}
}

// isJob: the service has ended by itself, as jobs do. The test ends if it has failed.
func (c *trial) isJob(s *served) bool {
	c.t.Helper()
	if !s.isOver() {
		return false
	}
	if s.err != nil || s.broke {
		c.t.Fatalf("tendtest: Serve %v before anything was asked of it. "+
			"What makes the services must make such that work, with fakes of what they depend on", s)
	}
	s.isJob = true
	return true
}

// stop asks the service to stop, and says whether it has, in time.
func (c *trial) stop(s *served, when string) bool {
	c.t.Helper()
	s.byItself = s.isOver()
	s.cancel(errAsked)
	select {
	case <-s.done:
	case <-time.After(s.limit):
		c.t.Errorf("tendtest: Serve has not returned %v after %s. "+
			"Wait for ctx.Done() wherever it waits for something, and pass ctx on to what it calls. It is here:\n\n%s", s.limit, when, strings.Join(c.mark.now(), "\n\n"))
		return false
	}
	if s.broke && s.panicked != errPanics { //nolint:errorlint // that very one
		c.t.Errorf("tendtest: Serve %v after %s: that is a failure each time. Let a run that has begun in part end like a whole one", s, when)
	}
	return true
}

// mostLooks is how many looks of a service at its context are tried, one after another.
const mostLooks = 20

// looks is how often a service looks at its context until it is up.
func (c *trial) looks() int {
	c.t.Helper()
	ctx := &touchy{Context: context.Background()}
	s := c.serve(ctx, c.make())
	c.up(s)
	n := ctx.count()
	c.stop(s, "its context ended")
	return min(n, mostLooks)
}

// touchy is a context that does something when the goroutine of Serve looks at it for the
// n-th time. It does nothing on other goroutines: nobody could recover a panic there.
type touchy struct {
	context.Context
	of  string // the goroutine; set before Serve
	at  int
	act func()

	mu    sync.Mutex
	looks int
}

func (c *touchy) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looks
}

func (c *touchy) look() {
	if self() != c.of {
		return
	}
	c.mu.Lock()
	c.looks++
	now := c.looks == c.at
	c.mu.Unlock()
	if now {
		c.act()
	}
}

func (c *touchy) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

func (c *touchy) Err() error {
	c.look()
	return c.Context.Err()
}

func (c *touchy) Value(key any) any {
	c.look()
	return c.Context.Value(key)
}

func (c *touchy) Deadline() (time.Time, bool) {
	c.look()
	return c.Context.Deadline()
}

// self is the number of the calling goroutine.
func self() string {
	buffer := make([]byte, 128)
	id, _ := parse(string(slices.Clip(buffer[:runtime.Stack(buffer, false)])))
	return id
}
