package tend

import (
	"context"

	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/treepath"
)

// The seam between the plan, which knows a run by its record and its incarnation
// number, and what does the work: today a goroutine for each run. Launching,
// cancelling and ending go through here, and nothing else of the tree knows what a
// run is made of.

// launch begins the run that the record of n counts.
func (s *Supervisor) launch(c *clock, n *node) {
	t := s.term.Load()
	if l := n.latent(); l != nil {
		l.Launch(n.link(t, l), n.number)
		return
	}
	r := &run{node: n, number: n.number, base: t.base}
	fresh := true
	if n.rare != nil && n.number > 1 && !s.plan.spec.NoLabels { // the first run makes them: the loop has better to do
		r.base, fresh = n.rare.labels.of(n, t), false
	}
	if conf := n.conf(); conf.Watchdog > 0 || conf.ReadyTimeout > 0 {
		m := r.open()
		m.clock, m.unready, m.expected = c, conf.ReadyTimeout > 0, conf.ReadyTimeout > 0
	}
	if t.faults != nil && n.isBeside() {
		r.open().beside = true
	}
	n.run = r
	var ctx context.Context
	ctx, r.cancel = context.WithCancelCause(r)
	go r.main(ctx, fresh)
}

// faultsOf are the faults of the tree that a supervisor is in, which r serves, or nobody
// but its caller.
func faultsOf(r *run, ctx context.Context) *fault.Faults {
	if r == nil {
		return fault.From(ctx)
	}
	return r.node.sup.term.Load().faults
}

// faultRun is what an injector is told of a run of n.
func (n *node) faultRun(t *term, number uint64) fault.Run {
	return fault.Run{Path: treepath.Join(t.path, n.name), Service: n.id, Number: number, Record: n}
}

// isBeside: n, which is being launched, may run beside another one in its place, since one of the two
// is on trial. Whoever is on trial comes after the holder, also when it is dropped.
func (n *node) isBeside() bool { return n.isTrial() || n.isWith(n.next) && n.next.isTrial() }

// link is what a run of l, which n is the record of, has of the supervisor.
func (n *node) link(t *term, l latent.Service) latent.Link {
	if t.faults == nil {
		return (*ofRun)(n)
	}
	about := n.faultRun(t, n.number)
	about.Beside = n.isBeside()
	return t.faults.Link(about, l, (*ofRun)(n))
}

// serveBy has the injector run the service.
func (r *run) serveBy(ctx context.Context, t *term) error {
	about := r.node.faultRun(t, r.number)
	about.Mute, about.Strike = r.mute, r.strike
	m := r.own()
	about.Beside = m != nil && m.beside
	return t.faults.Serve(ctx, about, r.node.svc.Serve)
}

// mute: whatever the run says, it is not ready, until unmute is called.
func (r *run) mute() (unmute func()) {
	m := r.open() // it has not begun
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted, m.expected = true, true
	return func() {
		m.mu.Lock()
		missed := m.missed
		m.muted, m.missed = false, false
		m.mu.Unlock()
		if missed {
			r.post(readied{r.node, r.number})
		}
	}
}

