package tend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"time"

	"github.com/tend-go/tend/internal/words"
)

// Service is anything that runs until it is done: a loop, a listener, a
// process, a whole [Supervisor].
//
// Serve blocks while the service works. It must return soon after ctx is done;
// [context.Cause] of ctx says why it is being stopped. What a return means
// while nobody asked for it depends on [Restart] and on the error, see the
// package documentation. Serve may be called again after it returned, never
// while it runs.
type Service interface {
	Serve(ctx context.Context) error
}

// Func makes a [Service] of a function. The name is what events, status and
// errors call it; default: the name of the function. It panics if serve is nil.
func Func(name string, serve func(ctx context.Context) error) Service {
	if serve == nil {
		panic(fmt.Sprintf("tend: Func %q: the function is nil", name))
	}
	if name == "" {
		name = runtime.FuncForPC(reflect.ValueOf(serve).Pointer()).Name()
	}
	return &funcService{name, serve}
}

type funcService struct {
	name  string
	serve func(context.Context) error
}

func (f *funcService) Serve(ctx context.Context) error { return f.serve(ctx) }

func (f *funcService) String() string { return f.name }

// Child is a [Service] together with how it wants to be supervised. It is a
// Service itself, so a library can hand out a ready-made Child and
// [Supervisor.Add] takes either. The zero value of every field but Service is
// the default.
//
// A Child in a Child: the inner one supplies what the outer one leaves zero.
type Child struct {
	// Service does the work. Add panics if it is nil.
	Service Service

	// Name is how the service is called in paths, events and status. Default:
	// the String method if the service has one, else the name of its type; never
	// its contents, which may be secret or changing. Names need not be unique.
	Name string

	// Restart says after which ends it is started again. Default [Permanent].
	Restart Restart

	// Timeout is how long the service may take to stop before it is reported as
	// stuck. Default: [Spec].Timeout. A nested supervisor gets as long as its own
	// services may take, unless Timeout is set: then that bounds the whole
	// subtree, as [Spec].StopWithin does.
	Timeout time.Duration

	// ReadyTimeout, if positive, keeps the service in state starting until it
	// calls [Ready]; it is a failure ([ErrNotReady]) if it does not in this time.
	// Zero: it counts as running once it is launched. As with Watchdog, it has that time
	// once more if the program was held up.
	ReadyTimeout time.Duration

	// Watchdog, if positive, is how often at least the running service must call
	// [Alive]; of an actor, which need not, for how long at most it may have one message
	// in hand, or New or Stop, without calling it. Silence for that long is a failure ([ErrUnresponsive]). If it is noticed
	// half that time late, or more, then the whole program was held up (the machine was
	// suspended, a manual clock advanced too far at once): the service has its time once
	// more.
	Watchdog time.Duration

	// Backoff and Limit are a budget of the service's own. If one of them is not
	// zero, its failures do not raise the supervisor's count: it waits for the
	// delays of Backoff, and when it has failed Limit times it stays down.
	Backoff Backoff
	Limit   Limit

	// Significant: once the last significant service of a supervisor has ended
	// by its own will (is done, or has left the tree) or has given up, the supervisor
	// stops too; with the first failure among them, if there was one. OTP calls this
	// auto_shutdown all_significant. A Permanent service ends by its
	// own will only with [ErrDoNotRestart]. While a significant service is down, no
	// supervisor above it is ready: see [Status.Ready].
	Significant bool
}

// With returns c with another service in its place: what f makes of the one that
// does the work, also if that is in a Child inside of c. So a wrapper leaves the
// settings where the supervisor looks for them. It panics if there is no service.
func (c Child) With(f func(Service) Service) Child {
	whole := c.whole()
	whole.Service = f(whole.Service)
	return *whole
}

// Serve runs the service.
func (c Child) Serve(ctx context.Context) error { return c.Service.Serve(ctx) }

// Restart says after which ends a service is started again.
type Restart uint8

// The restart types are OTP's.
const (
	// Permanent services are always started again; even returning nil is a
	// failure. Only [ErrDoNotRestart] ends one.
	Permanent Restart = iota
	// Transient services are started again after a failure. After nil they are
	// done: they stay in the tree, and run again if asked to or with their group.
	Transient
	// Temporary services run once and leave, whatever happens.
	Temporary
)

var restarts = words.New[Restart]("tend", "permanent", "transient", "temporary")

// String returns "permanent", "transient" or "temporary".
func (r Restart) String() string { return restarts.Of(r) }

