package tendotel

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/tend-go/tend"
)

// TraceOptions says what becomes of events besides spans.
type TraceOptions struct {
	// Provider makes the tracer. Default: otel.GetTracerProvider.
	Provider trace.TracerProvider

	// Hook gets each event after its span has been made, with a context that holds
	// the span; as Spec.EventHook, it is called one event at a time, and may block,
	// panic or call any method of the tree. Default, unless there is an EventHook:
	// log the event to Logger, as a tree does: repeats of a failure in sums.
	Hook func(ctx context.Context, e tend.Event)

	// Logger is that of the default Hook. Default: slog.Default at each record.
	Logger *slog.Logger
}

// New makes a root supervisor like [tend.New], with spans for what happens in it
// and below. Spec.EventHook, if there is one, gets each event too. Spans are made
// where events are handed out, off the tree's own goroutines: when Serve returns,
// those of the stop have been made, unless a hook was slow. The tree never waits
// for them.
//
// It panics where tend.New does.
func New(name string, spec tend.Spec, o TraceOptions) *tend.Supervisor {
	spec.EventHook = newTracer(o, spec.EventHook).hook
	return tend.New(name, spec)
}

// tracer makes spans of events. All of it belongs to the goroutine that calls
// hook.
type tracer struct {
	spans  trace.Tracer
	next   func(ctx context.Context, e tend.Event)
	failed map[tend.ServiceToken]failure // that are to be started again
	known  map[run]incident
	stops  stops
}

// failure is what a service waits after.
type failure struct {
	at      time.Time
	span    trace.SpanContext
	doubted bool // the start after it may have been dropped
}

// run is one of a service, which may have two at a time.
type run struct {
	token       tend.ServiceToken
	incarnation uint64
}

// incident is what is known of a run.
type incident struct {
	restart trace.SpanContext // valid if it came after a failure
	asked   time.Time         // when it was asked to stop, as it was unresponsive; zero if it was not
}

// maxIncidents bounds what is known. A service that waits leaves without an event if its
// supervisor stops for good, and of others that may have been dropped, so what is known of
// them stays; when there is too much of that all is forgotten, which costs some links.
const maxIncidents = 10_000

// know notes something in a map that is bounded so.
func know[K comparable, V any](all map[K]V, of K, what V) {
	if len(all) >= maxIncidents {
		clear(all)
	}
	all[of] = what
}

func newTracer(o TraceOptions, also func(tend.Event)) *tracer {
	if o.Provider == nil {
		o.Provider = otel.GetTracerProvider()
	}
	if o.Hook == nil && also == nil {
		o.Hook = tend.LogHook(slog.New(traceHandler{o.Logger}))
	}
	spans := newSpans(o.Provider)
	t := &tracer{spans: spans, failed: map[tend.ServiceToken]failure{}, known: map[run]incident{}, stops: newStops(spans)}
	t.next = func(ctx context.Context, e tend.Event) {
		if also != nil {
			also(e)
		}
		if o.Hook != nil {
			o.Hook(ctx, e)
		}
	}
	return t
}

// hook is the Spec.EventHook.
func (t *tracer) hook(e tend.Event) {
	ctx := context.Background()
	if span := t.span(e); span != nil {
		ctx = trace.ContextWithSpan(ctx, span)
	}
	t.next(ctx, e)
}

// span makes the span of an event. Nil: it has none.
func (t *tracer) span(e tend.Event) trace.Span {
	var span trace.Span
	switch e := e.(type) { //nolint:gochecksumtype // the others say nothing that takes a time
	case tend.ServiceStarted:
		span = t.started(e)
	case tend.ServiceReady:
		span = t.ready(e)
	case tend.ServiceUnresponsive:
		i := t.known[runOf(e)]
		i.asked = e.Time
		know(t.known, runOf(e), i)
	case tend.ServiceFailed:
		span = t.fails(e)
	case tend.ServiceEnded:
		t.ended(e)
	case tend.ServiceChanged:
		t.changed(e)
	case tend.EventsDropped:
		t.doubt()
	case tend.PauseEnded:
		span = t.paused(e)
	}
	if stop := t.stops.see(e); stop != nil {
		span = stop
	}
	return span
}

func runOf(e tend.Event) run { return run{e.From().Token, e.From().Incarnation} }

