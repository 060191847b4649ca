package tendotel

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/treepath"
)

// stops makes the spans of stops. What stops while a supervisor above it does is
// below that one's span; what stops alone has a trace of its own.
type stops struct {
	spans trace.Tracer
	open  map[string]*stop // by supervisor

	// Supervisors that have stopped: the services that they are have a span already when
	// they end.
	stopped map[string]bool
}

// stop is that of a supervisor, under way.
type stop struct {
	began time.Time
	ctx   context.Context
	span  trace.Span
}

func newStops(spans trace.Tracer) stops {
	return stops{spans, map[string]*stop{}, map[string]bool{}}
}

// see looks at an event and makes the spans of what begins to stop or is over. It
// returns that of the event, if there is one.
func (t *stops) see(e tend.Event) trace.Span {
	switch e := e.(type) { //nolint:gochecksumtype // the others do not matter to stops
	case tend.SupervisorStarted:
		t.started(e)
	case tend.SupervisorStopping:
		return t.begin(e)
	case tend.SupervisorStopped:
		return t.end(e)
	case tend.ServiceStuck:
		return t.stuck(e)
	case tend.ServiceFailed:
		delete(t.stopped, e.Path())
	case tend.ServiceEnded:
		return t.ended(e)
	}
	return nil
}

// started forgets a stop whose end was dropped.
func (t *stops) started(e tend.SupervisorStarted) {
	if s := t.open[e.Supervisor]; s != nil {
		t.forget(e.Supervisor, s, e.Time)
	}
}

// forget ends the span of a stop that must be over.
func (t *stops) forget(supervisor string, s *stop, at time.Time) {
	s.span.End(trace.WithTimestamp(at))
	delete(t.open, supervisor)
}

// mark notes that a supervisor has stopped. What is noted of one whose end was
// dropped, or that is inside of a service which is more than it, stays; as with
// incidents, all is forgotten when there is too much of that.
func (t *stops) mark(supervisor string) {
	if len(t.stopped) >= maxIncidents {
		clear(t.stopped)
	}
	t.stopped[supervisor] = true
}

func (t *stops) begin(e tend.SupervisorStopping) trace.Span {
	above := t.above(treepath.Parent(e.Supervisor), e.Time)
	span := open(above, t.spans, "tend.stop", e, e.Time)
	t.open[e.Supervisor] = &stop{e.Time, trace.ContextWithSpan(above, span), span}
	return span
}

// above is the context for what a supervisor, or one above it, asked to stop at a
// moment.
func (t *stops) above(supervisor string, asked time.Time) context.Context {
	for path := supervisor; path != ""; path = treepath.Parent(path) {
		if s := t.open[path]; s != nil && !asked.Before(s.began) {
			return s.ctx
		}
	}
	return context.Background()
}

func (t *stops) end(e tend.SupervisorStopped) trace.Span {
	if t.open[e.Supervisor] == nil { // its beginning was dropped
		t.begin(tend.SupervisorStopping{Origin: tend.Origin{Supervisor: e.Supervisor, Time: e.Time.Add(-e.Took)}})
	}
	span := t.open[e.Supervisor].span
	delete(t.open, e.Supervisor)
	if treepath.Parent(e.Supervisor) != "" {
		t.mark(e.Supervisor)
	} else { // what is open below has lost its end
		for below, s := range t.open {
			t.forget(below, s, e.Time)
		}
	}
	span.SetAttributes(attributes(e)...)
	if e.Unstopped > 0 {
		fail(span, fmt.Sprintf("%d of its services did not stop", e.Unstopped))
	}
	span.End(trace.WithTimestamp(e.Time))
	return span
}

// stuck is a service that did not stop; its span ends when it is given up on.
func (t *stops) stuck(e tend.ServiceStuck) trace.Span {
	asked := e.Time.Add(-e.Waited)
	span := open(t.above(e.Supervisor, asked), t.spans, "tend.stop", e, asked)
	span.AddEvent("stacks", trace.WithTimestamp(e.Time), trace.WithAttributes(attribute.String("tend.stacks", e.Stacks)))
	fail(span, "did not return in time")
	span.End(trace.WithTimestamp(e.Time))
	return span
}

// ended is the end of a service, which is the end of a stop if it was asked to.
func (t *stops) ended(e tend.ServiceEnded) trace.Span {
	has := t.stopped[e.Path()] || e.Late > 0
	delete(t.stopped, e.Path())
	if has || e.Cause.IsZero() {
		return nil
	}
	asked := e.Time.Add(-e.Took)
	span := open(t.above(e.Supervisor, asked), t.spans, "tend.stop", e, asked, trace.WithAttributes(keyCause.String(e.Cause.Error())))
	if e.Err.Stack() != "" {
		fail(span, e.Err.Error())
	}
	span.End(trace.WithTimestamp(e.Time))
	return span
}
