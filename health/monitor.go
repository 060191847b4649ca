package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tend-go/tend"
)

// Config says how a [Monitor] behaves. The zero value of every field is usable.
type Config struct {
	// Concurrency is how many checks run at once. Default [DefaultConcurrency]. A
	// check that ignores that its time is over does not count any more. Probes whose
	// last run has timed out take at most half of it, and the others go first, so
	// that many targets that hang delay each other and not everybody.
	Concurrency int

	// OnChange is told each change of state of each probe: one at a time, those of
	// one probe in order. If it returns an error (or panics), the change is offered
	// again after Retry, or when it has taken another; others go before it. A change
	// that was undone meanwhile is not told. So OnChange may be slow or fail for days
	// without anything piling up; of probes that are gone at most 1000 untold changes
	// are kept.
	//
	// Delivery is at least once while the program lives. ctx ends when the Monitor
	// stops; what was not told by then is when it is served again.
	OnChange func(ctx context.Context, c Change) error

	// OnResult is told every result, one at a time. If it is slow it misses
	// results, see [Result].Missed. It shares a goroutine with OnChange, whose
	// turn is always first.
	OnResult func(ctx context.Context, r Result)

	// Retry says when a failed OnChange is tried again; its Limit and Within mean
	// nothing here, and its Min must be positive. Default: 1s, 2s, 4s … up to 30s.
	Retry tend.Backoff

	// Tree, if set, is part of every [Readiness] report: usually the root
	// supervisor.
	Tree Tree

	// Logger gets changes, what callbacks fail with, and checks that hang at the
	// end. nil: nothing is logged. It is used in the goroutine of OnChange, and at
	// the end in that of Serve, which a handler that blocks would hold up.
	Logger *slog.Logger
}

// DefaultConcurrency is the default of [Config].Concurrency.
const DefaultConcurrency = 16

// drainTime is how long Serve waits at its end for checks and callbacks, which
// should be over soon after their context is.
const drainTime = time.Second

// Monitor schedules probes. It is a [tend.Service]; its probes and their state
// survive its restarts. All methods may be called at any time, from any
// goroutine, also from checks and callbacks, whether it is being served or not.
type Monitor struct {
	config Config
	tree   treeCache
	wake   chan struct{} // there is something to do; size 1

	// mu is held for one pure step of the plan, never while code of others runs
	// or anything waits.
	mu    sync.Mutex
	plan  *plan
	actor actor
}

// actor is who starts checks: nobody else does, so that two of one probe never
// run.
type actor uint8

const (
	nobody  actor = iota
	serving       // Serve
	ticking       // a Tick or CheckNow
)

