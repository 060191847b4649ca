package tendotel

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tend-go/tend"
)

// Attributes of metrics and spans.
const (
	keySupervisor  = attribute.Key("tend.supervisor.path")
	keyService     = attribute.Key("tend.service.name")
	keyState       = attribute.Key("tend.service.state")
	keyID          = attribute.Key("tend.service.id")
	keyIncarnation = attribute.Key("tend.service.incarnation")
)

// instruments are what there is to observe.
type instruments struct {
	count, unstopped       metric.Int64ObservableUpDownCounter
	restarts, failures     metric.Int64ObservableCounter
	inState, untilStart    metric.Float64ObservableGauge
	recent, limit          metric.Int64ObservableGauge
	serving, ready, paused metric.Int64ObservableGauge
	level, threshold       metric.Float64ObservableGauge

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
		ready:      m.gauge("tend.supervisor.ready", "1", "Whether all services of a supervisor have run at once since it is served."),
		paused:     m.gauge("tend.supervisor.paused", "1", "Whether a supervisor pauses after too many failures."),
		level:      m.float("tend.supervisor.failure.level", "{failure}", "Decaying count of failures of a supervisor."),
		threshold:  m.float("tend.supervisor.failure.threshold", "{failure}", "Failure level over which a supervisor pauses or escalates."),
	}
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

func (i *instruments) observeSupervisor(to metric.Observer, path string, g *supervisorGroup) {
	at := metric.WithAttributes(keySupervisor.String(path))
	to.ObserveInt64(i.serving, truth(g.serving), at)
	to.ObserveInt64(i.ready, truth(g.ready), at)
	to.ObserveInt64(i.paused, truth(g.paused), at)
	to.ObserveFloat64(i.level, g.level, at)
	to.ObserveFloat64(i.threshold, g.threshold, at)
}

func (i *instruments) observeServices(to metric.Observer, key serviceKey, g *serviceGroup, t total) {
	attrs := []attribute.KeyValue{keySupervisor.String(key.supervisor)}
	if key.service != "" {
		attrs = append(attrs, keyService.String(key.service))
	}
	at := metric.WithAttributeSet(attribute.NewSet(attrs...))
	to.ObserveInt64(i.restarts, int64(t.restarts), at)
	to.ObserveInt64(i.failures, int64(t.failures), at)
	for state, n := range g.states {
		if n > 0 || key.service == "" { // of a single service only the state that it is in
			to.ObserveInt64(i.count, int64(n), at, metric.WithAttributes(keyState.String(tend.State(state).String())))
		}
	}
	if key.service == "" {
		return
	}
	to.ObserveFloat64(i.inState, g.inState.Seconds(), at)
	if g.waits {
		to.ObserveFloat64(i.untilStart, g.untilStart.Seconds(), at)
	}
	if g.limit > 0 {
		to.ObserveInt64(i.recent, int64(g.recent), at)
		to.ObserveInt64(i.limit, int64(g.limit), at)
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
