package tendprom

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metric is one that a Collector can make.
type metric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	name   string
	labels []string
}

// all are the metrics that there are.
var all []metric

func newMetric(kind prometheus.ValueType, name, help string, labels ...string) metric {
	m := metric{prometheus.NewDesc(name, help, labels, nil), kind, name, labels}
	all = append(all, m)
	return m
}

// of makes a sample.
func (m metric) of(value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// Of supervisors.
var (
	servicesByState  = newMetric(gauge, "tend_services", "Services of a supervisor by state.", "supervisor", "state")
	restarts         = newMetric(counter, "tend_restarts_total", "Runs of a supervisor's services after their first.", "supervisor")
	failures         = newMetric(counter, "tend_failures_total", "Failures of a supervisor's services.", "supervisor")
	serving          = newMetric(gauge, "tend_supervisor_serving", "Whether a supervisor is served.", "supervisor")
	ready            = newMetric(gauge, "tend_supervisor_ready", "Whether a supervisor is ready: all its services have run at once, and none that counts is down.", "supervisor")
	paused           = newMetric(gauge, "tend_supervisor_paused", "Whether a supervisor pauses after too many failures.", "supervisor")
	failureLevel     = newMetric(gauge, "tend_supervisor_failure_level", "Decaying count of failures of a supervisor.", "supervisor")
	failureThreshold = newMetric(gauge, "tend_supervisor_failure_threshold", "Failure level over which a supervisor pauses or escalates.", "supervisor")
)

// Of supervisors, counted from events.
var (
	pauses      = newMetric(counter, "tend_pauses_total", "Pauses of a supervisor.", "supervisor")
	escalations = newMetric(counter, "tend_escalations_total", "Times that a supervisor stopped and failed after too many failures.", "supervisor")
	stuck       = newMetric(counter, "tend_stuck_total", "Times that a service of a supervisor did not stop in time.", "supervisor")
	gaveUp      = newMetric(counter, "tend_gave_up_total", "Times that a service of a supervisor used up its own limit.", "supervisor")
)

// Of supervisors that have actors.
var (
	messages  = newMetric(gauge, "tend_mailbox_messages", "Messages that wait in the mailboxes of a supervisor's actors.", "supervisor")
	full      = newMetric(gauge, "tend_mailbox_full_ratio", "The part of its mailbox that is taken, of the actor whose mailbox is fullest.", "supervisor")
	oldest    = newMetric(gauge, "tend_mailbox_oldest_age_seconds", "For how long the oldest message waits.", "supervisor")
	handling  = newMetric(gauge, "tend_mailbox_handling_age_seconds", "For how long an actor has had one message in hand, of the one that has longest.", "supervisor")
	questions = newMetric(gauge, "tend_mailbox_open_questions", "Questions without an answer.", "supervisor")
	lost      = newMetric(counter, "tend_mailbox_lost_total", "Messages that were taken and not handled to their end, counted from events.", "supervisor")
)

// Of the tree.
var (
	unstopped = newMetric(gauge, "tend_unstopped_services", "Services that were asked to stop, did not in time and still have not.")
	leftOut   = newMetric(gauge, "tend_supervisors_left_out", "Supervisors without series of their own, as there are more than Options.MaxSupervisors.")
	dropped   = newMetric(counter, "tend_events_dropped_total", "Events that the counters made from events do not have.")
)

// newStops makes the histogram of the tree.
func newStops() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: stopsName, Help: "How long services took to stop that were asked to, failures apart.",
		Buckets: []float64{0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60}, // 10 s is the default timeout
	})
}

const stopsName = "tend_stop_duration_seconds"

// Of services.
var (
	serviceUp       = newMetric(gauge, "tend_service_up", "Whether a service, and all that share its name, run and are ready.", "supervisor", "service")
	serviceState    = newMetric(gauge, "tend_service_state", "How many services of the name are in a state: 1 for the one that a service is in.", "supervisor", "service", "state")
	serviceSince    = newMetric(gauge, "tend_service_state_timestamp_seconds", "When a service came into its state.", "supervisor", "service")
	serviceStart    = newMetric(gauge, "tend_service_start_timestamp_seconds", "When a service that waits will start.", "supervisor", "service")
	serviceRestarts = newMetric(counter, "tend_service_restarts_total", "Runs of a service after its first.", "supervisor", "service")
	serviceFailures = newMetric(counter, "tend_service_failures_total", "Failures of a service.", "supervisor", "service")
	serviceRecent   = newMetric(gauge, "tend_service_recent_failures", "Failures that count against a service's own limit.", "supervisor", "service")
	serviceLimit    = newMetric(gauge, "tend_service_failure_limit", "How many failures make a service give up.", "supervisor", "service")
	serviceMessages = newMetric(gauge, "tend_service_mailbox_messages", "Messages that wait in the mailbox of an actor.", "supervisor", "service")
	serviceOldest   = newMetric(gauge, "tend_service_mailbox_oldest_age_seconds", "For how long the oldest message of an actor waits.", "supervisor", "service")
	serviceHandling = newMetric(gauge, "tend_service_mailbox_handling_age_seconds", "For how long an actor has had one message in hand.", "supervisor", "service")
)
