package tendotel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/tend-go/tend"
)

// stops makes the spans of stops. Events tell when something has ended; when it
// was asked to follows from the rules of a tree, see told.
//
// All that stops for one reason is one stop, and one trace: a supervisor hands
// the cause of its own stop on to all that is below it. Which supervisor was the
// first is only known when its end means something to the one above, so the span
// at the top is opened with the first sign and gets its attributes at the end.
type stops struct {
	spans   trace.Tracer
	status  func() tend.Status
	open    []*stop
	began   map[string]time.Time // by supervisor: when it began to stop by itself
	restart map[string]time.Time // by supervisor: when the latest step of its group restart was over
}

// stop is one that is under way.
type stop struct {
	cause error // nil: only what is stuck has been seen
	began time.Time
	ctx   context.Context
	span  trace.Span
	above map[string]string    // by supervisor: the one above
	order map[string]bool      // by supervisor: it stops its services one after another
	last  map[string]time.Time // by supervisor: when the latest of its services ended
	over  map[string]tend.SupervisorStopped
}

// see looks at an event and makes the spans of what is over. It returns that of
// the event, if there is one.
func (t *stops) see(e tend.Event) trace.Span {
	switch e := e.(type) { //nolint:gochecksumtype // the others do not matter to stops
	case tend.SupervisorStarted:
		t.started(e)
	case tend.ServiceStarted:
		delete(t.restart, e.Supervisor) // it is over, or there was none
	case tend.Escalated:
		t.note(&t.began, e.Supervisor, e.Time)
	case tend.ServiceFailed:
		t.note(&t.restart, e.Supervisor, e.Time)
		t.top(e.Path())
	case tend.ServiceEnded:
		return t.ended(e)
	case tend.ServiceStuck:
		return t.stuck(e)
	case tend.SupervisorStopped:
		return t.stopped(e)
	}
	return nil
}

// started forgets what was before. When the root starts, what is open has lost its
// end because events were dropped.
func (t *stops) started(e tend.SupervisorStarted) {
	delete(t.began, e.Supervisor)
	delete(t.restart, e.Supervisor)
	for _, s := range t.open {
		if _, nested := s.above[e.Supervisor]; nested {
			return
		}
	}
	for _, s := range t.open {
		s.span.End(trace.WithTimestamp(e.Time))
	}
	t.open = nil
}

func (t *stops) note(times *map[string]time.Time, supervisor string, at time.Time) {
	if *times == nil {
		*times = map[string]time.Time{}
	}
	(*times)[supervisor] = at
}

// ended is the end of a service.
func (t *stops) ended(e tend.ServiceEnded) trace.Span {
	if e.Cause == nil {
		t.top(e.Path())
		if e.Next == tend.StatePending { // it has ended the tree
			t.note(&t.began, e.Supervisor, e.Time)
		}
		return nil
	}
	if slices.Contains(ownCauses, e.Cause) {
		return t.endedAlone(e)
	}
	s := t.find(e.Cause, e.Origin)
	from := s.told(e.Supervisor)
	s.last[e.Supervisor] = e.Time
	if below, ok := s.over[e.Path()]; ok { // it is a supervisor, and not the first
		delete(s.over, e.Path())
		return recordStopped(s.ctx, t.spans, below, from)
	}
	return record(s.ctx, t.spans, e, from, e.Time, e.Cause)
}

// endedAlone is the end of a service for a reason of its own. When it was asked to
// stop is known in a group restart: one after another, from the failure on.
func (t *stops) endedAlone(e tend.ServiceEnded) trace.Span {
	from, ok := t.restart[e.Supervisor]
	if !ok || e.Cause != tend.ErrSiblingFailed { //nolint:errorlint // the value itself
		return nil
	}
	t.note(&t.restart, e.Supervisor, e.Time)
	return record(context.Background(), t.spans, e, from, e.Time, e.Cause)
}

