// Package peer is what the benchmarks know of a library for supervision or actors. One
// more library is one more file like suture.go or hollywood.go, and a line in [All].
package peer

import (
	"context"
	"sync/atomic"

	_ "github.com/tend-go/tend/benchmarks/internal/namesakes" // before the peers that need it
)

// Work is a service, as all peers run it.
type Work interface {
	Serve(ctx context.Context) error
	String() string
}

// Peer is a library, or a way of doing the same without one.
type Peer interface {
	// Name is short, as columns are headed with it.
	Name() string
	// Module is where it comes from; empty: the standard library.
	Module() string
	// Setup says in a sentence how it is used here.
	Setup() string
	// Cannot says why it cannot do something; empty: it can.
	Cannot(Ability) string
	// New makes a supervisor that has not been started. Restarts are unlimited and
	// without delay, what is logged goes nowhere, and services may take minutes to stop.
	New(Config) Supervisor
	// Actors makes a place for actors, which runs. The same holds for restarts and logs;
	// slog.Default is silent already.
	Actors(ActorConfig) Actors
}

// Config says what a supervisor is going to be used for.
type Config struct {
	// Services is how many services will be added, so that what the harness keeps
	// of them can be made before anything is measured.
	Services int
	// Removes: services will be removed one by one. The limit keeps a channel for
	// each only then.
	Removes bool
	// Events, if not nil, counts what the library's event hook is called with and
	// what it says that it dropped.
	Events *atomic.Int64
	// Subscribers is how many others are told of the events, each on a goroutine of its own
	// that ends before Stop returns. Told, which is set if there are any, counts what they
	// get, and what is dropped. Nothing is nested then.
	Subscribers int
	Told        *atomic.Int64
}

// Supervisor is one supervisor of a peer. Methods that a peer has declared as
// [Peer.Cannot] are not called; any of them may panic when the library refuses.
type Supervisor interface {
	// Add adds w as number i, less than Config.Services and used once. It is
	// started now, if the supervisor has been. Only called by several goroutines
	// at a time if the peer can [AddRunning], and then with different numbers.
	Add(i int, w Work)
	// Nest adds another supervisor, before Start.
	Nest(Config) Supervisor
	// Start starts the supervisor with all that is below it. It need not wait for
	// the services. It is called on the outermost one only.
	Start()
	// Remove stops number i and waits until it has ended; i counts by Add.
	Remove(i int)
	// List returns how many services the library's own list has.
	List() int
	// Stop stops everything and waits for it. The supervisor is not used again.
	Stop()
}

// Shower is a Supervisor that can [Show].
type Shower interface {
	// Show returns what the library has to show of all services, for encoding/json, and how
	// many these are.
	Show() (all any, services int)
}

// Ability is something that not every peer can do.
type Ability string

// The abilities.
const (
	AddBefore  Ability = "add before the start"
	AddRunning Ability = "add while running"
	Restart    Ability = "restart what fails"
	Remove     Ability = "remove one service"
	List       Ability = "list the services"
	Nest       Ability = "nest supervisors"
	Hook       Ability = "tell of events"
	Subscribe  Ability = "tell several of events"
	Show       Ability = "show the state of all"
	Act        Ability = "run actors"
	Key        Ability = "find actors by a key of any type"
	Inline     Ability = "answer on the goroutine that asks"
)

// Abilities are all of them, in the order in which they are reported.
func Abilities() []Ability {
	return []Ability{AddBefore, AddRunning, Restart, Remove, List, Nest, Hook, Subscribe, Show, Act, Key, Inline}
}

// The names of those that the targets speak of.
const (
	Tend         = "tend"
	TendNoLabels = "tend NoLabels"
	Suture       = "suture v4"
	Limit        = "raw"
	LimitBelow   = "raw, one parent"
	Hollywood    = "hollywood"
	Protoactor   = "protoactor"
)

// All returns the peers, the limit first.
func All() []Peer {
	return []Peer{
		raw{},
		raw{below: true},
		tendPeer{},
		tendPeer{noLabels: true},
		suturePeer{},
		capatazPeer{},
		errgroupPeer{},
		oklogPeer{},
		hollywoodPeer{},
		protoactorPeer{},
	}
}

// Named returns the peer of that name, nil if there is none.
func Named(name string) Peer {
	for _, p := range All() {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// background is what root contexts are made from: the benchmarks are programs.
func background() context.Context { return context.Background() }

// must: in a scenario nothing fails that the scenario does not make fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
