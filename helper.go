package tend

import "context"

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
	out = &outcome{run: r, err: err}
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
		r.cancel(out.err)
		r.node.sup.post(ending{r})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.helpers--
	if m.helpers == 0 && m.joined != nil {
		close(m.joined)
	}
}
