package suture

import (
	"context"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/said"
	"github.com/tend-go/tend/internal/treepath"
)

// tell is the core's EventHook. The supervisor at the top of a tree sees the
// events of all below it and tells them, so that a hook hears them in order and
// is waited for when the top one stops. The others see theirs too, but only their place
// and the Jitter is for them: that of the topmost is asked as soon as the hook has heard
// what happened before.
func (s *Supervisor) tell(e tend.Event) {
	s.asker.heard(e)
	if e, is := e.(tend.SupervisorStarted); is {
		s.started(e.Supervisor)
	}
	if s.in.Load() != nil {
		return
	}
	s.stops.heard(e)
	s.losses.heard(s, e)
	switch e := e.(type) {
	case tend.ServiceFailed:
		t := s.translation(e.Origin)
		t.tell(t.failed(e))
		pinned.told(e.Token, e.Incarnation)
	case tend.ServiceEnded:
		s.tellPanic(e.Origin, e.Err) // on the way down
		pinned.told(e.Token, e.Incarnation)
	case tend.ServiceAlsoFailed:
		s.tellPanic(e.Origin, e.Err)
	case tend.ServiceStuck:
		t := s.translation(e.Origin)
		t.tell(EventStopTimeout{
			Supervisor: t.supervisor, SupervisorName: t.supervisorName(), Service: t.service(), ServiceName: e.Service,
		})
	case tend.EventsDropped:
		pinned.lost(s)
	case tend.PauseBegan:
		t := s.translation(e.Origin)
		t.tell(EventBackoff{Supervisor: t.supervisor, SupervisorName: t.supervisorName()})
	case tend.PauseEnded:
		if s.stops.ended(e) {
			return // v4 does not resume then
		}
		t := s.translation(e.Origin)
		t.tell(EventResume{Supervisor: t.supervisor, SupervisorName: t.supervisorName()})
	case tend.SupervisorStarted, tend.SupervisorStopping, tend.SupervisorStopped, tend.Escalated,
		tend.ServiceStarted, tend.ServiceReady, tend.ServiceUnresponsive, tend.ServiceChanged, tend.MessagesLost,
		tend.ServiceGaveUp, tend.ServiceRefused: // v4 has no words for these
	}
}

// tellPanic tells of a panic that is no failure; v4 has no words for other errors.
func (s *Supervisor) tellPanic(o tend.Origin, why tend.Reason) {
	if p := panicked(why); p != nil {
		t := s.translation(o)
		t.tell(t.panicked(p, tend.ServiceFailed{Err: why, Threshold: t.supervisor.threshold}))
	}
}

// translation makes events of v4 of what the core tells of origin.
type translation struct {
	origin     tend.Origin
	supervisor *Supervisor // whose event it is, or the nearest of this package above
	entry      *entry      // nil: the supervisor's own event, or an unknown service
}

func (s *Supervisor) translation(o tend.Origin) translation {
	owner, e := s.locate(o.Supervisor, o.Token)
	return translation{origin: o, supervisor: owner, entry: e}
}

func (t translation) tell(e Event) { t.supervisor.teller().hook(e) }

func (t translation) failed(e tend.ServiceFailed) Event {
	if p := panicked(e.Err); p != nil {
		return t.panicked(p, e)
	}
	told := EventServiceTerminate{
		Supervisor:       t.supervisor,
		SupervisorName:   t.supervisorName(),
		Service:          t.service(),
		ServiceName:      t.origin.Service,
		CurrentFailures:  e.Count,
		FailureThreshold: t.threshold(e),
		Restarting:       atOnce(e),
	}
	if err := e.Err.Err; err != nil {
		told.Err = withContext(err)
	}
	return told
}

func (t translation) panicked(p *tend.PanicError, e tend.ServiceFailed) Event {
	why := e.Err
	if stop, is := p.Value.(*stopPanic); is {
		p, why = panicked(stop.why), stop.why
	}
	msg := said.PanicValue(why.Error())
	if sprint := t.supervisor.sprint; sprint != nil {
		msg = sprint(p.Value)
	}
	return EventServicePanic{
		Supervisor:       t.supervisor,
		SupervisorName:   t.supervisorName(),
		Service:          t.service(),
		ServiceName:      t.origin.Service,
		CurrentFailures:  e.Count,
		FailureThreshold: t.threshold(e),
		Restarting:       atOnce(e),
		PanicMsg:         msg,
		Stacktrace:       traceback(p.PCs),
	}
}

func (t translation) supervisorName() string {
	if path := t.origin.Supervisor; t.supervisor.address() != path {
		return treepath.Name(path)
	}
	return t.supervisor.Name
}

func (t translation) service() Service {
	if t.entry == nil {
		return standIn(t.origin.Service)
	}
	return t.entry.given
}

// threshold is what the Spec says; the core has another number for an infinite or
// negative one.
func (t translation) threshold(e tend.ServiceFailed) float64 {
	if own := t.supervisor.threshold; e.Threshold == coreThreshold(own) {
		return own
	}
	return e.Threshold
}

// atOnce: the service is started again without a delay, which is what v4 calls
// restarting.
func atOnce(e tend.ServiceFailed) bool { return e.Restarting && e.Delay == 0 }

func panicked(r tend.Reason) *tend.PanicError {
	p, _ := r.Err.(*tend.PanicError) //nolint:errorlint // the run's own, not one that a service got from elsewhere
	return p
}

// standIn is the Service of an event about one that is not known here.
type standIn string

func (s standIn) String() string              { return string(s) }
func (s standIn) Serve(context.Context) error { return ErrDoNotRestart }

// withContext says of a context error that it was not the service's context that
// ended, as v4 does. Two such errors are equal if what they wrap is.
func withContext(err error) error {
	if errorIs(err, context.Canceled) || errorIs(err, context.DeadlineExceeded) {
		return foreign{err}
	}
	return err
}

type foreign struct{ err error }

func (f foreign) Error() string {
	return "from some other context, not the service's context, so service is being restarted: " + f.err.Error()
}

func (f foreign) Unwrap() error { return f.err }
