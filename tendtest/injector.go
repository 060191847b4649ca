package tendtest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/internal/latent"
)

// faults are what goes wrong in a tree, and the runs in it. They are its [fault.Injector].
// No code of a service or supervisor is called with mu held.
type faults struct {
	t testing.TB

	mu     sync.Mutex
	rules  []*rule // the later have the last word
	runs   []*victim
	served map[uint64]string // the paths of all services that have run, by their numbers
}

// rule is one thing that a test has said of services.
type rule struct {
	pattern string
	call    string // "Hang("root/db")"
	effects
	heals  bool
	starts int            // so many fail
	failed map[uint64]int // have, by the number of the service
	seen   bool           // there has been a service that matches
	off    bool
}

// effects are what lasts.
type effects struct {
	hang bool
	slow time.Duration
	mute bool
}

func newFaults(t testing.TB) *faults { return &faults{t: t, served: map[uint64]string{}} }

// of is what there is for a path now, and the last word about its starts; nil: none. The
// caller holds mu.
func (f *faults) of(path string) (e effects, starts *rule) {
	for _, r := range f.rules {
		switch {
		case r.off || !matches(r.pattern, path):
		case r.heals:
			e, starts = effects{}, nil
		case r.starts > 0:
			starts = r
		default:
			e.hang = e.hang || r.hang
			e.slow = max(e.slow, r.slow)
			e.mute = e.mute || r.mute
		}
	}
	return e, starts
}

// add adds a rule to a tree with such paths.
func (f *faults) add(r *rule, paths []string) {
	f.mu.Lock()
	for _, path := range slices.AppendSeq(slices.Clip(paths), maps.Values(f.served)) { // also of one that has left, and still hangs
		r.seen = r.seen || matches(r.pattern, path)
	}
	f.rules = append(f.rules, r)
	f.mu.Unlock()
	if r.heals {
		f.settleAll()
	}
}

// healAll ends all that was said.
func (f *faults) healAll() {
	f.mu.Lock()
	f.rules = slices.DeleteFunc(f.rules, func(r *rule) bool { return r.seen })
	for _, r := range f.rules {
		r.off = true // it is kept to be reported
	}
	f.mu.Unlock()
	f.settleAll()
}

// settleAll has those stop who were asked to and have nothing any more that keeps them from
// it, and those be heard who were not to be.
func (f *faults) settleAll() {
	f.mu.Lock()
	var acts []func()
	for _, v := range slices.Clone(f.runs) { // settle forgets some
		if act := f.settle(v); act != nil {
			acts = append(acts, act)
		}
		if e, _ := f.of(v.Path); v.unmute != nil && !e.mute {
			acts = append(acts, v.unmute)
			v.unmute = nil
		}
	}
	f.mu.Unlock()
	for _, act := range acts {
		act()
	}
}

// settle is what is to be done for a run that was asked to stop; nil: nothing now. The caller
// holds mu, and calls that without.
func (f *faults) settle(v *victim) func() {
	if !v.asked || v.passed {
		return nil
	}
	e, _ := f.of(v.Path)
	switch {
	case e.hang:
	case e.slow > 0 && !v.slowed:
		v.slowed = true
		time.AfterFunc(e.slow, func() { f.wake(v) })
	case e.slow > 0:
	default:
		v.passed = true
		f.forget(v)
		return v.pass
	}
	return nil
}

// wake ends the time of a slow stop.
func (f *faults) wake(v *victim) {
	f.mu.Lock()
	if e, _ := f.of(v.Path); v.passed || e.hang {
		f.mu.Unlock()
		return
	}
	v.passed = true
	f.forget(v)
	f.mu.Unlock()
	v.pass()
}

// begin notes that a run begins. It returns what lasts, and whether the start is to fail.
func (f *faults) begin(v *victim) (e effects, refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.rival(v); other != nil {
		f.t.Errorf("tendtest: two runs of %s at once: %d and %d", v.Path, other.Number, v.Number)
	}
	f.runs = append(f.runs, v)
	f.served[v.Service] = v.Path
	for _, r := range f.rules {
		r.seen = r.seen || matches(r.pattern, v.Path)
	}
	e, starts := f.of(v.Path)
	if refused = starts != nil && starts.failed[v.Service] < starts.starts; refused {
		starts.failed[v.Service]++
	}
	return e, refused
}