// MarshalText returns what String does.
func (r Restart) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (r *Restart) UnmarshalText(text []byte) error { return restarts.Read(r, text) }

// What a service may return from Serve, wrapped or not.
var (
	// ErrDoNotRestart ends a service for good: it leaves the tree.
	ErrDoNotRestart = errors.New("tend: service asks not to be restarted")
	// ErrTerminateTree ends the supervisor of the service and, in turn, the
	// supervisors above it up to one with [Spec].KeepTermination.
	ErrTerminateTree = errors.New("tend: service asks to terminate the supervision tree")
)

// Why a service is being stopped: what [context.Cause] of its context is, or
// wraps. Other causes are the error given to [Supervisor.Restart], the error
// of a helper started with [Go], and, if the whole supervisor stops, the cause
// of that.
var (
	ErrRemoved          = errors.New("tend: service was removed")
	ErrSuspended        = errors.New("tend: service was suspended")
	ErrRestartRequested = errors.New("tend: restart was requested")
	ErrSiblingFailed    = errors.New("tend: a sibling failed and the group restarts")
	ErrReplaced         = errors.New("tend: service was replaced")
	ErrUnresponsive     = errors.New("tend: service did not call Alive in time")
	ErrNotReady         = errors.New("tend: service was not ready in time")
	ErrStopped          = errors.New("tend: supervisor was stopped")
)

// errServeReturned is the cause in the context of a run whose Serve has returned;
// helpers started with [Go] see it.
var errServeReturned = errors.New("tend: Serve has returned")

// What went wrong in a call or a run.
var (
	// ErrGoexit is the failure of a service that called [runtime.Goexit].
	ErrGoexit = errors.New("tend: service called runtime.Goexit")
	// ErrTooManyServices: [Spec].MaxServices is reached.
	ErrTooManyServices = errors.New("tend: supervisor holds as many services as it may")
	// ErrWrongSupervisor: the token is zero, or of a service that is neither this
	// supervisor's nor below it.
	ErrWrongSupervisor = errors.New("tend: token is not of a service below this supervisor")
)

// check panics if the settings of c make no sense; it runs in the caller of Add.
func (c *Child) check() {
	name := c.Name
	if name == "" {
		name = nameOf(c.Service)
	}
	bad := func(field string, value any) {
		panic(fmt.Sprintf("tend: Child %q: %s is %v", name, field, value))
	}
	if c.Restart > Temporary {
		bad("Restart", c.Restart)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Timeout", c.Timeout}, {"ReadyTimeout", c.ReadyTimeout}, {"Watchdog", c.Watchdog},
	} {
		if d.value < 0 {
			bad(d.field, d.value)
		}
	}
	if err := cmp.Or(c.Backoff.Validate(), c.Limit.Validate()); err != nil {
		panic(fmt.Sprintf("tend: Child %q: %v", name, err))
	}
}

// ownBudget: failures do not raise the supervisor's count.
func (c *Child) ownBudget() bool { return c.Backoff != (Backoff{}) || c.Limit != (Limit{}) }

// innermost is the service that does the work in a Child.
func innermost(svc Service) Service {
	for {
		switch c := svc.(type) {
		case Child:
			svc = c.Service
		case *Child:
			svc = c.Service
		default:
			return svc
		}
	}
}

// asChild returns the settings of svc, nil if it is not a Child.
func asChild(svc Service) *Child {
	switch c := svc.(type) {
	case Child:
		return c.whole()
	case *Child:
		if c == nil {
			panic("tend: Add of a nil *Child")
		}
		return c.whole()
	default:
		return nil
	}
}

// whole is a copy of c with what it leaves zero filled from a Child inside it.
func (c Child) whole() *Child {
	if c.Service == nil {
		panic(fmt.Sprintf("tend: Child %q: Service is nil", c.Name))
	}
	in := asChild(c.Service)
	if in == nil {
		return &c
	}
	return &Child{
		Service:      in.Service,
		Name:         cmp.Or(c.Name, in.Name),
		Restart:      cmp.Or(c.Restart, in.Restart),
		Timeout:      cmp.Or(c.Timeout, in.Timeout),
		ReadyTimeout: cmp.Or(c.ReadyTimeout, in.ReadyTimeout),
		Watchdog:     cmp.Or(c.Watchdog, in.Watchdog),
		Backoff:      cmp.Or(c.Backoff, in.Backoff),
		Limit:        cmp.Or(c.Limit, in.Limit),
		Significant:  c.Significant || in.Significant,
	}
}

func invalid(f float64) bool { return f < 0 || math.IsNaN(f) || math.IsInf(f, 0) }
