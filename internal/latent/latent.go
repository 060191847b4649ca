// Package latent is what a supervisor and a service without a goroutine say to each
// other. Such a service is launched by a call, works on goroutines that it shares with
// others, and says when the run is over. Nothing else differs from a service that has a
// goroutine: the plan knows both by their record and the number of the run.
package latent

import (
	"context"
	"sync"
	"time"

	"github.com/thejerf/abtime"
)

// Source is a service that may be latent. It is, if Latent returns what stands for the
// service itself: that of a value inside of another, which has a Serve of its own, does
// not.
type Source interface{ Latent() Service }

// Of returns the Service that svc is, and whether it is one.
func Of(svc any) (Service, bool) {
	source, is := svc.(Source)
	if !is {
		return nil, false
	}
	s := source.Latent()
	return s, s.Itself() == svc
}

// Service is what a supervisor asks of a service without a goroutine. Its loop calls the
// first six, one at a time; they take one short lock, call no user code and wait for
// nothing.
type Service interface {
	// Launch begins a run. The one before it has ended.
	Launch(l Link, run uint64)
	// Cancel asks the run to stop: once, and before that if it is ending because something that it
	// has started has failed. One that was asked, or is over though nobody knows yet what comes of
	// that, takes notice of why.Final alone.
	Cancel(run uint64, why Stop)
	// Finish says, if why.Final is true, that the run, which has not returned since it was asked to
	// stop, or hangs, is the last: the service was to run again. If it is false, it is to after all:
	// it is served again. Either may be said more than once.
	Finish(run uint64, why Stop)
	// Hasten says that the run, which is being stopped, is taken as stuck earlier than it was
	// told: see Stop.By.
	Hasten(run uint64, by time.Time)
	// Stuck says that the run has been reported as stuck, and again when it is the last.
	Stuck(run uint64)
	// Settle says what has become of the service, at the end of each run and whenever that
	// turns out otherwise later.
	Settle(s Settled)

	// Enter takes the service into a tree; it panics if it is in one, or works elsewhere. It
	// is out of it again when it is told that it is Gone. The caller of Add calls it; l is
	// that of all its runs.
	Enter(l Link)
	// IsMember: it is one of many of its kind that come and go with what there is to do, so
	// that only failures of it are told.
	IsMember() bool
	// Itself is the service that was added. Anybody may ask.
	Itself() any
	// Worker is the number of the worker on which the service has its turn; 0: none.
	Worker() uint64
	// Mailbox is what there is to say of its messages.
	Mailbox() Mailbox
	// Settings are those that it has in common with others of its kind, a *tend.Child; nil:
	// none. They do not change.
	Settings() any
}

// Mailbox is what there is to say of the messages of a service.
type Mailbox struct {
	Waiting, Size int
	Open          int // questions that are not answered, but for one that is in hand inline
	// Oldest is since when the oldest waits, Handling since when the one in hand is; zero:
	// none, or nobody knows. They are right to within a turn.
	Oldest, Handling time.Time
	Lost             uint64
}

// Stop is why and how a run is asked to stop.
type Stop struct {
	Cause error
	// Final: the service will not run again by itself, and is not merely suspended.
	Final bool
	// Leaves: it alone is to leave the tree.
	Leaves bool
	// Failed: the run counts as failed, and has nothing to finish.
	Failed bool
	// By is when it is taken as stuck; zero: nothing bounds it.
	By time.Time
}

// Settled is what has become of a service whose run has ended.
type Settled struct {
	Run    uint64 // the number of the latest run
	Fate   Fate
	Err    error // what the run failed with, or why it was asked to stop; nil: neither, or for Link.Stopped
	Failed bool  // the former
}

// Fate is what is to become of a service that does not run.
type Fate uint8

const (
	// Again: it will run again by itself, or does already.
	Again Fate = iota
	// Kept: it stays, and runs when somebody asks for that.
	Kept
	// Over: it has failed for good, or its supervisor has stopped.
	Over
	// Gone: it has left the tree.
	Gone
)

