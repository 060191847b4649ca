// Package fault is how a test has the services of a tree go wrong without a change to
// their code. An injector travels in the context that a root is served with, so trees
// that are tested beside each other do not meet, and a tree that is not tested has none.
package fault

import (
	"context"
	"errors"

	"github.com/tend-go/tend/internal/latent"
)

// Injector stands between a supervisor and the runs of its services.
type Injector interface {
	// Serve runs a service on the goroutine of the run: it calls serve, with ctx or one that
	// comes from it, or does what it likes.
	Serve(ctx context.Context, r Run, serve func(context.Context) error) error
	// Link is what a service without a goroutine gets in place of l. It is called on the
	// supervisor's loop, and so waits for nothing.
	Link(r Run, svc latent.Service, l latent.Link) latent.Link
}

// Run is what an injector is told of a run.
type Run struct {
	Path    string
	Service uint64 // the number of its token
	Number  uint64 // the incarnation
	Record  any    // the supervisor's, of the service: in one place there may be several
	Beside  bool   // one run of another record may be on in the same place when this begins
	// Mute has the supervisor not hear it when the run says that it is ready, until unmute is
	// called. It is to be called before the service is; nil: of a run without a goroutine.
	Mute func() (unmute func())
	// Strike is called before the injector ends the context of the run, and says itself how it
	// fails: what its helpers say from then on is beside that. nil: of a run without a goroutine.
	Strike func()
}

// Err is what starts fail with that a test wants to fail, and why a run is asked to stop that
// is to end otherwise than it does.
var Err = errors.New("tendtest: a fault of the test")

type key struct{}

// Faults are what a supervisor keeps of its tree's injector: a pointer, as each has one.
type Faults struct{ Injector }

// With is ctx with an injector for the tree that is served with it.
func With(ctx context.Context, i Injector) context.Context {
	return context.WithValue(ctx, key{}, &Faults{i})
}

// From are the faults in ctx; nil: there are none.
func From(ctx context.Context) *Faults {
	f, _ := ctx.Value(key{}).(*Faults)
	return f
}
