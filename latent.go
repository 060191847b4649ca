package tend

import (
	"cmp"
	"context"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/thejerf/abtime"

	"github.com/tend-go/tend/internal/goroutines"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/timerid"
)

// The supervisor's side of services without a goroutine, see package latent: how they are
// asked to stop and learn what is to become of them, and what their runs say to the record
// that stands for them.

// latent is the service of n; nil if it has a goroutine, or has left.
func (n *node) latent() latent.Service {
	if !n.is(isLatent) || n.svc == nil {
		return nil
	}
	source, is := innermost(n.svc).(latent.Source) // and is what that is of: else it had no flag
	if !is {
		return nil
	}
	return source.Latent()
}

// shared are the settings of a latent service that has none of its own: those of its kind,
// which no record needs to hold.
func (n *node) shared() *Child {
	if n.svc == nil { // it has left
		return &defaults
	}
	conf, _ := n.latent().Settings().(*Child) // they do not change
	return conf
}

// mailbox is what has one: a latent service, or a pool of them, which is a supervisor.
type mailbox interface{ Mailbox() latent.Mailbox }

// mailbox is that of n; nil if it has none, or has left.
func (n *node) mailbox() mailbox {
	if !n.is(isLatent|isSupervisor) || n.is(isDirect) || n.svc == nil {
		return nil
	}
	b, _ := innermost(n.svc).(mailbox)
	if l := n.latent(); l != nil {
		b = l
	}
	return b
}

// mailboxOf is what there is to say of messages.
func mailboxOf(b mailbox) *Mailbox {
	if b == nil {
		return nil
	}
	m := b.Mailbox()
	return &Mailbox{Waiting: m.Waiting, Size: m.Size, Open: m.Open, Oldest: m.Oldest, Handling: m.Handling, Lost: m.Lost}
}

// isFinal: a service that is asked to stop for this reason will not run again by itself,
// and is not merely suspended.
func (w why) isFinal() bool { return w == stopping || w.leaves() }

// leaves: the service alone is to leave the tree.
func (w why) leaves() bool { return w == removal || w == replaced }

// scheduler gives turns to the latent services of the tree whose root s is.
func (s *Supervisor) scheduler() *latent.Scheduler {
	if s.turns.Load() == nil {
		s.turns.CompareAndSwap(nil, &latent.Scheduler{
			Name: s.labelWorker,
			Now:  func() time.Duration { return s.clock.Load().now() },
			After: func(d time.Duration, f func()) abtime.Timer {
				return s.clock.Load().AfterFunc(d, f, timerid.Watchdog)
			},
		})
	}
	return s.turns.Load()
}

// labelWorker labels a goroutine that latent services share as those of other services are: with
// the labels of the context of Serve. Its number is one of those of services, so that nobody
// takes one for the other.
func (s *Supervisor) labelWorker() (number uint64, labels context.Context) {
	number, labels = lastID.Add(1), context.Background()
	if t := s.term.Load(); t.begun.Load() && !s.plan.spec.NoLabels { // else there is none, or one that may be anybody's code
		labels = t.base
	}
	return number, pprof.WithLabels(labels, pprof.Labels(goroutines.Label, goroutines.LabelOf(s.place(), "worker", number)))
}

// settleFate tells a latent service what is to become of it.
func (s *Supervisor) settleFate(e decided) {
	e.n.latent().Settle(latent.Settled{Run: e.run, Fate: s.plan.fate(e.n), Err: e.why, Failed: e.failed})
}

// ofRun is the record as a run of a latent service sees it. It is no piece of memory of
// its own: there may be a million.
type ofRun node

func (l *ofRun) Ready(number uint64) { l.sup.post(readied{(*node)(l), number}) }

func (l *ofRun) Record() any { return (*node)(l) }

func (l *ofRun) Stopped() error { return l.sup.term.Load().lastStop() }

func (l *ofRun) Service() any { return innermost(l.svc) }

func (l *ofRun) Schedule(t latent.Task) { l.sup.root().scheduler().Ready(t) }

func (l *ofRun) IsCrowded() bool { return l.sup.root().scheduler().IsCrowded() }

func (l *ofRun) Waits() *latent.Waits { return &l.sup.root().scheduler().Waits }

func (l *ofRun) Keep(k latent.Keeper) { l.sup.root().scheduler().Keep(k) }

func (l *ofRun) Scratch() *sync.Pool { return &l.sup.root().scheduler().Scratch }

// Awaited and Watchdog are called by the loop.

func (l *ofRun) Awaited() bool { return (*node)(l).conf().ReadyTimeout > 0 }

func (l *ofRun) Watchdog() time.Duration { return (*node)(l).conf().Watchdog }

