package tend

import (
	"log/slog"
	"time"
)

// Event is one thing that happened in a tree. The set is sealed: an Event is
// one of the structs of this file. Every event is a [slog.LogValuer]: its group
// holds "event" (the kind, such as "service failed"), the attributes of its
// [Origin] and its own. Events are values; they stay valid for ever.
//
// Errors in events are the ones that user code returned: errors.Is and As work,
// and run that code. What the tree itself prints of them it took once, when the
// service ended.
//
//sumtype:decl
type Event interface {
	slog.LogValuer
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
	Time time.Time
	// Supervisor is the path of the supervisor, "root/db".
	Supervisor string
	// Service is the name of the service it is about; empty when it is about the
	// supervisor itself.
	Service string
	// Token is the service's; zero when the event is about the supervisor itself.
	Token ServiceToken
	// Incarnation is the number of the service's run, from 1.
	Incarnation uint64
}

// From returns o, and makes every struct that embeds an Origin tell it.
func (o Origin) From() Origin { return o }

// Path is the path of the service, or of the supervisor if it is about that.
func (o Origin) Path() string {
	if o.Service == "" {
		return o.Supervisor
	}
	return o.Supervisor + "/" + o.Service
}

// The events of a supervisor.
type (
	// SupervisorStarted: Serve began.
	SupervisorStarted struct {
		Origin
		Services int // how many it holds
	}

	// SupervisorStopping: it begins to stop its services, each in its turn, with
	// Cause as the cause of their contexts. Its text says what Cause says only if that
	// is an error of this package; that of SupervisorStopped always does.
	SupervisorStopping struct {
		Origin
		Cause error
		text  string
	}

	// SupervisorStopped: all services have ended or were given up on, and Serve
	// is about to return Err.
	SupervisorStopped struct {
		Origin
		Err       error
		Unstopped int           // services of its own that still run
		Took      time.Duration // since SupervisorStopping
		text      string
	}

	// PauseBegan: the failure count went over the threshold. Services that fail
	// or failed wait until Until.
	PauseBegan struct {
		Origin
		Until            time.Time
		Count, Threshold float64
	}

	// PauseEnded: the count is zero again and all that waited are being started.
	PauseEnded struct {
		Origin
		Lasted time.Duration
	}

	// Escalated: the failure count went over the threshold of a supervisor with
	// [Spec].Escalate. It stops its services and returns Err.
	Escalated struct {
		Origin
		Err *TooManyFailures
	}

	// EventsDropped: N events were lost here because this hook or subscriber did
	// not keep up. Only that hook or subscriber gets it.
	EventsDropped struct {
		Origin
		N uint64
	}
)

// The events of a service. Each run begins with one ServiceStarted and ends with
// either one ServiceFailed or one ServiceEnded.
type (
	// ServiceStarted: a run is being launched.
	ServiceStarted struct {
		Origin
		Restarts uint64 // how many runs there were before, less the first
	}

	// ServiceReady: a service that had to say that it is ready has said so.
	ServiceReady struct {
		Origin
		Took time.Duration // since it was started
	}

	// ServiceUnresponsive: it was not ready in time (Cause [ErrNotReady]) or its
	// watchdog was silent ([ErrUnresponsive]). It is being stopped; the failure
	// is counted when it has returned.
	ServiceUnresponsive struct {
		Origin
		Cause  error
		Stacks string // of its goroutines, before it was stopped
	}

	// ServiceFailed: a run ended in a failure, which was counted once.
	ServiceFailed struct {
		Origin
		// Err is what it returned; [*PanicError] after a panic, [ErrGoexit] after
		// runtime.Goexit. When nil was returned although the service must not end,
		// Err is nil.
		Err error
		// Ran is how long the run lasted.
		Ran time.Duration
		// Count is the failure count that it led to, of Threshold: the
		// supervisor's, or with a Backoff of its own the service's (Threshold is
		// its Limit then, 0 if there is none).
		Count, Threshold float64
		// Restarting says whether it will be started again, after Delay at the
		// soonest; during a pause Delay is the rest of the pause, and for the failure
		// that begins one its planned length: [PauseBegan] has the actual one.
		Restarting bool
		Delay      time.Duration

		text string
	}

	// ServiceEnded: a run ended that is not a failure: by the service's own will
	// (Cause nil), or because it was asked to stop.
	ServiceEnded struct {
		Origin
		Err   error // what it returned, or its panic on the way down
		Cause error // why it was asked to stop
		// Took is how long it took to stop: since it was asked to, or since Serve
		// returned while helpers still ran. Zero if neither was so.
		Took time.Duration
		// Next is the state that it is in now; [StateGone] if it left the tree.
		Next State

		text string
	}

	// ServiceStuck: asked to stop, it did not return within its timeout. It stays
	// on the books until it does.
	ServiceStuck struct {
		Origin
		Waited time.Duration
		Stacks string // of its goroutines; if there are none, a word why
	}

	// ServiceEndedLate: a service that was stuck has returned after all. The
	// ServiceEnded or ServiceFailed of the run follows.
	ServiceEndedLate struct {
		Origin
		Late time.Duration // since it was reported as stuck
	}

	// ServiceGaveUp: it used up its own [Backoff].Limit and stays failed until
	// [Supervisor.Restart]. It follows the ServiceFailed of the last failure.
	ServiceGaveUp struct {
		Origin
		Err      error
		Failures int
		Within   time.Duration // of the Backoff; 0: in a row

		text string
	}

	// ServiceRefused: Add was called when the supervisor held Limit services.
	ServiceRefused struct {
		Origin
		Limit int
	}
)

func (SupervisorStarted) effect() {}

func (SupervisorStopping) effect() {}

func (SupervisorStopped) effect() {}

func (PauseBegan) effect() {}

func (PauseEnded) effect() {}

func (Escalated) effect() {}

func (EventsDropped) effect() {}

func (ServiceStarted) effect() {}

func (ServiceReady) effect() {}

func (ServiceUnresponsive) effect() {}

func (ServiceFailed) effect() {}

func (ServiceEnded) effect() {}

func (ServiceStuck) effect() {}

func (ServiceEndedLate) effect() {}

func (ServiceGaveUp) effect() {}

func (ServiceRefused) effect() {}
