package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/stopped"
)

// UnhealthyError is why a [Prober.Guard] has stopped its service: the cause in
// the service's context, and what the supervisor counts as its failure.
type UnhealthyError struct {
	Probe    string      // "component:name"
	Kind     Kind        // Liveness or Startup
	Failures int         // that led to it
	Err      tend.Reason // of the last one
}

// Error says which probe, after how many failures, and what the last one was. It runs
// no code of others.
func (e *UnhealthyError) Error() string {
	return fmt.Sprintf("%s: %s is unhealthy after %s: %s", owner, e.Probe, said.Times(e.Failures, "failure"), e.Err.Error())
}

// Unwrap returns the error of the last failure itself.
func (e *UnhealthyError) Unwrap() error { return e.Err.Err }

// Guard returns a service that runs svc and, while that runs, the probes, named
// "component:" and their names. If svc is a [tend.Child], so is the result, with
// the same settings.
//
// When a Liveness or Startup probe becomes Unhealthy, svc's context is cancelled
// with an [*UnhealthyError] as cause; when svc has returned, whatever it returns,
// the supervisor counts that error as its failure. So one sickness is exactly one
// failure: nothing is probed any more until svc runs again, and then all probes start
// afresh. If svc does not return within its own Timeout, its supervisor reports it as
// stuck, and does not start it a second time until it returns. While svc stops, for
// whatever reason, it is not probed: draining is not being sick.
//
// While svc does not run, its probes are not there. The tree knows that it does not
// run: see [Config].Tree.
//
// If there are Startup probes, the service counts as ready ([tend.Ready]) when
// the last of them has passed, at the latest; that matters if its
// [tend.Child].ReadyTimeout is set. Until it is ready its Liveness probes do not judge
// it: what bounds the start is that timeout. Their checks are not run, and the silence
// of a passive one begins when it is ready, or up to a MaxAge later.
//
// The error names what makes no sense. If a probe of such a name was added by other
// means, the service fails with that when it is run.
func (p *Prober) Guard(component string, svc tend.Service, probes ...Probe) (tend.Child, error) {
	complete, err := completeAll(component, probes)
	if err != nil {
		return tend.Child{}, prefixed(fmt.Errorf("Guard %q: %w", component, err))
	}
	guarded, err := p.guard(component, svc, complete)
	if err != nil {
		return tend.Child{}, prefixed(fmt.Errorf("Guard %q: %w", component, err))
	}
	return tend.Child{Service: guarded}, nil
}

// completeAll returns the probes of a Guard with their names and defaults.
func completeAll(component string, probes []Probe) ([]Probe, error) {
	switch {
	case component == "":
		return nil, errors.New("the component has no name")
	case strings.Contains(component, ":"):
		return nil, errors.New("the component has a colon")
	}
	complete := make([]Probe, 0, len(probes))
	names := map[string]bool{}
	for _, p := range probes {
		if p.Name != "" {
			p.Name = component + ":" + p.Name
		}
		p, err := p.complete()
		switch {
		case err != nil:
			return nil, err
		case p.List != nil:
			return nil, fmt.Errorf("probe %q: a source cannot be guarded", p.Name)
		case names[p.Name]:
			return nil, fmt.Errorf("there is already a probe %q", p.Name)
		}
		names[p.Name] = true
		complete = append(complete, p)
	}
	return complete, nil
}

// guard puts the guard where the service is, below the Children that say how it is
// supervised.
func (p *Prober) guard(component string, svc tend.Service, probes []Probe) (tend.Service, error) {
	var child tend.Child
	switch c := svc.(type) {
	case nil:
		return nil, errors.New("the service is nil")
	case tend.Child:
		child = c
	case *tend.Child:
		if c == nil {
			return nil, errors.New("the service is nil")
		}
		child = *c
	default:
		return &guarded{p, component, svc, probes}, nil
	}
	inner, err := p.guard(component, child.Service, probes)
	child.Service = inner
	return child, err
}

// errReturned is the cause in the context of a guarded service that has returned.
var errReturned = &fault{text: "the guarded service has returned"}

// guarded is a service together with its probes.
type guarded struct {
	prober    *Prober
	component string
	service   tend.Service
	probes    []Probe
}

func (g *guarded) String() string { return g.component }

// Serve runs the service once. All probes are registered in one step, so that a
// Startup probe holds back the others from the beginning.
func (g *guarded) Serve(ctx context.Context) (err error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(errReturned)
	var begun atomic.Bool // for the rest of the run: its supervisor need not be asked again
	w := &watch{
		ending: func() bool { return inner.Err() != nil },
		starting: func() bool {
			if begun.Load() {
				return false
			}
			self, supervised := tend.Self(ctx)
			begun.Store(!supervised || self.State != tend.StateStarting)
			return !begun.Load()
		},
		started: func() { tend.Ready(ctx) },
		note:    func(a slog.Attr) { tend.Annotate(ctx, a) },
	}
	w.fail = func() {
		// A failed helper tells the supervisor before the service has returned, so
		// that it can say so if that takes too long.
		tend.Go(ctx, func(context.Context) error { return w.sick })
		cancel(w.sick)
	}
	if err := g.admit(w); err != nil {
		return err
	}
	defer func() { // also if the service panics
		g.prober.do(func(plan *plan, now time.Time) { plan.dismiss(w, now) })
		if w.sick != nil { // from now on it stays as it is: no result can come any more
			err = w.sick
		}
	}()
	return g.service.Serve(context.WithValue(stopped.Between(ctx, inner), pulseKey{}, &pulse{g.prober, w}))
}

// admit adds the probes, all or none.
func (g *guarded) admit(w *watch) (err error) {
	g.prober.do(func(plan *plan, now time.Time) {
		for _, probe := range g.probes {
			if err = plan.add(probe, now, nil, w); err != nil {
				plan.dismiss(w, now)
				return
			}
		}
	})
	if err != nil {
		return prefixed(fmt.Errorf("Guard %q: is it served twice? %w", g.component, err))
	}
	return nil
}

// pulse is what Beat finds in the context of a guarded service.
type pulse struct {
	prober *Prober
	watch  *watch
}

type pulseKey struct{}

// Beat says that the service that runs under ctx makes progress: call it from the
// loop that does the work, not from a ticker of its own, which would only prove
// that the ticker works. It is a success of the passive probes with a MaxAge in
// the nearest [Prober.Guard] around the service, and a [tend.Alive]. Anywhere
// else it does nothing. It may be called at any rate, from any goroutine.
func Beat(ctx context.Context) {
	tend.Alive(ctx)
	b, ok := ctx.Value(pulseKey{}).(*pulse)
	if !ok {
		return
	}
	news := false
	effects := b.prober.decide(func(plan *plan, now time.Time) { news = plan.beat(b.watch, now) })
	if news {
		b.prober.act(effects)
		b.prober.poke()
	}
}
