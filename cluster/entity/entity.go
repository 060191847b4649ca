package entity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/cluster"
)

// Handler is the state and the behaviour of one run of an entity. Handle gets one message
// at a time and returns the answer; what the asker is to know, a refusal included, is part
// of R. An error or a panic ends the run, as it does of an actor: the asker gets
// [actor.ErrFailed], and a new state is made. With [tend.ErrDoNotRestart] the answer is given
// and the entity ends: it begins anew when it is asked again.
//
// If the Handler has a method Stop(ctx context.Context, cause error) error, that is called
// once at the end of each run. The cause is nil if the entity is put to sleep.
type Handler[M, R any] interface {
	Handle(ctx context.Context, m M) (R, error)
}

// Spec is how the entities of one kind are.
type Spec[M, R any] struct {
	// Role is of the shards: Shards is required, and the same in the whole fleet.
	Role cluster.Spec

	// New makes the state with which each run begins. An error that is [tend.ErrDoNotRestart]
	// refuses the key: the asker gets an [actor.ErrGone] with its text. After any other the
	// messages wait until New succeeds. Nil: this node has no entities and only asks.
	New func(ctx context.Context, key string) (Handler[M, R], error)

	// Idle is after how long without a message an entity is put to sleep. 0: never.
	Idle time.Duration

	// Active is how many a shard may have at once; one more is [tend.ErrTooManyServices].
	// 0: no limit. Whoever may ask can make entities, so give a limit where strangers do.
	Active int

	// Mailbox is how many messages may wait for an entity. Default 256; asking waits for room.
	Mailbox int

	// Child is how each is supervised, as [actor.Spec].Child. All of a shard have to stop
	// within Role.Tree.Timeout, whatever the Timeout here.
	Child tend.Child

	// Transport carries messages to other nodes. Required.
	Transport Transport

	// Marshal and Unmarshal are for what goes to other nodes and comes from there. Default:
	// those of encoding/json.
	Marshal   func(v any) ([]byte, error)
	Unmarshal func(data []byte, v any) error
}

// Entities are all of one kind. They are a role of the node: a service, to be added to the
// tree. Make them with [New]; all methods may be called at any time, from any goroutine.
type Entities[M, R any] struct {
	node *cluster.Node
	role *cluster.Role[*group[M, R]]
	spec Spec[M, R]
}

type group[M, R any] = actor.Group[string, asked[M, R]]

// asked is a message with the place of its answer.
type asked[M, R any] struct {
	message M
	answer  actor.Reply[R]
}

// New makes the entities of a name, which is that of their role: add them to the tree. It
// panics if the Spec makes no sense, or the node has a role of that name.
func New[M, R any](n *cluster.Node, name string, spec Spec[M, R]) *Entities[M, R] {
	switch {
	case spec.Role.Shards < 1:
		panic(fmt.Sprintf("tend/entity: New %q: Spec.Role.Shards is %d", name, spec.Role.Shards))
	case spec.Transport == nil:
		panic(fmt.Sprintf("tend/entity: New %q: Spec.Transport is nil", name))
	case (spec.Marshal == nil) != (spec.Unmarshal == nil):
		panic(fmt.Sprintf("tend/entity: New %q: one of Spec.Marshal and Spec.Unmarshal is nil", name))
	case spec.Active < 0:
		panic(fmt.Sprintf("tend/entity: New %q: Spec.Active is %d", name, spec.Active))
	}
	if spec.Marshal == nil {
		spec.Marshal, spec.Unmarshal = json.Marshal, json.Unmarshal
	}
	e := &Entities[M, R]{node: n, spec: spec}
	if spec.New == nil {
		e.role = cluster.NewRole[*group[M, R]](n, name, spec.Role, nil)
		return e
	}
	_ = e.host(0) // what makes no sense is to panic here, and not where a shard begins
	e.role = cluster.NewRole(n, name, spec.Role, e.host)
	spec.Transport.Listen(name, e.receive)
	return e
}

// String returns the name.
func (e *Entities[M, R]) String() string { return e.role.String() }

// Serve takes shards of the role, until ctx ends. Its supervisor calls it.
func (e *Entities[M, R]) Serve(ctx context.Context) error { return e.role.Serve(ctx) }

// Supervisor is that of the shards here.
func (e *Entities[M, R]) Supervisor() *tend.Supervisor { return e.role.Supervisor() }

// Owner is who has the key, as [cluster.Role.Owner] says.
func (e *Entities[M, R]) Owner(key string) (cluster.Claim, bool) { return e.role.Owner(key) }
