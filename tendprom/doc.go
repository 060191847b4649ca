// Package tendprom shows a tree to Prometheus.
//
//	registry.MustRegister(tendprom.NewCollector(root, tendprom.Options{}))
//
// Most is computed when Prometheus asks, from Supervisor.Status; what would be over by
// then is counted from events. No goroutine waits in between, and what has left the tree
// leaves no series behind.
//
// # Metrics of supervisors
//
// With the label supervisor, its path. A nested supervisor is also one of the
// services of the one above.
//
//	tend_services                           services, by state (label state: all nine, also at 0)
//	tend_restarts_total                     runs of its services after their first
//	tend_failures_total                     failures of its services
//	tend_pauses_total                       its pauses, also those between two scrapes
//	tend_escalations_total                  how often it stopped and failed after too many failures
//	tend_stuck_total                        how often a service of its did not stop in time
//	tend_gave_up_total                      how often a service of its used up its own Child.Limit
//	tend_supervisor_serving                 1 while it is served
//	tend_supervisor_ready                   1 while it is ready
//	tend_supervisor_paused                  1 during a pause
//	tend_supervisor_failure_level           its failure count now, which decays
//	tend_supervisor_failure_threshold       over which it pauses or escalates
//
// And of one that has actors, all of them together, as their names may be keys:
//
//	tend_mailbox_messages                   messages that wait
//	tend_mailbox_full_ratio                 the part of its mailbox that is taken, of the actor whose mailbox is fullest
//	tend_mailbox_oldest_age_seconds         for how long the oldest waits
//	tend_mailbox_handling_age_seconds       for how long an actor has had one in hand, of the one that has longest
//	tend_mailbox_open_questions             questions without an answer
//	tend_mailbox_lost_total                 messages that were taken and not handled to their end
//
// Ready is what Status.Ready says of a supervisor as the root of its own part: all
// its services have been up at once since it is served, none of them that counts is
// down, and it is not being stopped. So that of the root of the tree is the rule of
// /readyz, and a service that is down below a nested supervisor makes only that one
// not ready, unless it is Significant.
//
// And for the whole tree, without a label:
//
//	tend_unstopped_services                 services that were asked to stop and have not, removed ones too
//	tend_stop_duration_seconds              how long services took to stop that were asked to (a histogram)
//	tend_events_dropped_total               events that are missing in what is counted from events
//	tend_supervisors_left_out               supervisors without series of their own, by the bound below
//
// Supervisors that are stopped are among the services that are; the root of a tree is
// counted too. A stop that is a failure is in tend_failures_total and not among them: of a
// service that was not ready in time or silent, or was restarted with a cause. One that
// ends by itself while its supervisor stops, before its turn, took 0 s. What a hook or a subscriber misses, only that is told ("events dropped").
//
// # How many series
//
// Some twenty for each supervisor, of 500 supervisors at most: ten thousand lines, which
// a Prometheus takes well and which a tree with a supervisor for each of its tenants is
// over at once. Those closest to the root have them, of one level in the order added. The
// others are counted with the next one above that has; tend_supervisors_left_out says how
// many they are. For other bounds there are Options.MaxSupervisors and Options.Depth:
// with Depth 1 the root speaks for all.
//
// # Metrics of services
//
// For those that Options.Services chooses, with the labels supervisor and service,
// its name. Services of one supervisor that share a name share their series, as a label
// that tells them apart would be another one after each restart of the program: numbers
// add up, of timestamps it is the earliest, and they are up while all of them are.
//
//	tend_service_up                         1 while it runs and is ready, else 0
//	tend_service_state                      1 for the state that it is in (label state), no series for others; of namesakes, how many
//	tend_service_state_timestamp_seconds    when it came into that
//	tend_service_start_timestamp_seconds    when it will start, if it waits for a known time
//	tend_service_restarts_total             runs after the first
//	tend_service_failures_total             failures
//	tend_service_recent_failures            those that count against its own Child.Limit, if it has one
//	tend_service_failure_limit              that limit
//	tend_service_mailbox_messages           messages that wait, if it is an actor
//	tend_service_mailbox_oldest_age_seconds for how long the oldest does
//	tend_service_mailbox_handling_age_seconds for how long it has had one in hand
//
// # Counters
//
// A counter must not go back when a service leaves. So the totals of a supervisor
// add up what happened from one collection to the next; what a service did between
// the last collection and its end is not in them. They begin with all that its services
// have counted, and a service that was counted with another supervisor before brings
// nothing of that along. Of services that come and go faster than that, the numbers are in
// the events of the tree. What is counted from
// events misses nothing: of a supervisor that has left since the last collection it is
// counted with the one above.
//
// # What to do with them
//
// alerts.yml holds alerting rules and dashboard.json a Grafana dashboard.
package tendprom
