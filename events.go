package tend

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/tend-go/tend/internal/treepath"
)

// Event is one thing that happened in a tree. The set is sealed: an Event is
// one of the structs of this file. Every event is a [slog.LogValuer]: its group
// holds "event" (the kind, such as "service failed"), the attributes of its
// [Origin] and its own. Events are values; they stay valid for ever. In JSON they
// are objects with "kind", the fields of their origin and their own;
// [Kind.Decode] reads them.
//
//sumtype:decl
type Event interface {
	slog.LogValuer
	json.Marshaler
	// Kind says which of the structs it is.
	Kind() Kind
	// Level is how much it should worry an operator.
	Level() slog.Level
	// From says where and when it happened.
	From() Origin
	// String is the event in one readable line without the time.
	String() string

	effect // only this package makes events: a plan wants them to be told
}

// Origin says where and when an event happened.
type Origin struct {
	Time time.Time `json:"time"`
	// Supervisor is the path of the supervisor, "root/db", see [Status].Path.
	Supervisor string `json:"supervisor"`
	// Service is the name of the service it is about; empty when it is about the
	// supervisor itself.
	Service string `json:"service,omitempty"`
	// Token is the service's; zero when the event is about the supervisor itself.
	Token ServiceToken `json:"id,omitzero"`
	// Incarnation is the number of the service's run, from 1.
	Incarnation uint64 `json:"incarnation,omitempty"`
}

// From returns o, and makes every struct that embeds an Origin tell it.
func (o Origin) From() Origin { return o }

// Path is the path of the service, or of the supervisor if it is about that.
func (o Origin) Path() string {
	if o.Service == "" {
		return o.Supervisor
	}
	return treepath.Join(o.Supervisor, o.Service)
}

// The events of a supervisor.
type (
	// SupervisorStarted: Serve began. Its services that were done are to run again.
	SupervisorStarted struct {
		Origin
		Services int `json:"services"` // how many it holds
	}

	// SupervisorStopping: it begins to stop its services, each in its turn, with
	// Cause as the cause of their contexts. Cause has a text only if it is an error
	// of this package: a stop waits for nobody. That of SupervisorStopped has.
	SupervisorStopping struct {
		Origin
		Cause Reason `json:"cause"`
	}

	// SupervisorStopped: all services have ended or were given up on, and Serve
	// is about to return Err, because of Cause. Err is zero after Stop.
	SupervisorStopped struct {
		Origin
		Cause     Reason        `json:"cause"`
		Err       Reason        `json:"error,omitzero"`
		Unstopped int           `json:"unstopped,omitempty"` // services of its own that still run
		Took      time.Duration `json:"took"`                // since SupervisorStopping
	}

	// PauseBegan: the failure count went over the threshold. Services that fail
	// or failed wait until Until.
	PauseBegan struct {
		Origin
		Until     time.Time `json:"until"`
		Count     float64   `json:"count"`
		Threshold float64   `json:"threshold"`
	}

	// PauseEnded: the count is zero again and all that waited are being started.
	PauseEnded struct {
		Origin
		Lasted time.Duration `json:"lasted"`
	}

	// Escalated: the failure count went over the threshold of a supervisor with
	// [Spec].Escalate. It stops its services and returns Err.
	Escalated struct {
		Origin
		Err *TooManyFailures `json:"error"`
	}

	// EventsDropped: N events were lost here because this hook or subscriber did
	// not keep up. Only that hook or subscriber gets it.
	EventsDropped struct {
		Origin
		N uint64 `json:"n"`
	}
)