func (l *ofRun) Watch(v *latent.Vigil) { l.sup.root().scheduler().Watch(v) }

func (l *ofRun) Unwatch(v *latent.Vigil) { l.sup.root().scheduler().Unwatch(v) }

func (l *ofRun) Silent(number uint64) { l.sup.post(silent{(*node)(l), number}) }

func (l *ofRun) Alive(made context.Context) time.Duration {
	if made == nil {
		return 0
	}
	m := runOf(made).own()
	if m == nil {
		return 0
	}
	return time.Duration(m.lastBeat.Load())
}

func (l *ofRun) Beside(number uint64, err error) {
	l.sup.post(erred{(*node)(l), number, l.sup.Reason(err)})
}

func (l *ofRun) Lost(n uint64, kind string, why error) {
	l.sup.post(lost{(*node)(l), n, kind, l.sup.Reason(why)})
}

func (l *ofRun) Clock() abtime.AbstractTime { return l.sup.clock.Load().AbstractTime }

func (l *ofRun) Moment() time.Duration { return l.sup.root().scheduler().Moment() }

func (l *ofRun) Note() time.Duration { return l.sup.root().scheduler().Note() }

// When is by the clock of the supervisor, as all times in its status are.
func (l *ofRun) When(m time.Duration) time.Time {
	own := l.sup.clock.Load()
	return own.epoch.Add(l.sup.root().clock.Load().on(own, m))
}

func (l *ofRun) Broken(v any) error {
	switch {
	case v == nil:
		return ErrGoexit
	case l.sup.plan.spec.PassThroughPanics:
		panic(v)
	default:
		return newPanicError(v)
	}
}

func (l *ofRun) Context(number uint64, unready bool) (context.Context, context.CancelCauseFunc) {
	r := &run{node: (*node)(l), number: number, base: cmp.Or(l.sup.term.Load().base, context.Background())}
	m := r.open()
	m.latent, m.expected, m.unready = true, true, unready // it does not have to say so itself, and may
	m.clock = l.sup.root().clock.Load()                   // of the scheduler, which looks when it was alive
	ctx, cancel := context.WithCancelCause(r)
	r.cancel = cancel
	return ctx, cancel
}

func (l *ofRun) Opened(number uint64, made context.Context) {
	l.sup.post(opened{(*node)(l), number, runOf(made)})
}

func (l *ofRun) HasHelpers(made context.Context) bool { return made != nil && runOf(made).hasHelpers() }

func (l *ofRun) Slept(number uint64, made context.Context) {
	r := runOf(cmp.Or(made, context.Background()))
	if r == nil { // mostly
		l.sup.post(slept{(*node)(l), number})
		return
	}
	sleep := func() {
		if failed := r.join(false); failed != nil {
			r.report(failed, r.newOutcome(nil))
			return
		}
		l.sup.post(slept{(*node)(l), number})
	}
	if r.hasHelpers() { // one that was started a moment ago: others are to sleep as well
		go sleep()
		return
	}
	sleep()
}

func (l *ofRun) Ended(number uint64, made context.Context, cause, err error) {
	n := (*node)(l)
	if made == nil && err == nil { // mostly: there is nothing to ask
		l.sup.post(exited{&outcome{n: n, why: Reason{Text: returnedNil}, verdict: fine}})
		return
	}
	if made == nil {
		var cancel context.CancelCauseFunc
		if made, cancel = l.Context(number, false); cause != nil {
			cancel(cause)
		}
	}
	r := runOf(made)
	if out := r.newOutcome(err); r.hasHelpers() {
		go r.end(made, out) // it waits for them
	} else {
		r.end(made, out)
	}
}

// host is a supervisor as the group sees it that it belongs to.
type host Supervisor

func init() {
	latent.HostOf = func(supervisor any) latent.Host {
		s, _ := supervisor.(*Supervisor)
		return (*host)(s)
	}
}

func (h *host) Add(members []any, patient bool) {
	s := (*Supervisor)(h)
	nodes := make([]*node, len(members))
	for i, m := range members {
		svc, _ := m.(Service)
		nodes[i] = s.newNode(svc)
	}
	s.send(addAll{nodes}, patient)
}

func (h *host) Remove(members []latent.Link) {
	nodes := make([]*node, len(members))
	for i, l := range members {
		nodes[i], _ = l.Record().(*node)
	}
	(*Supervisor)(h).wish(removeAll{nodes})
}

func (h *host) Lost(n uint64, kind string, why error) {
	s := (*Supervisor)(h)
	s.post(lost{nil, n, kind, s.Reason(why)})
}

func (h *host) Clock() abtime.AbstractTime { return (*Supervisor)(h).clock.Load().AbstractTime }
