package tend

import (
	"context"
	"errors"

	"github.com/tend-go/tend/internal/guard"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/stopped"
)

// errTooLate is what is told of a call of [Go] that has started nothing.
var errTooLate = errors.New("tend: Go was called when Serve had returned; nothing was started")

// startHelper starts a goroutine that belongs to the run. If Serve has returned it
// tells that instead, once.
func (r *run) startHelper(ctx context.Context, f func(context.Context) error) {
	switch m := r.open(); {
	case m != nil && m.admit():
		if m.latent {
			ctx = latent.Detached(ctx) // it waits for itself, and not as the handler
		}
		go r.help(m, ctx, f)
	case r.isFirstRefusal():
		r.node.sup.wish(erred{r.node, r.number, known(errTooLate)}) // anybody may call Go
	}
}

// admit counts a helper more, unless Serve has returned.
func (m *runMore) admit() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.joined != nil {
		return false
	}
	m.helpers++
	return true
}

// isFirstRefusal: Serve has returned, and no helper was to be started since then.
func (r *run) isFirstRefusal() bool {
	m := r.own()
	if m == nil {
		return r.more.CompareAndSwap(closedRun, refusedRun)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.refused
	m.refused = true
	return first
}

// help is the goroutine of a helper.
func (r *run) help(m *runMore, ctx context.Context, f func(context.Context) error) {
	var out *outcome
	returned := false
	defer func() {
		if out != nil {
			m.gone()
		}
	}()
	defer func() { r.helped(ctx, m, out) }()
	defer func() {
		if !returned {
			out = r.broken(recover())
		}
	}()
	err := f(ctx)
	returned = true
	out = r.newOutcome(err)
}

// helped notes how a helper has ended. It is no failure if somebody between the supervisor and
// the helper has cancelled its context, and it obeys.
func (r *run) helped(ctx context.Context, m *runMore, out *outcome) {
	if out == nil || out.why.Err == nil {
		return
	}
	obeys := false
	defer func() {
		if !obeys { // or the error has panicked, or exited the goroutine
			r.helperFailed(ctx, m, out)
		}
	}()
	guard.Do(func() { obeys = out.obeys(ctx) })
}

// obeys: the helper says that its context has ended, and no more. A panic and an escalation say
// more, whatever errors they come from, and so does a wish.
func (out *outcome) obeys(ctx context.Context) bool {
	err := out.why.Err
	switch err.(type) { //nolint:errorlint // of the helper itself
	case *PanicError, *TooManyFailures:
		return false
	}
	return stopped.Obeys(ctx, err) && verdictOf(err) == failing
}

// helperFailed: if nobody had asked for that, the run ends because of it, before user code is
// asked what the error is (but for whether it says that the helper's own context has ended, if
// that has). Otherwise it must be asked first whether that is more than obedience.
func (r *run) helperFailed(ctx context.Context, m *runMore, out *outcome) {
	switch {
	case m.fail(out, false):
		r.cancel(out.why.Err)
		r.post(ending{r.node, r.number})
		out.judge(ctx)
		r.lookAbove(out)
	default:
		defer r.helpedLate(m, out)
		out.judge(ctx)
		r.lookAbove(out)
	}
}

// helpedLate: a helper has failed in a run that was ending already.
func (r *run) helpedLate(m *runMore, out *outcome) {
	if out.news && !m.fail(out, true) {
		r.tellBeside(out)
	}
}

// fail makes out the failure of the run, if Serve has not returned and it is the
// first; asked: even if the run was asked to stop. If a test has struck the run, what
// that says is how it fails.
func (m *runMore) fail(out *outcome, asked bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil || m.joined != nil || m.struck || (m.asked && !asked) {
		return false
	}
	m.failed = out
	return true
}

// hasHelpers: there are some that have not ended.
func (r *run) hasHelpers() bool {
	m := r.own()
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.helpers > 0
}

// gone counts a helper less.
func (m *runMore) gone() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.helpers--
	if m.helpers == 0 && m.joined != nil {
		close(m.joined)
	}
}

// join ends the context of the run, whose Serve has ended, and waits for its helpers.
// It returns how the first of them ended that failed before: what they say once the
// context has ended is obedience. slow: the run takes a while to end without helpers
// too.
func (r *run) join(slow bool) (failed *outcome) {
	if r.more.CompareAndSwap(nil, closedRun) || r.more.CompareAndSwap(askedRun, closedRun) {
		r.cancel(errServeReturned)
		if slow {
			r.post(ending{r.node, r.number})
		}
		return nil
	}
	m := r.own()
	failed, helpers := m.close()
	r.cancel(errServeReturned)
	if slow || helpers > 0 {
		r.post(ending{r.node, r.number})
	}
	if helpers > 0 {
		<-m.joined
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused {
		r.more.Store(refusedRun)
	} else {
		r.more.Store(closedRun)
	}
	return failed
}

// close keeps helpers out from now on. It returns the failure of the run until now,
// and how many helpers there are.
func (m *runMore) close() (failed *outcome, helpers int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.joined = make(chan struct{})
	return m.failed, m.helpers
}