// stuck is a service that did not stop; its span ends when it is given up on.
func (t *stops) stuck(e tend.ServiceStuck) trace.Span {
	ctx := context.Background()
	if s := t.ofStuck(e); s != nil {
		s.last[e.Supervisor] = e.Time
		ctx = s.ctx
	}
	span := open(ctx, t.spans, "tend.stop", e, e.Time.Add(-e.Waited))
	span.AddEvent("stacks", trace.WithTimestamp(e.Time), trace.WithAttributes(attribute.String("tend.stacks", e.Stacks)))
	fail(span, "did not return in time")
	span.End(trace.WithTimestamp(e.Time))
	return span
}

// stopped is the end of a supervisor. If it is not the root, what becomes of it
// will show whether the stop began with it.
func (t *stops) stopped(e tend.SupervisorStopped) trace.Span {
	delete(t.began, e.Supervisor)
	s := t.of(e.Supervisor)
	if s == nil {
		return nil
	}
	s.over[e.Supervisor] = e
	if _, nested := s.above[e.Supervisor]; !nested {
		return t.top(e.Supervisor)
	}
	return s.span
}

// top ends the stop that began with a supervisor, if there is one: the supervisor
// has ended, and nobody asked it to.
func (t *stops) top(supervisor string) trace.Span {
	for i, s := range t.open {
		e, ok := s.over[supervisor]
		if !ok {
			continue
		}
		t.open = append(t.open[:i], t.open[i+1:]...)
		s.span.SetAttributes(attributes(e)...)
		finish(s.span, e)
		return s.span
	}
	return nil
}

// find is the stop with a cause; it is opened if this is the first sign of it.
func (t *stops) find(cause error, sign tend.Origin) *stop {
	for _, s := range t.open {
		if s.cause == nil {
			s.cause = cause
		}
		if same(s.cause, cause) {
			return s
		}
	}
	return t.begin(cause, sign, sign.Time)
}

// of is the stop in which a supervisor stops: one in which a service of it has
// ended, or else the latest.
func (t *stops) of(supervisor string) (of *stop) {
	for _, s := range t.open {
		of = s
		if _, ok := s.last[supervisor]; ok {
			break
		}
	}
	return of
}

// ofStuck is the stop in which a service is stuck; nil if that is the service's
// own affair.
func (t *stops) ofStuck(e tend.ServiceStuck) *stop {
	c, ok := lookUp(t.status(), e.Token)
	if !ok || !stopsWithSupervisor(c) {
		return nil
	}
	if s := t.of(e.Supervisor); s != nil {
		return s
	}
	return t.begin(nil, e.Origin, e.Time.Add(-e.Waited))
}

// lookUp finds a service.
func lookUp(s tend.Status, token tend.ServiceToken) (tend.ServiceStatus, bool) {
	for _, c := range s.Services {
		if c.Token == token {
			return c, true
		}
		if c.Supervisor != nil {
			if c, ok := lookUp(*c.Supervisor, token); ok {
				return c, true
			}
		}
	}
	return tend.ServiceStatus{}, false
}

// begin opens a stop, of which there is a first sign, and which began at a moment at
// the latest.
func (t *stops) begin(cause error, sign tend.Origin, latest time.Time) *stop {
	tree := t.status()
	s := &stop{
		cause: cause, above: map[string]string{}, order: map[string]bool{},
		last: map[string]time.Time{}, over: map[string]tend.SupervisorStopped{},
	}
	s.learn(tree)
	s.began = t.beginning(s, cause, sign.Supervisor)
	if s.began.IsZero() {
		s.began = earliest(tree, latest)
	}
	s.ctx, s.span = t.spans.Start(context.Background(), "tend.stop", trace.WithTimestamp(s.began))
	if cause != nil {
		s.span.SetAttributes(causeAttribute(cause))
	}
	t.open = append(t.open, s)
	return s
}