// strike: a test says how the run fails, so no helper of it does.
func (r *run) strike() {
	m := r.open()
	if m == nil { // it has ended meanwhile
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.struck = true
}

// isMuted: a supervisor that r serves says that it is ready, and nobody is to hear it.
func (r *run) isMuted() bool {
	m := r.own()
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.missed = m.muted
	return m.muted
}

// forget lets go of the contexts of a time of being served. Runs that hang keep theirs.
func (s *Supervisor) forget() {
	for n := s.plan.first; n != nil; n = n.next {
		if n.rare != nil {
			n.rare.labels = labels{}
		}
		if n.is(isLatent) && !n.is(alive) {
			s.settleFate(decided{n, n.number, nil, false})
		}
	}
}

// recall tells latent services what is to become of them, now that they are served again: since forget
// that was nothing, and who has not returned since the stop was told that its run is the last. Those
// that are launched right away see it by that.
func (s *Supervisor) recall() {
	for n := s.plan.first; n != nil; n = n.next {
		switch {
		case !n.is(isLatent) || s.plan.fate(n) == latent.Over:
		case n.is(alive):
			if !s.plan.isLast(n) {
				n.latent().Finish(n.number, latent.Stop{})
			}
		default:
			s.settleFate(decided{n, n.number, nil, false})
		}
	}
}

// cancel asks the run to stop. A supervisor that it serves gets the explanation, too.
func (s *Supervisor) cancel(n *node) {
	r, cause := n.run, s.plan.cause(n)
	if l := n.latent(); l != nil {
		l.Cancel(n.number, s.stopOf(n, cause))
		return
	}
	if n.subtree() != nil { // few are, and others do without further fields
		s.explainTo(r, cause)
	}
	r.ask(cause.Err)
	if n.is(isDirect) {
		n.rare.holds.inbox.poke()
	}
}

// stopOf is how a latent run is asked to stop.
func (s *Supervisor) stopOf(n *node, cause Reason) latent.Stop {
	isLast := s.plan.isLast(n)
	stop := latent.Stop{
		Cause: cause.Err, Final: isLast, Leaves: isLast && n.why != stopping,
		Failed: n.why == unasked || n.why.isFailure(),
	}
	if by := s.plan.stopLimit(n); by != never {
		stop.By = s.plan.wall(by)
	}
	return stop
}

// explainTo notes for the supervisor that r serves why it is asked to stop.
func (s *Supervisor) explainTo(r *run, cause Reason) {
	m := r.open()
	if m == nil {
		return
	}
	why := s.term.Load().why.Load()
	if cause.Text != "" || why == nil {
		why = s.explain(cause)
	}
	m.mu.Lock()
	m.why = why
	m.mu.Unlock()
}

// why is what cancel has noted; nil if nothing.
func (r *run) why() *explanation {
	m := r.own()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.why
}

// letGo forgets a run that has ended.
func (s *Supervisor) letGo(n *node) { n.run = nil }

// limit tells the run until when a supervisor that it serves must have stopped,
// and that supervisor, if it is known.
func (s *Supervisor) limit(e limit) {
	m := e.n.run.open() // no latent service is a supervisor
	if m == nil {
		return
	}
	m.mu.Lock()
	m.limited, m.stopBy = true, e.by
	m.mu.Unlock()
	if below := e.n.nested(); below != nil {
		below.post(hurry{s.clock.Load().on(below.clock.Load(), e.by)})
	}
}

// finishes tells a latent run that is being stopped, or hangs, that it is the last.
func (s *Supervisor) finishes(e finish) {
	l, cause := e.n.latent(), s.plan.reason(e.n, e.why).Err
	l.Finish(e.n.number, latent.Stop{Cause: cause, Final: true, Leaves: e.why.leaves()})
	if e.n.state == StateStuck && !e.n.is(inspecting) { // else it is yet to be reported, or returns
		l.Stuck(e.n.number)
	}
}

// hasten tells a run that is being stopped that it has less time for that now.
func (s *Supervisor) hasten(n *node) {
	if l := n.latent(); l != nil {
		l.Hasten(n.number, s.plan.wall(s.plan.stopLimit(n)))
	}
	if n.run == nil { // latent, and nobody has looked at its context
		return
	}
	if m := n.run.own(); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.hastened != nil {
			close(m.hastened)
			m.hastened = nil
		}
	}
}

// whenHastened is closed by the next hasten; nil: the run is over.
func (r *run) whenHastened() <-chan struct{} {
	m := r.open()
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hastened == nil {
		m.hastened = make(chan struct{})
	}
	return m.hastened
}

// stopBy is until when a supervisor that the run serves must have stopped, in the time
// of the one that runs it; never: no limit.
func (r *run) stopBy() instant {
	m := r.own()
	if m == nil {
		return never
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.limited {
		return never
	}
	return m.stopBy
}

// probe asks the run when it has last said that it is alive. The end of one that is
// over is on its way.
func (s *Supervisor) probe(n *node) {
	m := n.run.own()
	if m == nil {
		return
	}
	s.post(beaten{n, n.number, m.beats.Load(), instant(m.lastBeat.Load())})
}

// inspect has the stacks of the run looked up.
func (s *Supervisor) inspect(e inspect) {
	n, number := e.n, e.n.number
	answer := func(stacks string) { s.post(inspected{n, number, e.why, stacks}) }
	s.root().finder().find(s, n.stackOf(), answer)
}
