package cluster

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"time"

	"github.com/tend-go/tend/cluster/internal/store"
)

// Engine is what keeps the claims: of tendetcd.Engine, an embedded.Server or
// clustertest.NewEngine. It is sealed, as nobody outside of this module can name its types.
type Engine interface{ store.Store }

// Options are the settings of a [Node].
type Options struct {
	// Fleet is the namespace in the engine. Required. Names of fleets, nodes and roles are
	// 1 to 64 of [A-Za-z0-9._-].
	Fleet string
	// Name is unique in the fleet, and the same after a restart. Default: the host's name,
	// which in Kubernetes is the pod's.
	Name string
	// Engine keeps the claims. Required.
	Engine Engine
	// Addr is where other members reach this one. It is handed out as it is.
	Addr string
	// Meta is more for others to know, such as a zone; with Addr at most 4 KiB. No secrets:
	// the whole fleet reads it. It must not be changed any more.
	Meta map[string]string
	// TTL is after how much silence the engine gives claims away. Whole seconds, at least
	// 2s and at most a year. Default 10s.
	TTL time.Duration
	// Margin is for clocks, scheduling and the end of the process. Default TTL/20, at
	// least 500ms.
	Margin time.Duration
	// Settle is how long members must have been the same before what runs is moved.
	// Default 5s. With [math.MaxInt64] nothing ever is.
	Settle time.Duration
	// Moves is how many shards this node hands over at once to even the spread. Default 8.
	Moves int
	// Overrun is called if a service that was told ignores it and its claim is about to
	// end. If it panics, or has not returned after Margin/4, the default follows: say so
	// on stderr and os.Exit(70). Whoever returns with the process alive gives up that
	// there is one owner at a time.
	Overrun func(Claim)
	// EventHook gets each event, one after the other, off the node's loop, on a queue of
	// 1,024. Default: log to slog.Default.
	EventHook func(Event)
}

var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// longest is the longest TTL: a year. The times that follow from it are still instants.
const longest = 365 * 24 * time.Hour

// complete fills in the defaults, and panics if the settings make no sense.
func (o Options) complete() Options {
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	o.TTL = cmp.Or(o.TTL, 10*time.Second)
	o.Margin = cmp.Or(o.Margin, max(o.TTL/20, 500*time.Millisecond))
	o.Settle = cmp.Or(o.Settle, 5*time.Second)
	o.Moves = cmp.Or(o.Moves, 8)
	if o.EventHook == nil {
		o.EventHook = logEvent
	}
	o.check()
	return o
}

func (o Options) check() {
	size := len(o.Addr)
	for k, v := range o.Meta {
		size += len(k) + len(v)
	}
	switch {
	case !names.MatchString(o.Fleet):
		panic(fmt.Sprintf("tend/cluster: Options.Fleet is %q", o.Fleet))
	case !names.MatchString(o.Name):
		panic(fmt.Sprintf("tend/cluster: Options.Name is %q", o.Name))
	case o.Engine == nil:
		panic("tend/cluster: Options.Engine is nil")
	case o.TTL < 2*time.Second || o.TTL%time.Second != 0:
		panic(fmt.Sprintf("tend/cluster: Options.TTL is %v, which is not whole seconds and at least two", o.TTL))
	case o.TTL > longest:
		panic(fmt.Sprintf("tend/cluster: Options.TTL is %v, and at most %v", o.TTL, longest))
	case o.Margin < 0 || o.Margin >= o.TTL/2:
		panic(fmt.Sprintf("tend/cluster: Options.Margin is %v, with a TTL of %v", o.Margin, o.TTL))
	case o.Settle < 0:
		panic(fmt.Sprintf("tend/cluster: Options.Settle is %v", o.Settle))
	case o.Moves < 0:
		panic(fmt.Sprintf("tend/cluster: Options.Moves is %d", o.Moves))
	case size > 4<<10:
		panic(fmt.Sprintf("tend/cluster: Options.Meta and Addr are %d bytes, and 4096 are allowed", size))
	}
}

func logEvent(e Event) {
	slog.Default().LogAttrs(context.Background(), e.Level(), "cluster: "+e.Kind.String(), slog.Any("cluster", e))
}
