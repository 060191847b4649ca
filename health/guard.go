package health

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// UnhealthyError is why a [Monitor.Guard] has stopped its service: the cause in
// the service's context, and what the supervisor counts as its failure.
type UnhealthyError struct {
	Probe    string // "component:name"
	Kind     Kind   // Liveness or Startup
	Failures int    // that led to it
	Err      error  // what the last one was

	text string
}

// Error says which probe, after how many failures, and what the last one was.
func (e *UnhealthyError) Error() string {
	return fmt.Sprintf("health: %s is unhealthy after %d failures: %s", e.Probe, e.Failures, e.text)
}

// Unwrap returns Err.
func (e *UnhealthyError) Unwrap() error { return e.Err }

// Guard returns a service that runs svc and, while that runs, the probes, named
// "component:" and their names. If svc is a [tend.Child], so is the result, with
// the same settings.
//
// When a Liveness or Startup probe becomes Unhealthy, svc's context is cancelled
// with an [*UnhealthyError] as cause; when svc has returned, whatever it returns,
// that error is the failure which the supervisor counts. So one sickness is
// exactly one failure: nothing is probed any more until svc runs again, and then
// all probes start afresh. A service that does not return is reported as stuck by
// its supervisor after its own Timeout, and not started a second time until it
// does. While svc stops, for whatever reason, it is not probed: draining is not
// being sick.
//
// While svc does not run, its probes are not there. That it does not run is known
// to the tree: see [Config].Tree.
//
// If there are Startup probes, the service counts as ready ([tend.Ready]) when
// the last of them has passed, at the latest; that matters if its
// [tend.Child].ReadyTimeout is set.
//
// The error names what makes no sense. That a probe of such a name was added by
// other means shows only when the service is run: as its failure.
func (m *Monitor) Guard(component string, svc tend.Service, probes ...Probe) (tend.Child, error) {
	if err := checkName(component); err != nil {
		return tend.Child{}, err
	}
	if strings.Contains(component, ":") {
		return tend.Child{}, fmt.Errorf("health: component %q has a colon", component)
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
			return tend.Child{}, fmt.Errorf("health: Guard %q: %w", component, err)
		case p.List != nil:
			return tend.Child{}, fmt.Errorf("health: Guard %q: probe %q: a source cannot be guarded", component, p.Name)
		case names[p.Name]:
			return tend.Child{}, fmt.Errorf("health: Guard %q: there is already a probe %q", component, p.Name)
		}
		names[p.Name] = true
		complete = append(complete, p)
	}
	guarded, err := m.guard(component, svc, complete)
	return tend.Child{Service: guarded}, err
}

// guard puts the guard where the service is, below the Children that say how it is
// supervised.
func (m *Monitor) guard(component string, svc tend.Service, probes []Probe) (tend.Service, error) {
	var child tend.Child
	switch c := svc.(type) {
	case nil:
		return nil, fmt.Errorf("health: Guard %q: the service is nil", component)
	case tend.Child:
		child = c
	case *tend.Child:
		if c == nil {
			return nil, fmt.Errorf("health: Guard %q: the service is nil", component)
		}
		child = *c
	default:
		return &guarded{m, component, svc, probes}, nil
	}
	inner, err := m.guard(component, child.Service, probes)
	child.Service = inner
	return child, err
}

// guarded is a service together with its probes.
type guarded struct {
	monitor   *Monitor
	component string
	service   tend.Service
	probes    []Probe
}

func (g *guarded) String() string { return g.component }

// Serve runs the service once. All probes are registered in one step, so that a
// Startup probe holds back the others from the beginning.
func (g *guarded) Serve(ctx context.Context) (err error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(tend.ErrServeReturned)
	w := &watch{
		ending:  func() bool { return inner.Err() != nil },
		started: func() { tend.Ready(ctx) },
		note:    func(a slog.Attr) { tend.Annotate(ctx, a) },
	}
	w.fail = func() {
		// The supervisor learns of it before the service has returned, so that it
		// can tell when that takes too long.
		tend.Go(ctx, func(context.Context) error { return w.sick })
		cancel(w.sick)
	}
	if err := g.admit(w); err != nil {
		return err
	}
	defer func() { // also if the service panics
		g.monitor.do(func(p *plan, now time.Time) { p.dismiss(w, now) })
		if w.sick != nil { // settled, now that no result can come any more
			err = w.sick
		}
	}()
	return g.service.Serve(context.WithValue(inner, pulseKey{}, &pulse{g.monitor, w}))
}

// admit adds the probes, all or none.
func (g *guarded) admit(w *watch) (err error) {
	g.monitor.do(func(p *plan, now time.Time) {
		for _, probe := range g.probes {
			if err = p.add(probe, now, nil, w); err != nil {
				p.dismiss(w, now)
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("health: Guard %q: is it served twice? %w", g.component, err)
	}
	return nil
}

// pulse is what Beat finds in the context of a guarded service.
type pulse struct {
	monitor *Monitor
	watch   *watch
}

type pulseKey struct{}

// Beat says that the service which runs under ctx makes progress: call it from the
// loop that does the work, not from a ticker of its own, which would only prove
// that the ticker works. It is a success of the passive probes with a MaxAge in
// the nearest [Monitor.Guard] around the service, and a [tend.Alive]. Anywhere
// else it does nothing. It may be called at any rate, from any goroutine.
func Beat(ctx context.Context) {
	tend.Alive(ctx)
	b, ok := ctx.Value(pulseKey{}).(*pulse)
	if !ok {
		return
	}
	news := false
	effects := b.monitor.decide(func(p *plan, now time.Time) { news = p.beat(b.watch, now) })
	if news {
		b.monitor.act(effects)
		b.monitor.poke()
	}
}
