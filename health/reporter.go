package health

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
)

// Reporter sends the whole [Readiness] report of a Prober somewhere when it is
// told to: every time, or only if something has changed since the last report that
// was delivered. Nothing is lost when sending fails: the next report differs from
// the last delivered one all the same. Its methods may be called from any
// goroutine; reports are sent one at a time.
type Reporter struct {
	// Prober and Send must be set before the first report. If Send returns an error,
	// the report was not delivered. Send must not call the Reporter.
	Prober *Prober
	Send   func(ctx context.Context, r Report) error

	changesOnly atomic.Bool
	once        sync.Once
	turn        chan map[string]reported // holds what was last delivered, while nobody is sending
}

// reported is that of a probe which makes a difference.
type reported struct {
	instance string
	state    State
}

// ChangesOnly decides whether reports without news are left out. News are probes that
// have come or gone, or are in another state or instance than in the last report that
// was delivered, and another grade of the tree. At first nothing is left out.
func (r *Reporter) ChangesOnly(on bool) { r.changesOnly.Store(on) }

// Report sends a report, unless it is left out. It returns the error of Send, or
// the cause if ctx ends while another report is being sent.
func (r *Reporter) Report(ctx context.Context) error { return r.report(ctx, false) }

// Force sends a report, whether something has changed or not.
func (r *Reporter) Force(ctx context.Context) error { return r.report(ctx, true) }

func (r *Reporter) report(ctx context.Context, force bool) error {
	r.once.Do(func() {
		r.turn = make(chan map[string]reported, 1)
		r.turn <- nil
	})
	var delivered map[string]reported
	select {
	case delivered = <-r.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { r.turn <- delivered }() // also if Send panics
	report := r.Prober.Snapshot(Readiness)
	now := report.states()
	if !force && r.changesOnly.Load() && delivered != nil && maps.Equal(delivered, now) {
		return nil
	}
	if err := r.Send(ctx, report); err != nil {
		return err
	}
	delivered = now
	return nil
}

// states is what makes a difference in r.
func (r *Report) states() map[string]reported {
	states := make(map[string]reported, len(r.Probes))
	for _, p := range r.Probes {
		states[p.Name] = reported{p.Instance, p.State}
	}
	if r.Tree != nil {
		states[""] = reported{"", State(r.Tree.Status)} // no probe has an empty name
	}
	return states
}
