package actor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/latent"
	"github.com/tend-go/tend/internal/said"
)

// Handler is the state and the behaviour of one run of an actor. Handle gets one message
// at a time: no two calls overlap, and each sees what the last one wrote. Nil goes on with
// the next message. An error, a panic or runtime.Goexit ends the run and means what it
// means from Serve of a [tend.Service]: return one when the state can no longer be trusted.
//
// If the Handler has a method Stop(ctx context.Context, cause error) error, that is called
// once at the end of each run in which New succeeded, whatever ended it.
type Handler[M any] interface {
	Handle(ctx context.Context, m M) error
}

// Func is a [Handler] without a state that anybody sees.
type Func[M any] func(ctx context.Context, m M) error

// Handle calls f.
func (f Func[M]) Handle(ctx context.Context, m M) error { return f(ctx, m) }

// stopper is a Handler that wants to know of the end of its run.
type stopper interface {
	Stop(ctx context.Context, cause error) error
}

// Spec is what actors of one kind have in common. It may serve any number of actors, and
// must not be changed once it has been used.
type Spec[M any] struct {
	// New makes the state with which each run begins. An error is how the run ended.
	New func(ctx context.Context, self *Actor[M]) (Handler[M], error)

	// Mailbox is how many messages may wait, beside the one in hand. Default 256. There is
	// no "unbounded". Below 32 it costs more, as messages are handed over in batches.
	Mailbox int

	// DropOldest: a full mailbox loses its oldest message and takes the new one. Send never
	// waits then, and TrySend never fails for want of room.
	DropOldest bool

	// Drain: asked to stop for good, go on for this long with what waits already. Zero: the
	// message in hand is the last. It lies within the Timeout of Child.
	Drain time.Duration

	// Inline: an Ask of an idle actor runs Handle on the goroutine of the asker, which costs
	// half. It is for handlers that only compute. What the asker takes on: until Handle
	// returns, the end of its context is not noticed, and a lock that it holds is held;
	// Goexit in Handle ends its goroutine, too; and where supervisors pass panics through,
	// one panics in the asker. It goes with no Watchdog; one that a [tend.Child] around the
	// actor has makes its questions queue.
	Inline bool

	// Lost, if set, is called for each message that was taken and will not be handled to its
	// end, with the reason, on any goroutine and under no lock. A panic of it costs nothing.
	Lost func(m M, why error)

	members members[M] // the group that the actors belong to; nil: none
	pool    *Pool[M]   // whose messages they handle; nil: none
	front   *Pool[M]   // whose mailbox the actor is; nil: it is one of its own
	losses  *losses[M] // of several; nil: each tells its own

	// Child is how the actors are supervised: Restart, Timeout, ReadyTimeout, Watchdog,
	// Backoff, Limit, Significant. Service and Name must be zero. The Watchdog is for how long
	// an actor may have one message in hand, or New or Stop; it may call [tend.Alive] to get
	// more time. One that is idle is alive, and pays nothing.
	Child tend.Child
}

// Actor is a state that one handler at a time may touch, with a mailbox in front of it. It
// is a [tend.Service], to be added to a supervisor, and has no goroutine while it has
// nothing to do. Make one with [New]; all methods may be called at any time, from anywhere.
type Actor[M any] struct {
	name string
	spec *Spec[M]

	mu      sync.Mutex // held for a few instructions, and never while anything of others is called
	run     uint64     // the number of the run, above the flags
	link    latent.Link
	handler Handler[M] // of the run; nil: New has not returned, or there is none
	box     *box[M]    // what an idle actor does without: see rest
}

// The lower bits of Actor.run.
const (
	launched uint64 = 1 << iota // a run is on
	fresh                       // its New has not been called yet
	listed                      // it is having a turn, or waits for one
	asked                       // to stop
	closed                      // the mailbox is
	placed                      // it is in a tree
	alone                       // Serve was called
	begun                       // a run has begun, whose context this record was
	warm                        // it was busy before, since it was cold
	kept                        // its box is, though it is idle
	watched                     // the run has a Watchdog
	holdsUp                     // others wait until its New has returned
	free                        // it is on the list of its pool
	fallen                      // of a pool: it will not run again by itself
	asleep                      // the run has ended as there was nothing to do
	look                        // two bits more: how often the hand of its group has passed since its last turn
	_
	_
	flagBits  = iota
	flagsMask = 1<<flagBits - 1
	looks     = 7 * look
)

func (a *Actor[M]) is(f uint64) bool { return a.run&f != 0 }

func (a *Actor[M]) set(f uint64, on bool) {
	a.run &^= f
	if on {
		a.run |= f
	}
}

// number is the number of the current, or the latest, run.
func (a *Actor[M]) number() uint64 { return a.run >> flagBits }

// New makes an actor. The name is what it is called in paths, events and status; names
// need not be unique. It panics if spec or its New is nil, or a setting makes no sense.
func New[M any](name string, spec *Spec[M]) *Actor[M] {
	spec.check(name)
	return &Actor[M]{name: name, spec: spec}
}

func (s *Spec[M]) check(name string) {
	bad := func(what string, args ...any) {
		panic(fmt.Sprintf("tend/actor: New %q: "+what, append([]any{name}, args...)...))
	}
	switch {
	case s == nil:
		bad("the Spec is nil")
	case s.New == nil:
		bad("Spec.New is nil")
	case s.Mailbox < 0:
		bad("Spec.Mailbox is %d", s.Mailbox)
	case s.Drain < 0:
		bad("Spec.Drain is %v", s.Drain)
	case s.Child.Service != nil:
		bad("Spec.Child.Service is set")
	case s.Child.Name != "":
		bad("Spec.Child.Name is set")
	case s.Child.Watchdog > 0 && s.Inline:
		bad("Spec.Child.Watchdog is %v, and Inline is set: who asks has no watchdog", s.Child.Watchdog)
	case s.Drain > 0 && s.Child.Timeout > 0 && s.Drain >= s.Child.Timeout:
		bad("Spec.Drain is %v, and its Child.Timeout %v", s.Drain, s.Child.Timeout)
	}
}

// defaultMailbox is Spec.Mailbox if that is zero.
const defaultMailbox = 256

// size is how many messages may wait.
func (s *Spec[M]) size() int {
	if s.Mailbox == 0 {
		return defaultMailbox
	}
	return s.Mailbox
}

// String is the name.
func (a *Actor[M]) String() string { return a.name }

// ErrFull: TrySend found no room. A handler that returns it fails itself for the slowness
// of another: it rather waits with Send and its own context, or does without.
var ErrFull = errors.New("tend/actor: the mailbox is full")

// ErrGone: the actor is not there to handle the message, which was never begun. It wraps
// why: [tend.ErrRemoved], what the actor failed with for good, why its supervisor stopped.
var ErrGone = errors.New("tend/actor: the actor is gone")

// goneError is ErrGone with the reason.
type goneError struct {
	name string
	why  error
}

func (e *goneError) Error() string {
	if e.why == nil {
		return "tend/actor: " + e.name + " is gone"
	}
	return "tend/actor: " + e.name + " is gone: " + said.Text(e.why)
}

func (e *goneError) Is(target error) bool { return target == ErrGone }
func (e *goneError) Unwrap() error        { return e.why }