// rival is a run that is on and must not be when v begins; nil: there is none. The caller holds
// mu.
func (f *faults) rival(v *victim) *victim {
	others := 0
	for _, other := range f.runs {
		if other.Service != v.Service || other.over {
			continue
		}
		if others++; others > 1 || !v.overlaps(other) {
			return other
		}
	}
	return nil
}

// mute notes how a run that nobody hears is heard again: at once, if it has been healed since it
// began.
func (f *faults) mute(v *victim, unmute func()) {
	f.mu.Lock()
	e, _ := f.of(v.Path)
	if e.mute {
		v.unmute = unmute
	}
	f.mu.Unlock()
	if !e.mute {
		unmute()
	}
}

// ask notes that a run is asked to stop.
func (f *faults) ask(v *victim, cause error) {
	f.mu.Lock()
	v.asked, v.cause = true, cause
	act := f.settle(v)
	f.mu.Unlock()
	if act != nil {
		act()
	}
}

// end notes that the service has returned, and says how the run is to end.
func (f *faults) end(v *victim) ending {
	f.mu.Lock()
	defer f.mu.Unlock()
	v.over = true
	f.forget(v)
	return v.ending
}

// slept notes that a run is over which had nothing to do: no fault is in its way.
func (f *faults) slept(v *victim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v.over, v.passed = true, true
	f.forget(v)
}

// isByItself: a run without a goroutine has ended for that reason, and not because its
// supervisor has asked for it.
func (f *faults) isByItself(v *victim, cause error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	v.passed = cause == nil || v.ending.how != asItDoes
	return v.passed
}

// forget lets go of a run of which nothing is to come. The caller holds mu.
func (f *faults) forget(v *victim) {
	if v.over && v.passed {
		f.runs = slices.DeleteFunc(f.runs, func(other *victim) bool { return other == v })
	}
}

// strike has runs of services that match end, and returns them.
func (f *faults) strike(pattern string, e ending) (struck []*victim) {
	f.mu.Lock()
	for _, v := range f.runs {
		if v.over || v.ending.how != asItDoes || !matches(pattern, v.Path) {
			continue
		}
		struck = append(struck, v)
		if v.next == nil {
			v.ending = e
		}
	}
	f.mu.Unlock()
	for _, v := range struck {
		if v.next == nil {
			v.Strike()
			v.cancel(ErrFault)
		} else {
			v.next(e)
		}
	}
	return struck
}

// hasServed: a service with that number has run in the tree.
func (f *faults) hasServed(number uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.served[number] != ""
}

// reportUnused says which rules were for nobody.
func (f *faults) reportUnused(known string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if !r.seen {
			f.t.Errorf("tendtest: %s: no service has matched; there are\n%s", r.call, known)
		}
	}
}

// Serve runs a service, which may not be told at once that it is to stop, and may end
// otherwise than it does.
func (f *faults) Serve(ctx context.Context, r fault.Run, serve func(context.Context) error) error {
	inner, cancel := context.WithCancelCause(detached{ctx})
	v := newVictim(r, cancel)
	v.pass = func() { cancel(v.cause) }
	e, refused := f.begin(v)
	context.AfterFunc(ctx, func() { f.ask(v, context.Cause(ctx)) }) // it always ends, at the latest with the run
	if refused {
		f.end(v)
		return ErrFault
	}
	if e.mute {
		f.mute(v, r.Mute())
	}
	var end ending
	err := func() error {
		defer func() { end = f.end(v) }()
		return serve(inner)
	}()
	if end.how == asItDoes {
		return err
	}
	return end.do()
}

// Link stands between an actor and its supervisor.
func (f *faults) Link(r fault.Run, svc latent.Service, l latent.Link) latent.Link {
	v := newVictim(r, func(cause error) { svc.Cancel(r.Number, latent.Stop{Cause: cause}) })
	k := &link{Link: l, faults: f, victim: v}
	v.next = k.strikeNext
	e, refused := f.begin(v)
	if e.mute {
		k.muted = true
		f.mute(v, k.unmute)
	}
	k.refused.Store(refused)
	return k
}
