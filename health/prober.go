package health

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/said"
)

// drainTime is how long Serve waits at its end for checks and callbacks, which
// should be over soon after their context is.
const drainTime = time.Second

// Prober schedules probes. It is a [tend.Service]; its probes and their state
// survive its restarts. All methods may be called at any time, from any
// goroutine, also from checks and callbacks, whether it is being served or not.
type Prober struct {
	config Config
	tree   *treeView     // nil: there is no tree
	wake   chan struct{} // there is something to do; size 1

	// mu is held for one pure step of the plan, never while code of others runs
	// or anything waits.
	mu     sync.Mutex
	plan   *plan
	driver driver
}

// driver is who starts checks: nobody else does, so that two of one probe never
// run.
type driver uint8

const (
	nobody  driver = iota
	serving        // Serve
	ticking        // a Tick or CheckNow
)

// New makes a Prober, or returns an error that names the first setting that
// makes no sense.
func New(c Config) (*Prober, error) {
	c, err := c.complete()
	if err != nil {
		return nil, prefixed(err)
	}
	p := &Prober{
		config: c,
		wake:   make(chan struct{}, 1),
		plan:   newPlan(c.Concurrency, rand.Float64),
	}
	p.tree = newTreeView(c.Tree, func(s tend.Status) error {
		if err := guard.Try(func() error { return c.Ready(s) }, caught); err != nil {
			return p.reason(context.Background(), err)
		}
		return nil
	})
	p.plan.outbox.retry = c.Retry
	p.plan.outbox.wantChanges = c.OnChange != nil || c.Logger != nil
	p.plan.outbox.wantResults = c.OnResult != nil
	return p, nil
}

// String returns "health", the Prober's name in a tree.
func (p *Prober) String() string { return "health" }

// Add adds a probe. The error names what makes no sense, or says that there
// already is a probe of that name.
func (p *Prober) Add(probe Probe) error {
	probe, err := probe.complete()
	if err == nil {
		p.do(func(plan *plan, now time.Time) { err = plan.add(probe, now, nil, nil) })
	}
	return prefixed(err)
}

// Remove takes out the probe of that name, if there is one, with its state and
// with what was to be told of it, and with a source the probes that it has listed. A
// check under way is cancelled. A probe that a source lists comes back when the
// source lists it again.
func (p *Prober) Remove(name string) {
	p.do(func(plan *plan, now time.Time) {
		if e := plan.entries[name]; e != nil {
			plan.remove(e, false, now)
		}
	})
}

// Report gives a result to the probe of that name: nil is a success. This is how
// results come to a passive probe; to others it adds evidence, such as that a
// real request has failed. While the probe is held back by a Startup probe, or
// its Guard's service is stopping, it only counts as a sign of life. It returns
// an error if there is no such probe.
func (p *Prober) Report(name string, err error, details ...slog.Attr) error {
	why := func(err error) tend.Reason { return p.reason(context.Background(), err) }
	o := outcomeOf(err, why, freeze(details, maxDepth))
	p.do(func(plan *plan, now time.Time) { err = plan.report(name, o, now) })
	return prefixed(err)
}

// Serve runs the probes until ctx is done and returns the cause of that. It
// waits a second for checks and callbacks that honour their context, and
// abandons the others. What a check says after ctx is done counts for nothing:
// a shutdown makes nobody sick.
func (p *Prober) Serve(ctx context.Context) error {
	if err := p.enter(serving); err != nil {
		return err
	}
	over := false
	defer func() {
		if !over { // it has panicked
			p.leave()
		}
	}()
	tend.Ready(ctx)
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for ctx.Err() == nil {
		setAlarm(alarm, p.step(ctx))
		select {
		case <-ctx.Done():
		case <-alarm.C:
		case <-p.wake:
		}
	}
	p.drain(ctx, func() { p.driver, over = nobody, true }) // with the last answers: who asks later asks another one
	return context.Cause(ctx)
}

// step lets the plan decide and does what it says. It returns when the next step
// is due. Only the goroutine of Serve calls it.
func (p *Prober) step(ctx context.Context) time.Time {
	var next time.Time
	var tell bool
	effects := p.decide(func(plan *plan, now time.Time) {
		plan.step(now)
		tell = plan.outbox.take(now)
		next = plan.first()
	})
	p.act(effects)
	p.start(ctx, effects.starts)
	if tell {
		go p.deliver(ctx)
	}
	return next
}

