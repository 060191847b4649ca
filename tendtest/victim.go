package tendtest

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/fault"
	"github.com/tend-go/tend/internal/latent"
)

// victim is a run to which faults may come.
type victim struct {
	fault.Run
	cancel func(cause error) // asks the service to stop
	pass   func()            // goes on with what the supervisor has asked for
	next   func(ending)      // has an actor fail with its next message; nil: it is none

	// With faults.mu held.
	ending ending
	asked  bool // the supervisor has asked it to stop, because of cause
	cause  error
	unmute func() // it is ready for nobody until then; nil: it is
	slowed bool   // it gets to know that later
	passed bool   // it knows
	over   bool   // it has returned
}

func newVictim(r fault.Run, cancel func(error)) *victim {
	return &victim{Run: r, cancel: cancel}
}

// isRun: the run with that number, which is in that state, is v, and has not ended.
func (v *victim) isRun(number uint64, s tend.State) bool {
	return number == v.Number && tend.StateStarting <= s && s <= tend.StateStuck && s != tend.StateBackoff
}

// overlaps: both runs may be on at once. The later one knows, which need not have come to begin
// as the later.
func (v *victim) overlaps(other *victim) bool {
	later := v
	if other.Number > v.Number {
		later = other
	}
	return later.Beside && v.Record != other.Record
}

// ending is how a run ends.
type ending struct {
	how   how
	err   error
	value any
}

type how uint8

const (
	asItDoes how = iota
	returns
	panics
	exits
)

// do ends the run of the calling goroutine.
func (e ending) do() error {
	switch e.how {
	case panics:
		panic(e.value)
	case exits:
		runtime.Goexit()
		return nil
	default:
		return e.err
	}
}

// detached is a context without its end.
type detached struct{ context.Context }

func (detached) Done() <-chan struct{} { return nil }
func (detached) Err() error            { return nil }

// link is what the run of an actor has of its supervisor.
type link struct {
	latent.Link
	faults  *faults
	victim  *victim
	refused atomic.Bool // the run is to fail before it begins

	mu     sync.Mutex
	next   ending // of the run, with the next message
	muted  bool
	missed uint64 // the number of the run, if it has said meanwhile that it is ready
}

// Schedule is called at the end of the launch for the first time.
func (k *link) Schedule(t latent.Task) {
	if k.refused.CompareAndSwap(true, false) {
		k.faults.mu.Lock()
		k.victim.ending = ending{how: returns, err: ErrFault}
		k.faults.mu.Unlock()
		k.victim.cancel(ErrFault)
	}
	k.Link.Schedule(t)
}

// strikeNext has the next message fail that the actor takes in hand.
func (k *link) strikeNext(e ending) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = e
}

// Strike fails in the handler's place.
func (k *link) Strike() (is bool, err error) {
	k.mu.Lock()
	e := k.next
	k.next = ending{}
	k.mu.Unlock()
	if e.how == asItDoes {
		return false, nil
	}
	return true, e.do()
}

// Ready is not heard of a run that is mute.
func (k *link) Ready(number uint64) {
	k.mu.Lock()
	muted := k.muted
	if muted {
		k.missed = number
	}
	k.mu.Unlock()
	if !muted {
		k.Link.Ready(number)
	}
}

func (k *link) unmute() {
	k.mu.Lock()
	missed := k.missed
	k.muted = false
	k.mu.Unlock()
	if missed != 0 {
		k.Link.Ready(missed)
	}
}

// Context is that of the run, which its handler can make ready as well.
func (k *link) Context(number uint64, unready bool) (context.Context, context.CancelCauseFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.Link.Context(number, unready && !k.muted)
}

// Ended tells that the run is over: later, if it hangs or is slow, and otherwise than it was,
// if it was struck.
func (k *link) Ended(number uint64, made context.Context, cause, err error) {
	v := k.victim
	v.pass = func() {
		if end := k.faults.end(v); end.how != asItDoes {
			cause, err = nil, k.outcome(end)
		}
		k.Link.Ended(number, made, cause, err)
	}
	if k.faults.isByItself(v, cause) {
		v.pass()
	} else {
		k.faults.ask(v, cause)
	}
}

// Slept tells that the run is over, of which Ended is not called.
func (k *link) Slept(number uint64, made context.Context) {
	k.faults.slept(k.victim)
	k.Link.Slept(number, made)
}

// outcome is what the end of a run is to an actor's supervisor.
func (k *link) outcome(e ending) (err error) {
	switch e.how {
	case panics:
		defer func() { err = k.Broken(recover()) }()
		panic(e.value)
	case exits:
		return k.Broken(nil)
	default:
		return e.err
	}
}
