package tendotel

import (
	"context"
	"fmt"
	"slices"
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
	open  map[string][]*stop // by supervisor, the latest last: some share a name

	// Supervisors that have stopped: the services that they are have a span already when
	// they end.
	stopped map[string]mark
}

// stop is that of a supervisor, under way.
type stop struct {
	began   time.Time
	ctx     context.Context
	span    trace.Span
	doubted bool // its end may have been dropped
}

// mark is what is noted of the supervisors of one path that have stopped.
type mark struct {
	last time.Time
	n    int // of them, whose services have not ended
}

func newStops(spans trace.Tracer) stops {
	return stops{spans, map[string][]*stop{}, map[string]mark{}}
}

// see looks at an event and makes the spans of what begins to stop or is over. It
// returns that of the event, if there is one.
func (t *stops) see(e tend.Event) trace.Span {
	switch e := e.(type) { //nolint:gochecksumtype // the others do not matter to stops
	case tend.EventsDropped:
		t.doubt()
	case tend.SupervisorStarted:
		t.started(e)
	case tend.SupervisorStopping:
		return t.begin(e).span
	case tend.SupervisorStopped:
		return t.end(e)
	case tend.ServiceStuck:
		return t.stuck(e)
	case tend.ServiceFailed:
		t.unmark(e.Path(), time.Time{})
	case tend.ServiceEnded:
		return t.ended(e)
	}
	return nil
}

// doubt notes that events are missing here, which may be the ends of what is open.
func (t *stops) doubt() {
	for _, list := range t.open {
		for _, s := range list {
			s.doubted = true
		}
	}
}

// started forgets the stops of a supervisor whose end was dropped. Others may still be
// under way: of one that was removed, while another one has its name.
func (t *stops) started(e tend.SupervisorStarted) {
	for _, s := range slices.Clone(t.open[e.Supervisor]) {
		if s.doubted {
			t.forget(e.Supervisor, s, e.Time)
		}
	}
}

// forget ends the span of a stop that must be over.
func (t *stops) forget(supervisor string, s *stop, at time.Time) {
	s.span.End(trace.WithTimestamp(at))
	t.close(supervisor, s)
}

// close takes a stop out of those that are open.
func (t *stops) close(supervisor string, s *stop) {
	left := slices.DeleteFunc(t.open[supervisor], func(o *stop) bool { return o == s })
	if t.open[supervisor] = left; len(left) == 0 {
		delete(t.open, supervisor)
	}
}

// mark notes that a supervisor has stopped. What is noted of one whose end was
// dropped, or that is inside of a service which is more than it, stays; as with
// incidents, all is forgotten when there is too much of that.
func (t *stops) mark(supervisor string, at time.Time) {
	know(t.stopped, supervisor, mark{at, t.stopped[supervisor].n + 1})
}

// unmark returns whether a service that has ended is a supervisor which has stopped since
// the service was asked to. One that stopped before was inside of a service that went on.
func (t *stops) unmark(path string, asked time.Time) bool {
	m, is := t.stopped[path]
	if m.n--; m.n > 0 {
		t.stopped[path] = m
	} else {
		delete(t.stopped, path)
	}
	return is && !m.last.Before(asked)
}

func (t *stops) begin(e tend.SupervisorStopping) *stop {
	above := t.above(treepath.Parent(e.Supervisor), e.Time)
	span := open(above, t.spans, "tend.stop", e, e.Time)
	s := &stop{began: e.Time, ctx: trace.ContextWithSpan(above, span), span: span}
	t.open[e.Supervisor] = append(t.open[e.Supervisor], s)
	return s
}

// above is the context for what a supervisor, or one above it, asked to stop at a
// moment. Of those that share a name it is the latest to stop then.
func (t *stops) above(supervisor string, asked time.Time) context.Context {
	for path := supervisor; path != ""; path = treepath.Parent(path) {
		for _, s := range slices.Backward(t.open[path]) {
			if !asked.Before(s.began) {
				return s.ctx
			}
		}
	}
	return context.Background()
}

// end ends the stop of a supervisor, which is known by when it began.
func (t *stops) end(e tend.SupervisorStopped) trace.Span {
	began := e.Time.Add(-e.Took)
	var s *stop
	if i := slices.IndexFunc(t.open[e.Supervisor], func(s *stop) bool { return s.began.Equal(began) }); i >= 0 {
		s = t.open[e.Supervisor][i]
	} else { // its beginning was dropped
		s = t.begin(tend.SupervisorStopping{Origin: tend.Origin{Supervisor: e.Supervisor, Time: began}})
	}
	t.close(e.Supervisor, s)
	if treepath.Parent(e.Supervisor) != "" {
		t.mark(e.Supervisor, e.Time)
	} else { // what is open below has lost its end
		t.forgetAll(e.Time)
	}
	s.span.SetAttributes(attributes(e)...)
	if e.Unstopped > 0 {
		fail(s.span, fmt.Sprintf("%d of its services did not stop", e.Unstopped))
	}
	s.span.End(trace.WithTimestamp(e.Time))
	return s.span
}

func (t *stops) forgetAll(at time.Time) {
	for _, list := range t.open {
		for _, s := range list {
			s.span.End(trace.WithTimestamp(at))
		}
	}
	clear(t.open)
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
	asked := e.Time.Add(-e.Took)
	if t.unmark(e.Path(), asked) || e.Late > 0 || e.Cause.IsZero() {
		return nil
	}
	span := open(t.above(e.Supervisor, asked), t.spans, "tend.stop", e, asked, trace.WithAttributes(keyCause.String(e.Cause.Error())))
	if e.Err.Stack() != "" {
		fail(span, e.Err.Error())
	}
	span.End(trace.WithTimestamp(e.Time))
	return span
}
