package tend

import (
	"cmp"
	"context"
)

// startHelper starts a goroutine that belongs to the run, unless that is over.
func (r *run) startHelper(ctx context.Context, f func(context.Context) error) {
	m := r.open()
	if m == nil {
		return
	}
	m.mu.Lock()
	over := m.joined != nil
	if !over {
		m.helpers++
	}
	m.mu.Unlock()
	if !over {
		go r.help(m, ctx, f)
	}
}

// help is the goroutine of a helper.
func (r *run) help(m *runMore, ctx context.Context, f func(context.Context) error) {
	var out *outcome
	returned := false
	defer func() { r.helped(m, out) }()
	defer func() { out.judge() }()
	defer func() {
		if !returned {
			out = r.broken(recover())
		}
	}()
	err := f(ctx)
	returned = true
	out = r.newOutcome(err)
}

// helped notes the end of a helper.
func (r *run) helped(m *runMore, out *outcome) {
	if out == nil {
		return
	}
	m.mu.Lock()
	first := out.verdict != fine && m.failed == nil
	if first {
		m.failed = out
	}
	m.mu.Unlock()
	if first {
		r.cancel(out.why.Err)
		r.post(ending{r.node, r.number})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.helpers--
	if m.helpers == 0 && m.joined != nil {
		close(m.joined)
	}
}

// join ends the context of the run and waits for its helpers. A helper that
// failed before Serve returned is why the run ended.
func (r *run) join(out *outcome) *outcome {
	r.cancel(errServeReturned)
	if r.more.CompareAndSwap(nil, closedRun) {
		return out
	}
	m := r.more.Load()
	m.mu.Lock()
	m.joined = make(chan struct{})
	failed, helpers := m.failed, m.helpers
	m.mu.Unlock()
	if helpers > 0 {
		r.post(ending{r.node, r.number})
		<-m.joined
	}
	r.more.Store(closedRun)
	return cmp.Or(failed, out)
}