// The events of a service. Each run begins with one ServiceStarted and ends with
// either one ServiceFailed or one ServiceEnded. After [Supervisor.ReplaceWhenReady] there
// are two runs of one token for a while; the incarnation tells them apart.
type (
	// ServiceStarted: a run is being launched.
	ServiceStarted struct {
		Origin
		Restarts uint64 `json:"restarts"` // how many runs there were before, less the first
	}

	// ServiceReady: a service that had to say that it is ready has said so.
	ServiceReady struct {
		Origin
		Took time.Duration `json:"took"` // since it was started
	}

	// ServiceUnresponsive: it was not ready in time (Cause [ErrNotReady]) or its
	// watchdog was silent ([ErrUnresponsive]). It is being stopped; the failure
	// is counted when it has returned.
	ServiceUnresponsive struct {
		Origin
		Cause  Reason `json:"cause"`
		Stacks string `json:"stacks"` // of its goroutines, before it was stopped
	}

	// ServiceFailed: a run ended in a failure, which was counted once.
	ServiceFailed struct {
		Origin
		// Err is what it returned; [*PanicError] after a panic, [ErrGoexit] after
		// runtime.Goexit. If it returned nil although it must not end, there is a text
		// and no error.
		Err Reason `json:"error"`
		// Ran is how long the run lasted.
		Ran time.Duration `json:"ran"`
		// Late is how long ago it was reported as stuck; zero if it was not.
		Late time.Duration `json:"late,omitempty"`
		// Count is the failure count that it led to, of Threshold: the
		// supervisor's, or with a budget of its own the service's (Threshold is
		// the N of its Limit then, 0 if there is none).
		Count     float64 `json:"count"`
		Threshold float64 `json:"threshold"`
		// Restarting says whether it will be started again, after Delay at the
		// soonest; during a pause Delay is the rest of the pause.
		Restarting bool          `json:"restarting"`
		Delay      time.Duration `json:"delay,omitempty"`
	}

	// ServiceEnded: a run ended that is not a failure: by the service's own will
	// (Cause nil), or because it was asked to stop.
	ServiceEnded struct {
		Origin
		Err   Reason `json:"error,omitzero"` // what it returned, or its panic on the way down; zero after nil
		Cause Reason `json:"cause,omitzero"` // why it was asked to stop
		// Unclean: Err is news, at level warning. Of a service that was asked to stop
		// that is everything but nil, the error of its context, the cause of that, and
		// what it may ask for ([ErrDoNotRestart], wrapped or not; [ErrTerminateTree]
		// itself); it is in the history of the service, and costs no budget. Of one that
		// was not: it is Temporary and has crashed, or was to replace another one.
		Unclean bool `json:"unclean,omitempty"`
		// Took is how long it took to stop: since it was asked to, or since Serve
		// returned while helpers still ran, or methods of its error. Zero if none was so.
		Took time.Duration `json:"took,omitempty"`
		// Late is how long ago it was reported as stuck; zero if it was not. A run that
		// has ended late is told at level warning.
		Late time.Duration `json:"late,omitempty"`
		// Next is the state that it is in now; [StateGone] if it left the tree. Of one that was
		// replaced, or was to replace another, it is that of the one that has the place.
		Next State `json:"next"`
	}

	// ServiceChanged: a service that does not run is in another state: it was suspended,
	// was called back but is not started yet, by request or with its group, was replaced, or
	// has left. Of one that ran ServiceEnded says so.
	ServiceChanged struct {
		Origin
		Cause Reason `json:"cause"` // [ErrSuspended], [ErrRestartRequested], [ErrSiblingFailed], [ErrReplaced], [ErrRemoved]
		Next  State  `json:"next"`
	}

	// ServiceAlsoFailed: something went wrong in a run that is not what the run ended
	// with, and so is in no other event: an error or a panic of a helper ([Go]) after
	// Serve had returned or another helper had failed; of Serve after a helper had
	// failed, or after the service was found unready or unresponsive; or Go was called
	// too late, or [Ready] in vain. It counts nowhere. That their context has ended is no news.
	ServiceAlsoFailed struct {
		Origin
		Err Reason `json:"error"`
	}

	// MessagesLost: N messages that an actor had taken will not be handled to their end,
	// because of Cause: of package actor's errors, or what the run failed with that had one
	// in hand. The first is told at once, and then an actor tells once a second at most.
	MessagesLost struct {
		Origin
		N       uint64 `json:"n"`
		Message string `json:"message"` // its type; what was in it is told nowhere
		Cause   Reason `json:"cause"`
	}

	// ServiceStuck: asked to stop because of Cause, it did not return within its
	// timeout. It stays on the books until it does: see
	// [Supervisor.UnstoppedServices].
	ServiceStuck struct {
		Origin
		Cause  Reason        `json:"cause"`
		Waited time.Duration `json:"waited"`
		Stacks string        `json:"stacks"` // of its goroutines; if there are none, a word why
	}

	// ServiceGaveUp: it used up its [Child].Limit and stays failed until
	// [Supervisor.Restart]. It follows the ServiceFailed of the last failure.
	ServiceGaveUp struct {
		Origin
		Err      Reason        `json:"error"`
		Failures int           `json:"failures"`
		Within   time.Duration `json:"within,omitempty"` // of the Limit; 0: in a row
	}

	// ServiceRefused: Add was called when the supervisor held Limit services.
	ServiceRefused struct {
		Origin
		Limit int `json:"limit"`
	}
)
