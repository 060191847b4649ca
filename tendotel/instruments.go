package tendotel

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/internal/survey"
)

// Attributes of metrics and spans.
const (
	keySupervisor  = attribute.Key("tend.supervisor.path")
	keyService     = attribute.Key("tend.service.name")
	keyState       = attribute.Key("tend.service.state")
	keyID          = attribute.Key("tend.service.id")
	keyIncarnation = attribute.Key("tend.service.incarnation")
	keyCause       = attribute.Key("tend.cause")
)

// instruments are what there is to observe.
type instruments struct {
	count, unstopped       metric.Int64ObservableUpDownCounter
	restarts, failures     metric.Int64ObservableCounter
	inState, untilStart    metric.Float64ObservableGauge
	recent, limit          metric.Int64ObservableGauge
	serving, ready, paused metric.Int64ObservableGauge
	level, threshold       metric.Float64ObservableGauge

	// Of actors.
	messages, questions    metric.Int64ObservableUpDownCounter
	full, oldest, handling metric.Float64ObservableGauge

	// Counted from events.
	pauses, escalations, stuck, gaveUp metric.Int64ObservableCounter
	dropped                            metric.Int64ObservableCounter
	leftOut                            metric.Int64ObservableGauge
	lost                               metric.Int64ObservableCounter
	stops                              metric.Float64Histogram

	all []metric.Observable
}

func newInstruments(meter metric.Meter) (*instruments, error) {
	m := &maker{meter: meter}
	i := &instruments{
		count:      m.sum("tend.service.count", "{service}", "Services by state."),
		unstopped:  m.sum("tend.service.unstopped", "{service}", "Services that were asked to stop, did not in time and still have not."),
		restarts:   m.counter("tend.service.restarts", "{restart}", "Runs of services after their first."),
		failures:   m.counter("tend.service.failures", "{failure}", "Failures of services."),
		inState:    m.float("tend.service.state.duration", "s", "Since when a service is in its state."),
		untilStart: m.float("tend.service.start.delay", "s", "Until a service that waits will start."),
		recent:     m.gauge("tend.service.failure.recent", "{failure}", "Failures that count against a service's own limit."),
		limit:      m.gauge("tend.service.failure.limit", "{failure}", "How many failures make a service give up."),
		serving:    m.gauge("tend.supervisor.serving", "1", "Whether a supervisor is served."),
		ready:      m.gauge("tend.supervisor.ready", "1", "Whether a supervisor is ready: all its services have run at once, and none that counts is down."),
		paused:     m.gauge("tend.supervisor.paused", "1", "Whether a supervisor pauses after too many failures."),
		level:      m.float("tend.supervisor.failure.level", "{failure}", "Decaying count of failures of a supervisor."),
		threshold:  m.float("tend.supervisor.failure.threshold", "{failure}", "Failure level over which a supervisor pauses or escalates."),
	}
	i.pauses = m.counter("tend.supervisor.pauses", "{pause}", "Pauses of a supervisor.")
	i.escalations = m.counter("tend.supervisor.escalations", "{escalation}", "Times that a supervisor stopped and failed after too many failures.")
	i.stuck = m.counter("tend.service.stuck", "{service}", "Times that a service did not stop in time.")
	i.gaveUp = m.counter("tend.service.gave_up", "{service}", "Times that a service used up its own limit.")
	i.dropped = m.counter("tend.event.dropped", "{event}", "Events that the counters made from events do not have.")
	i.leftOut = m.gauge("tend.supervisor.left_out", "{supervisor}", "Supervisors without attribute sets of their own, as there are more than MetricOptions.MaxSupervisors.")
	i.messages = m.sum("tend.mailbox.messages", "{message}", "Messages that wait in the mailboxes of actors.")
	i.questions = m.sum("tend.mailbox.questions", "{question}", "Questions without an answer.")
	i.full = m.float("tend.mailbox.full", "1", "The part of its mailbox that is taken, of the actor whose mailbox is fullest.")
	i.oldest = m.float("tend.mailbox.oldest.age", "s", "For how long the oldest message waits.")
	i.handling = m.float("tend.mailbox.handling.age", "s", "For how long an actor has had one message in hand, of the one that has longest.")
	i.lost = m.counter("tend.mailbox.lost", "{message}", "Messages that were taken and not handled to their end.")
	i.stops = m.histogram("tend.stop.duration", "s", "How long services took to stop that were asked to, failures apart.")
	i.all = m.all
	return i, errors.Join(m.errs...)
}