// New makes a Monitor, or returns an error that names the first setting that
// makes no sense.
func New(c Config) (*Monitor, error) {
	if c.Concurrency < 0 {
		return nil, fmt.Errorf("health: Config.Concurrency is %d", c.Concurrency)
	}
	if err := c.Retry.Validate(); err != nil {
		return nil, fmt.Errorf("health: Config.Retry: %w", err)
	}
	if c.Retry != (tend.Backoff{}) && c.Retry.Min == 0 {
		return nil, errors.New("health: Config.Retry.Min is 0: a listener that fails would be called without a pause")
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Retry == (tend.Backoff{}) {
		c.Retry = tend.Backoff{Min: time.Second, Max: 30 * time.Second}
	}
	m := &Monitor{
		config: c,
		wake:   make(chan struct{}, 1),
		plan:   newPlan(c.Concurrency, rand.Float64),
	}
	m.plan.outbox.retry = c.Retry
	m.plan.outbox.wantChanges = c.OnChange != nil || c.Logger != nil
	m.plan.outbox.wantResults = c.OnResult != nil
	return m, nil
}

// String returns "health", the Monitor's name in a tree.
func (m *Monitor) String() string { return "health" }

// Add adds a probe. The error names what makes no sense, or says that there
// already is a probe of that name.
func (m *Monitor) Add(p Probe) error {
	p, err := p.complete()
	if err != nil {
		return err
	}
	m.do(func(plan *plan, now time.Time) { err = plan.add(p, now, nil, nil) })
	return err
}

// Remove takes out the probe of that name, if there is one, with its state and
// with what was to be told of it; with a source go the probes that it listed. A
// check under way is cancelled. A probe that a source lists comes back when it
// does so again.
func (m *Monitor) Remove(name string) {
	m.do(func(p *plan, now time.Time) {
		if e := p.entries[name]; e != nil {
			p.remove(e, false, now)
		}
	})
}

// Report is a result of the probe of that name: nil is a success. It is the way
// results come to a passive probe; to others it adds evidence, such as that a
// real request has failed. While the probe is held back by a Startup probe, or
// its Guard's service is stopping, it only counts as a sign of life. It returns
// an error if there is no such probe.
func (m *Monitor) Report(name string, err error, details ...slog.Attr) error {
	o := outcomeOf(err, freeze(details, maxDepth))
	m.do(func(p *plan, now time.Time) { err = p.report(name, o, now) })
	return err
}

// Serve runs the probes until ctx is done and returns the cause of that. It
// waits a second for checks and callbacks that honour their context, and
// abandons the others. What a check says after ctx is done counts for nothing:
// a shutdown makes nobody sick.
func (m *Monitor) Serve(ctx context.Context) error {
	if err := m.enter(serving); err != nil {
		return err
	}
	defer m.leave()
	tend.Ready(ctx)
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for ctx.Err() == nil {
		m.setAlarm(alarm, m.step(ctx))
		select {
		case <-ctx.Done():
		case <-alarm.C:
		case <-m.wake:
		}
	}
	m.drain(ctx)
	return context.Cause(ctx)
}

// step lets the plan decide and does what it says. It returns when the next step
// is due. Only the goroutine of Serve calls it.
func (m *Monitor) step(ctx context.Context) time.Time {
	var next time.Time
	var tell bool
	effects := m.decide(func(p *plan, now time.Time) {
		p.step(now)
		tell = p.outbox.take(now)
		next = p.first()
	})
	m.act(effects)
	m.start(ctx, effects.starts)
	if tell {
		go m.deliver(ctx)
	}
	return next
}

// setAlarm sets t to go off at next, or never if that is zero.
func (m *Monitor) setAlarm(t *time.Timer, next time.Time) {
	if next.IsZero() {
		t.Stop()
		return
	}
	t.Reset(time.Until(next))
}

// decide makes one step under the lock.
func (m *Monitor) decide(step func(p *plan, now time.Time)) effects {
	m.mu.Lock()
	defer m.mu.Unlock() // also if there is a bug in the plan: it must not hang those who ask
	step(m.plan, time.Now())
	return m.plan.takeEffects()
}

// do is a step that comes from outside. It starts nothing: it wakes the actor.
func (m *Monitor) do(step func(p *plan, now time.Time)) {
	m.act(m.decide(step))
	m.poke()
}

// act carries out effects, all but starts.
func (m *Monitor) act(e effects) {
	for _, r := range e.aborts {
		r.abort()
	}
	for _, w := range e.passed {
		w.started()
	}
	for _, n := range e.notes {
		n.watch.note(n.attr)
	}
	for _, w := range e.sick {
		w.fail()
	}
}

// start launches checks. Only the actor calls it.
func (m *Monitor) start(ctx context.Context, runs []*run) {
	for _, r := range runs {
		go r.do(ctx, func(o outcome) {
			dropped := ctx.Err() != nil
			m.do(func(p *plan, now time.Time) { p.landed = append(p.landed, landing{r, o, now, dropped}) })
		})
	}
}

func (m *Monitor) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// enter makes the caller the actor, if there is none.
func (m *Monitor) enter(a actor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.actor {
	case serving:
		return errors.New("health: the Monitor is being served already")
	case ticking:
		return errors.New("health: the Monitor is in a Tick")
	case nobody:
	}
	m.actor = a
	return nil
}

func (m *Monitor) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.actor = nobody
}

// drain waits, after ctx has ended, for what was started under it.
func (m *Monitor) drain(ctx context.Context) {
	limit := time.NewTimer(drainTime)
	defer limit.Stop()
	for m.underWay() {
		select {
		case <-m.wake:
			continue
		case <-limit.C:
		}
		break
	}
	var left []string
	m.decide(func(p *plan, now time.Time) { left = p.halt(now) })
	if len(left) > 0 {
		m.log(ctx, slog.LevelWarn, "health checks ignore that their context is done", slog.Any("probes", left))
	}
}

// underWay says whether checks or callbacks still run.
func (m *Monitor) underWay() (yes bool) {
	m.decide(func(p *plan, _ time.Time) {
		p.land()
		yes = len(p.deadlines) > 0 || p.outbox.busy
	})
	return yes
}
