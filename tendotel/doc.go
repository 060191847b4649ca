// Package tendotel shows a tree to OpenTelemetry: metrics, spans, and logs that
// know their span.
//
//	root := tendotel.New("shop", tend.Spec{}, tendotel.TraceOptions{})
//	registration, err := tendotel.Metrics(root, tendotel.MetricOptions{})
//
// It depends on the API alone; exporters are the program's.
//
// # Metrics
//
// Most instruments are observed when the SDK collects, from Supervisor.Status; what
// would be over by then is counted from events. All have the attribute
// tend.supervisor.path, but for the last four, which are of the whole tree:
//
//	tend.service.count                  {service}  services, by tend.service.state
//	tend.service.restarts               {restart}  runs after the first
//	tend.service.failures               {failure}  failures
//	tend.service.state.duration         s          since when a service is in its state (chosen ones)
//	tend.service.start.delay            s          until a service that waits will start (chosen ones)
//	tend.service.failure.recent         {failure}  those that count against its own limit (chosen ones)
//	tend.service.failure.limit          {failure}  that limit (chosen ones)
//	tend.supervisor.serving             1          1 while it is served
//	tend.supervisor.ready               1          1 while it is ready
//	tend.supervisor.paused              1          1 during a pause
//	tend.supervisor.failure.level       {failure}  its failure count now, which decays
//	tend.supervisor.failure.threshold   {failure}  over which it pauses or escalates
//	tend.supervisor.pauses              {pause}    its pauses, also those between two collections
//	tend.supervisor.escalations         {escalation}  how often it stopped and failed after too many failures
//	tend.service.stuck                  {service}  how often one did not stop in time
//	tend.service.gave_up                {service}  how often one used up its own Child.Limit
//	tend.mailbox.messages               {message}  that wait, of actors
//	tend.mailbox.questions              {question}  without an answer
//	tend.mailbox.full                   1          the part of its mailbox that is taken, of the actor whose mailbox is fullest
//	tend.mailbox.oldest.age             s          for how long the oldest message waits
//	tend.mailbox.handling.age           s          for how long an actor has had one message in hand, of the one that has longest
//	tend.mailbox.lost                   {message}  taken, and not handled to their end
//	tend.service.unstopped              {service}  asked to stop, and have not
//	tend.stop.duration                  s          how long services took to stop that were asked to (a histogram)
//	tend.event.dropped                  {event}    missing in what is counted from events
//	tend.supervisor.left_out            {supervisor}  without attribute sets of their own
//
// At most 500 supervisors have attribute sets of their own, those closest to the root; the
// others are counted with the one above. MetricOptions.MaxSupervisors changes that, and
// Depth bounds the levels.
//
// A stop that is a failure is in tend.service.failures and not in tend.stop.duration: of a
// service that was not ready in time or silent, or was restarted with a cause. One that
// ends by itself while its supervisor stops, before its turn, took 0 s.
//
// Ready is what Status.Ready says of a supervisor as the root of its own part: all
// its services have been up at once since it is served, none of them that counts is
// down, and it is not being stopped. So that of the root of the tree is the rule of
// /readyz, and a service that is down below a nested supervisor makes only that one
// not ready, unless it is Significant.
//
// Services that MetricOptions.Services chooses have attribute sets of their own,
// with tend.service.name; the others of their supervisor share one without, so
// that the sum over a supervisor is right either way. Restarts and failures of
// those others add up from one collection to the next: they do not go back when
// one leaves, and do not have what it did after the last collection.
//
// # Spans
//
// No span lasts as long as a run: it would be exported when nobody asks any more.
// There is one for each thing that takes a time and is over:
//
//	tend.start    from the launch of a service to its Ready, or to the end of its ReadyTimeout
//	tend.failure  an instant: the exception, the count that it led to, the delay that follows
//	tend.restart  from the failure to the next launch: linked to tend.failure and its child; tend.start is its child
//	tend.pause    a pause of a supervisor
//	tend.stop     from being asked to stop to the end, of a service or a supervisor
//
// What stops with a supervisor is below its tend.stop, so that the stop of a whole
// tree is one trace. A tend.failure is linked to the tend.restart of the run that
// failed, which chains a crash loop. Of a service that is restarted on request with
// a cause, which counts as a failure, there is a tend.failure but no tend.stop.
//
// Attributes are tend.supervisor.path, tend.service.name, tend.service.id and
// tend.service.incarnation, and those of the event under "tend.".
//
// # Logs
//
// By default [New] logs each event as a tree does, with the context of its span
// and the attributes trace_id and span_id, so that a failure in the log leads to
// its trace. Like the default of a tree it folds repeats: a failure that repeats itself is
// logged in full once, with its trace, and then in sums. Spans there are of each.
//
// # Scope
//
// The instrumentation scope is the path of this module, with its version and the schema
// URL of the semantic conventions 1.37, which the attributes of exceptions follow.
package tendotel