// maker makes instruments, and keeps the errors for the end.
type maker struct {
	meter metric.Meter
	all   []metric.Observable
	errs  []error
}

func (m *maker) note(o metric.Observable, err error) {
	m.all = append(m.all, o)
	m.errs = append(m.errs, err)
}

func (m *maker) sum(name, unit, text string) metric.Int64ObservableUpDownCounter {
	i, err := m.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(i, err)
	return i
}

func (m *maker) counter(name, unit, text string) metric.Int64ObservableCounter {
	i, err := m.meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(i, err)
	return i
}

func (m *maker) gauge(name, unit, text string) metric.Int64ObservableGauge {
	i, err := m.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(i, err)
	return i
}

func (m *maker) float(name, unit, text string) metric.Float64ObservableGauge {
	i, err := m.meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(i, err)
	return i
}

// histogram makes one for times around the default timeout, 10 s. It is recorded, not
// observed.
func (m *maker) histogram(name, unit, text string) metric.Float64Histogram {
	i, err := m.meter.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(text),
		metric.WithExplicitBucketBoundaries(0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60))
	m.errs = append(m.errs, err)
	return i
}

// observe tells what a look at the tree has found.
func (i *instruments) observe(to metric.Observer, v survey.View) {
	to.ObserveInt64(i.unstopped, int64(v.Unstopped))
	to.ObserveInt64(i.leftOut, int64(v.LeftOut))
	to.ObserveInt64(i.dropped, int64(v.Dropped))
	for path, s := range v.Supervisors {
		i.observeSupervisor(to, path, s)
	}
	for key, g := range v.Services {
		i.observeServices(to, key, g)
	}
}

func (i *instruments) observeSupervisor(to metric.Observer, path string, s *survey.Supervisor) {
	at := metric.WithAttributes(keySupervisor.String(path))
	to.ObserveInt64(i.serving, truth(s.Serving), at)
	to.ObserveInt64(i.ready, truth(s.Ready), at)
	to.ObserveInt64(i.paused, truth(s.Paused), at)
	to.ObserveFloat64(i.level, s.Level, at)
	to.ObserveFloat64(i.threshold, s.Threshold, at)
	to.ObserveInt64(i.pauses, int64(s.Pauses), at)
	to.ObserveInt64(i.escalations, int64(s.Escalations), at)
	to.ObserveInt64(i.stuck, int64(s.Stuck), at)
	to.ObserveInt64(i.gaveUp, int64(s.GaveUp), at)
	if s.HasMail() {
		to.ObserveInt64(i.lost, int64(s.Lost), at)
	}
	i.observeCounts(to, at, &s.Group)
	for state, n := range s.States {
		i.observeState(to, at, tend.State(state), n)
	}
}

// observeServices tells of the services of one name, of the states only those that
// they are in.
func (i *instruments) observeServices(to metric.Observer, key survey.Key, g *survey.Group) {
	at := metric.WithAttributes(keySupervisor.String(key.Supervisor), keyService.String(key.Service))
	i.observeCounts(to, at, g)
	for state, n := range g.States {
		if n > 0 {
			i.observeState(to, at, tend.State(state), n)
		}
	}
	to.ObserveFloat64(i.inState, g.InState.Seconds(), at)
	if !g.Start.IsZero() {
		to.ObserveFloat64(i.untilStart, g.UntilStart.Seconds(), at)
	}
	if g.Limit > 0 {
		to.ObserveInt64(i.recent, int64(g.Recent), at)
		to.ObserveInt64(i.limit, int64(g.Limit), at)
	}
}

func (i *instruments) observeCounts(to metric.Observer, at metric.MeasurementOption, g *survey.Group) {
	to.ObserveInt64(i.restarts, int64(g.Restarts), at)
	to.ObserveInt64(i.failures, int64(g.Failures), at)
	if g.Mail.Actors > 0 {
		to.ObserveInt64(i.messages, int64(g.Mail.Waiting), at)
		to.ObserveInt64(i.questions, int64(g.Mail.Open), at)
		to.ObserveFloat64(i.full, g.Mail.Full, at)
		to.ObserveFloat64(i.oldest, g.Mail.Oldest.Seconds(), at)
		to.ObserveFloat64(i.handling, g.Mail.Handling.Seconds(), at)
	}
}

func (i *instruments) observeState(to metric.Observer, at metric.MeasurementOption, s tend.State, n int) {
	to.ObserveInt64(i.count, int64(n), at, metric.WithAttributes(keyState.String(s.String())))
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