// Striker is the Link of a tree under test, which has messages fail.
type Striker interface {
	// Strike is called with a message in hand, in place of the handler, and may panic or exit
	// like one. If it returns true the handler is not called, and err is what it has returned.
	Strike() (is bool, err error)
}

// Link is what a run has of its supervisor. Any goroutine may call it.
type Link interface {
	// Ready says that the run is up, if the service has to say so.
	Ready(run uint64)
	// Ended says that the run is over, once for each Launch. It asks err, which is user code,
	// what it is and says. Made is what Context has made, nil if it was not called: goroutines that
	// belong to the run are waited for elsewhere.
	Ended(run uint64, made context.Context, cause, err error)
	// Broken is how a run ends that panicked with v or, if v is nil, has called
	// [runtime.Goexit]. The deferred function that recovered v calls it. If the supervisor
	// passes panics through it panics with v.
	Broken(v any) error
	// Context makes the context of the run with all that tend's functions look for in it:
	// few runs need one. It has the values of the one that the supervisor is served with.
	Context(run uint64, unready bool) (context.Context, context.CancelCauseFunc)
	// Opened says that the run has that context, which Context has made, and no other.
	Opened(run uint64, made context.Context)
	// Beside tells that something of the run has failed, and that is not how it ends. It asks
	// err what it says.
	Beside(run uint64, err error)
	// Schedule gives t a turn, on a goroutine that all latent services of the tree share. It
	// must not be waiting for one already.
	Schedule(t Task)
	// IsCrowded: others wait for turns.
	IsCrowded() bool
	// Waits are who waits for whom in the tree.
	Waits() *Waits
	// Keep says that k is idle, and holds something in case that it soon is not. Another one
	// that did so long ago is made to Shrink.
	Keep(k Keeper)
	// Scratch is [Scheduler.Scratch].
	Scratch() *sync.Pool
	// Awaited: the run has to say when it is ready. Launch may ask.
	Awaited() bool
	// Watchdog is for how long a run may have one thing in hand; 0: for ever. Launch may ask.
	Watchdog() time.Duration
	// Watch is [Scheduler.Watch], and Unwatch is that.
	Watch(v *Vigil)
	Unwatch(v *Vigil)
	// Silent says that the run has had one thing in hand for too long. It waits for nothing.
	Silent(run uint64)
	// Alive is when a run whose context is made has last said that it is; 0: never, or made
	// is nil.
	Alive(made context.Context) time.Duration
	// Lost tells that n messages of a kind will not be handled to their end, and why.
	Lost(n uint64, kind string, why error)
	// Clock is the clock of the tree.
	Clock() abtime.AbstractTime
	// Record is what the supervisor has for the service.
	Record() any
	// Stopped is why the supervisor is stopping, or has stopped last; nil: neither.
	Stopped() error
	// Service is what was added. Only a run may ask.
	Service() any
	// Slept is Ended of a run that had nothing to do: the service leaves. Nothing of the run
	// is left but its context.
	Slept(run uint64, made context.Context)
	// HasHelpers: goroutines belong to the run whose context made is.
	HasHelpers(made context.Context) bool
	// Moment is the time of the tree to within a turn, as [Scheduler.Moment] says, and costs
	// no reading of a clock while there is one. When is what time of day that was for the
	// service.
	Moment() time.Duration
	// Note reads the clock, and that is what Moment says from then on.
	Note() time.Duration
	When(m time.Duration) time.Time
}

// Host is the supervisor that a group of services belongs to.
type Host interface {
	// Add adds members, all with one message; patient: it waits while the supervisor has more
	// to do than it gets done.
	Add(members []any, patient bool)
	// Remove makes those leave to whom these belong, with one message.
	Remove(members []Link)
	// Lost is [Link].Lost of several.
	Lost(n uint64, kind string, why error)
	// Clock is the clock of the tree, as it is now.
	Clock() abtime.AbstractTime
}

// HostOf is how package actor gets at a *tend.Supervisor, which says so much to nobody
// else. Package tend sets it.
var HostOf func(supervisor any) Host