// beginning is when a stop began that a supervisor is part of: what the cause says,
// as those of package app do, or when a supervisor decided to stop. Zero if that is
// not known.
func (t *stops) beginning(s *stop, cause error, supervisor string) time.Time {
	if at := saysBegan(cause); !at.IsZero() {
		return at
	}
	for path, ok := supervisor, true; ok; path, ok = s.above[path] {
		if at, decided := t.began[path]; decided {
			return at
		}
	}
	return time.Time{}
}

// earliest is since when services stop with their supervisor, at latest.
func earliest(tree tend.Status, latest time.Time) time.Time {
	for _, c := range tree.Services {
		if c.State == tend.StateStopping && stopsWithSupervisor(c) && c.Since.Before(latest) {
			latest = c.Since
		}
		if c.Supervisor != nil {
			latest = earliest(*c.Supervisor, latest)
		}
	}
	return latest
}

// learn notes how the tree is made.
func (s *stop) learn(tree tend.Status) {
	s.order[tree.Path] = tree.Ordered
	for _, c := range tree.Services {
		if c.Supervisor != nil {
			s.above[c.Supervisor.Path] = tree.Path
			s.learn(*c.Supervisor)
		}
	}
}

// told is when the service of a supervisor that ends now was asked to stop: when
// the supervisor was, or if it is ordered, when the one before had ended. Within a
// budget an ordered supervisor stops waiting shortly before the time is up; what it
// tells after that seems to have been told later than it was.
func (s *stop) told(supervisor string) time.Time {
	told := s.began
	if above, nested := s.above[supervisor]; nested {
		told = s.told(above)
	}
	if last := s.last[supervisor]; s.order[supervisor] && last.After(told) {
		return last
	}
	return told
}

// record makes the span of a service that was asked to stop and did.
func record(ctx context.Context, spans trace.Tracer, e tend.ServiceEnded, from, to time.Time, cause error) trace.Span {
	span := open(ctx, spans, "tend.stop", e, from, trace.WithAttributes(causeAttribute(cause)))
	if what := text(e, "stack"); what != "" {
		fail(span, text(e, "error"))
	}
	span.End(trace.WithTimestamp(to))
	return span
}

// recordStopped makes that of a supervisor.
func recordStopped(ctx context.Context, spans trace.Tracer, e tend.SupervisorStopped, from time.Time) trace.Span {
	span := open(ctx, spans, "tend.stop", e, from)
	finish(span, e)
	return span
}

func finish(span trace.Span, e tend.SupervisorStopped) {
	if e.Unstopped > 0 {
		fail(span, fmt.Sprintf("%d of its services did not stop", e.Unstopped))
	}
	span.End(trace.WithTimestamp(e.Time))
}

// ownCauses are why a single service is asked to stop: the tree's own values, which
// it does not wrap. All other causes are those of a supervisor that stops.
var ownCauses = []error{
	tend.ErrRemoved, tend.ErrSuspended, tend.ErrRestartRequested, tend.ErrNotReady, tend.ErrUnresponsive, tend.ErrSiblingFailed,
}

// stopsWithSupervisor reports whether a service is stopping because its supervisor
// is. Of the cause only the text is known.
func stopsWithSupervisor(c tend.ServiceStatus) bool {
	return !slices.ContainsFunc(ownCauses, func(own error) bool { return c.Stopping == own.Error() })
}

// same reports whether two causes are one. Values of types that cannot be compared
// are not.
func same(a, b error) (equal bool) {
	defer func() { _ = recover() }()
	return a == b //nolint:errorlint // one value, not one kind
}

// saysBegan is what a cause knows of the beginning.
func saysBegan(cause error) (at time.Time) {
	defer func() { _ = recover() }() // user code
	var begun interface{ Began() time.Time }
	if errors.As(cause, &begun) {
		at = begun.Began()
	}
	return at
}

// causeAttribute is what a cause says.
func causeAttribute(cause error) attribute.KeyValue {
	text := fmt.Sprintf("%T", cause)
	func() {
		defer func() { _ = recover() }() // user code
		text = cause.Error()
	}()
	return attribute.String("tend.cause", text)
}