// started ends the wait after a failure.
func (t *tracer) started(e tend.ServiceStarted) trace.Span {
	f, ok := t.failed[e.Token]
	if !ok {
		return nil
	}
	delete(t.failed, e.Token)
	span := t.record(within(f.span), "tend.restart", e, f.at, e.Time, trace.WithLinks(trace.Link{SpanContext: f.span}))
	know(t.known, runOf(e), incident{restart: span.SpanContext()})
	return span
}

// ended forgets a run. Who waits after a failure is another one, beside which it ran,
// unless its start has been dropped.
func (t *tracer) ended(e tend.ServiceEnded) {
	delete(t.known, runOf(e))
	if t.failed[e.Token].doubted {
		delete(t.failed, e.Token)
	}
}

// changed forgets the failure of a service that does not wait any more to be started
// because of it: it is suspended, has left, or another one runs in its place.
func (t *tracer) changed(e tend.ServiceChanged) {
	if e.Next != tend.StatePending {
		delete(t.failed, e.Token)
	}
}

// doubt notes that events are missing here, which may be starts.
func (t *tracer) doubt() {
	for token, f := range t.failed {
		f.doubted = true
		t.failed[token] = f
	}
}

// ready ends a start.
func (t *tracer) ready(e tend.ServiceReady) trace.Span {
	return t.record(within(t.known[runOf(e)].restart), "tend.start", e, e.Time.Add(-e.Took), e.Time)
}

// fails is a failure, and maybe the end of a start or of a stop before it.
func (t *tracer) fails(e tend.ServiceFailed) trace.Span {
	i := t.known[runOf(e)]
	delete(t.known, runOf(e))
	if e.Err.Err == tend.ErrNotReady { //nolint:errorlint // the tree's own word, not an error of the service
		t.late(e, i)
	}
	var options []trace.SpanStartOption
	if i.restart.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: i.restart}))
	}
	span := t.open(context.Background(), "tend.failure", e, e.Time, options...)
	span.AddEvent("exception", trace.WithTimestamp(e.Time), trace.WithAttributes(exception(e.Err)...))
	fail(span, e.Err.Error())
	span.End(trace.WithTimestamp(e.Time))
	if !i.asked.IsZero() {
		t.record(within(span.SpanContext()), "tend.stop", e, i.asked, e.Time)
	}
	delete(t.failed, e.Token)
	if e.Restarting {
		know(t.failed, e.Token, failure{at: e.Time, span: span.SpanContext()})
	}
	return span
}

// late is the start of a service that was not ready in time: what it took after that was
// its stop.
func (t *tracer) late(e tend.ServiceFailed, i incident) {
	until := i.asked
	if until.IsZero() { // that was dropped
		until = e.Time
	}
	span := t.open(within(i.restart), "tend.start", e, e.Time.Add(-e.Ran))
	fail(span, e.Err.Error())
	span.End(trace.WithTimestamp(until))
}

func (t *tracer) paused(e tend.PauseEnded) trace.Span {
	return t.record(context.Background(), "tend.pause", e, e.Time.Add(-e.Lasted), e.Time)
}

// record makes a span of something that is over.
func (t *tracer) record(ctx context.Context, name string, e tend.Event, from, to time.Time, options ...trace.SpanStartOption) trace.Span {
	span := t.open(ctx, name, e, from, options...)
	span.End(trace.WithTimestamp(to))
	return span
}

func (t *tracer) open(ctx context.Context, name string, e tend.Event, from time.Time, options ...trace.SpanStartOption) trace.Span {
	return open(ctx, t.spans, name, e, from, options...)
}

// within is a context for a span with a parent, or if that is not valid without.
func within(parent trace.SpanContext) context.Context {
	return trace.ContextWithSpanContext(context.Background(), parent)
}

func open(ctx context.Context, tracer trace.Tracer, name string, e tend.Event, from time.Time, options ...trace.SpanStartOption) trace.Span {
	options = append(options, trace.WithTimestamp(from), trace.WithAttributes(attributes(e)...))
	_, span := tracer.Start(ctx, name, options...)
	return span
}

// attributes are those of an event.
func attributes(e tend.Event) []attribute.KeyValue {
	from := e.From()
	list := []attribute.KeyValue{keySupervisor.String(from.Supervisor)}
	if from.Service != "" {
		list = append(list, keyService.String(from.Service), keyID.Int64(int64(from.Token.ID())),
			keyIncarnation.Int64(int64(from.Incarnation)))
	}
	return append(list, own(e)...)
}
