package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tend-go/tend"
)

// Options says what [Main] does besides serving the tree. The zero value of every
// field is a default. How the tree behaves, also how long it may take to stop,
// its [tend.Spec] says.
type Options struct {
	// Logger gets what this package has to say, which is little: the events of the
	// tree are logged by the tree. Nothing waits for it but the end of the program,
	// for 2s; it may hang or panic. Default: slog.Default when Run is called.
	Logger *slog.Logger

	// Stderr gets reports for people: what did not stop, and where it hangs if that is
	// not where the tree's [tend.ServiceStuck] has it; what SIGUSR1 asks for. Default:
	// os.Stderr.
	Stderr io.Writer

	// Reload are called one after another on SIGHUP, each also after one that
	// failed or panicked, which is logged. Their context ends when the stop
	// begins; it is not waited for them, and no other is called from then on. One
	// reload at a time: signals that come during one cause one more after it.
	Reload []func(ctx context.Context) error

	// Ready and Live are the checks behind /readyz and /livez, and Live is the one
	// behind systemd's watchdog too: nil means yes, an error says why not. Defaults:
	// [tend.Status.Ready] and [tend.Status.Alive]. A stricter Ready is
	// tend.Status.AllRunning, with which every service of the whole tree counts.
	// What they say to a probe is good for a second, for all who ask, and one that
	// does not return in 5s is a no; so they run in goroutines of their own, each of
	// them once at a time for the probes. Once the program is asked to stop they are
	// not called: it is not ready and live then.
	Ready, Live func(s tend.Status) error

	// StopDelay is how long the program goes on as before once it is asked to stop,
	// except that /readyz says no: for balancers that poll it and go on sending
	// until they have. Nothing is delayed if the tree has not been ready yet or ends
	// by itself. A second SIGINT ends the delay. Default: none.
	StopDelay time.Duration

	// Listen is the address, such as ":8081", of a listener for those outside:
	// /livez, /readyz and Handlers. Why one of the first two says no is nothing for
	// strangers: the same path of Debug has the reason. Empty: there is none.
	Listen string

	// Debug is the address of a listener for those who may see everything: what
	// Listen has, /debug/tree/ and /debug/pprof/. Without a host, as in ":6060",
	// it is on loopback, and on loopback it only answers requests for a loopback
	// name, so that no web site can read it by DNS rebinding. Wherever it is, it
	// answers no request that a browser sends for another site, but for a link to
	// the page. None of that is authentication, which Middleware is for: a program
	// elsewhere says what it likes in a Host header. Empty: there is none.
	Debug string

	// Middleware, if set, is put around all that Debug answers, and called once: the
	// place to ask who is there. What it does not hand on is not answered. Run
	// panics if it returns nil.
	Middleware func(http.Handler) http.Handler

	// Tree answers below /debug/tree/, which is cut off. It is meant for
	// observe.Handler(root, observe.Options{}). Default: the tree as text, all of it:
	// ?q=, ?state= and ?format= are the handler's.
	Tree http.Handler

	// Handlers are more of Listen, by pattern of [http.ServeMux]: "/metrics" for
	// instance. Run panics if one is nil or in conflict with another, or has one of
	// the paths above. The debug listener lists them at /, unless one of them is that.
	Handlers map[string]http.Handler

	// CrashDir is a directory, made if need be, for crash bundles: when a
	// supervisor escalates, and when a service does not stop, a directory is made
	// in it with the tree, the stacks, the last events and an execution trace of
	// the last seconds, for which a [runtime/trace.FlightRecorder] runs all the
	// time then (about 1 % of a core). They may hold secrets of the program and
	// only its user may read them. The newest 10 are kept, and not more than one
	// is written of escalations in a minute. It also gets a file of what the runtime
	// says when it ends the program, because of a panic outside of any service, a
	// fatal error or SIGQUIT: [runtime/debug.SetCrashOutput] is called for that, and
	// a file that the program has set is not used from then on; when Run has returned
	// none is, until the program sets one again. The newest 10 of these are kept as
	// well; up to 10 programs of one name may share a directory. Empty: none.
	CrashDir string
}

// withDefaults fills in what is zero and panics at what makes no sense.
func (o Options) withDefaults(root *tend.Supervisor) Options {
	if root == nil {
		panic("tend/app: the supervisor is nil")
	}
	_ = root.Name() // panics if it was not made by New
	for i, f := range o.Reload {
		if f == nil {
			panic(fmt.Sprintf("tend/app: Options.Reload[%d] is nil", i))
		}
	}
	for pattern, h := range o.Handlers {
		if h == nil {
			panic(fmt.Sprintf("tend/app: Options.Handlers[%q] is nil", pattern))
		}
		if isOwn(pattern) {
			panic(fmt.Sprintf("tend/app: Options.Handlers[%q]: package app answers there itself", pattern))
		}
	}
	if len(o.Handlers) > 0 && o.Listen == "" && o.Debug == "" {
		panic("tend/app: there are Options.Handlers, but neither Listen nor Debug")
	}
	if o.StopDelay < 0 {
		panic(fmt.Sprintf("tend/app: Options.StopDelay is %v", o.StopDelay))
	}
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Ready == nil {
		o.Ready = tend.Status.Ready
	}
	if o.Live == nil {
		o.Live = tend.Status.Alive
	}
	o.Ready, o.Live = redacted(root, o.Ready), redacted(root, o.Live)
	if strings.HasPrefix(o.Debug, ":") {
		o.Debug = "localhost" + o.Debug
	}
	_ = (&listeners{options: o}).routes(true) // panics if patterns are in conflict
	return o
}

// redacted is check with what it says, or panics with, as the tree would tell it.
func redacted(root *tend.Supervisor, check func(tend.Status) error) func(tend.Status) error {
	return func(s tend.Status) error {
		if err := try(func() error { return check(s) }); err != nil {
			return root.Reason(err)
		}
		return nil
	}
}