// setAlarm sets t to go off at next, or never if that is zero.
func setAlarm(t *time.Timer, next time.Time) {
	if next.IsZero() {
		t.Stop()
		return
	}
	t.Reset(time.Until(next))
}

// decide makes one step under the lock.
func (p *Prober) decide(step func(plan *plan, now time.Time)) effects {
	p.mu.Lock()
	defer p.mu.Unlock() // also if there is a bug in the plan: it must not hang those who ask
	step(p.plan, time.Now())
	return p.plan.takeEffects()
}

// do is a step that comes from outside. It starts nothing: it wakes the driver.
func (p *Prober) do(step func(plan *plan, now time.Time)) {
	p.act(p.decide(step))
	p.poke()
}

// act carries out effects, all but starts.
func (p *Prober) act(e effects) {
	for _, r := range e.aborts {
		r.abort()
	}
	for _, w := range e.passed {
		w.started()
	}
	for _, n := range e.notes {
		p.annotate(n)
	}
	for _, w := range e.sick {
		w.fail()
	}
}

// annotate shows the state of an entry beside its service. Whoever comes while another one does
// that leaves it to him: the context is user code, which may block, and come back here.
func (p *Prober) annotate(n note) {
	w := n.watch
	p.mu.Lock()
	w.unnoted = append(w.unnoted, n.entry)
	busy := w.noting
	w.noting = true
	p.mu.Unlock()
	if busy {
		return
	}
	through := false
	defer func() {
		if !through { // it has panicked
			p.mu.Lock()
			defer p.mu.Unlock()
			w.noting = false
		}
	}()
	for attr, is := p.nextNote(w); is; attr, is = p.nextNote(w) {
		w.note(attr)
	}
	through = true
}

// nextNote is the next annotation of a service, with the state of this moment.
func (p *Prober) nextNote(w *watch) (attr slog.Attr, is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(w.unnoted) == 0 {
		w.noting = false
		return slog.Attr{}, false
	}
	e := w.unnoted[0]
	w.unnoted = w.unnoted[1:]
	return e.newNote(), true
}

// start launches checks. Only the driver calls it.
func (p *Prober) start(ctx context.Context, runs []*run) {
	for _, r := range runs {
		landed := func(o outcome, dropped bool) {
			p.do(func(plan *plan, now time.Time) { plan.landed = append(plan.landed, landing{r, o, now, dropped}) })
		}
		go func() {
			if early := r.isEarly(); early || r.probe.passive() {
				landed(outcome{}, early)
				return
			}
			why := func(err error) tend.Reason { return p.reason(ctx, err) }
			r.do(ctx, why, func(o outcome) { landed(o, ctx.Err() != nil) })
		}()
	}
}

// reason is what err says, as far as that may be told: what the tree in which ctx's
// service runs leaves of it, and Config.Tree. It runs user code, but for a fault.
func (p *Prober) reason(ctx context.Context, err error) tend.Reason {
	if _, own := err.(*fault); own || err == nil { //nolint:errorlint // as reasonOf does
		return reasonOf(err)
	}
	r := tend.NewReason(ctx, err)
	if tree, is := p.config.Tree.(interface{ Reason(err error) tend.Reason }); is {
		r.Text = tree.Reason(r).Text
	}
	r.Text = said.Clean(r.Text, maxText)
	return r
}

func (p *Prober) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// enter makes the caller the driver, if there is none.
func (p *Prober) enter(d driver) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.driver {
	case serving:
		return prefixed(errors.New("the Prober is being served already"))
	case ticking:
		return prefixed(errors.New("the Prober is in a Tick"))
	case nobody:
	}
	p.driver = d
	return nil
}

func (p *Prober) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.driver = nobody
}

// drain waits, after ctx has ended, for what was started under it. Last is called under the lock
// when the probing ends.
func (p *Prober) drain(ctx context.Context, last func()) {
	limit := time.NewTimer(drainTime)
	defer limit.Stop()
	for p.underWay() {
		select {
		case <-p.wake:
			continue
		case <-limit.C:
		}
		break
	}
	var left []string
	p.decide(func(plan *plan, now time.Time) {
		left = plan.halt(now)
		last()
	})
	if len(left) > 0 {
		p.log(ctx, slog.LevelWarn, "health checks ignore that their context is done", slog.Any("probes", left))
	}
}

// underWay says whether checks or callbacks still run.
func (p *Prober) underWay() (yes bool) {
	p.decide(func(plan *plan, _ time.Time) {
		plan.land()
		yes = len(plan.deadlines) > 0 || plan.outbox.busy
	})
	return yes
}
