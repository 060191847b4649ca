// Package tend keeps trees of services alive. A [Supervisor] restarts what fails,
// slows down when failing becomes a habit, stops everything in bounded time and
// shows what is going on. It is a [Service] itself, so supervisors nest to any
// depth.
//
//	root := tend.New("app", tend.Spec{})
//	root.Add(tend.Func("greeter", greet))
//	err := root.Serve(ctx)
//
// # Services
//
// A service is a Serve(ctx) that blocks while it works and returns soon after ctx
// is done. [Child] adds how it wants to be supervised. In Serve the functions
// [Ready], [Alive], [Annotate], [Go] and [Self] talk to the supervisor; outside
// of one they do nothing, and Go is a go statement.
//
// What the end of a run means if nobody asked for it:
//
//	                                  Permanent  Transient  Temporary
//	nil                               failure    done       leaves
//	error, panic, runtime.Goexit      failure    failure    leaves
//	an error that is ErrDoNotRestart  leaves     leaves     leaves
//	an error that is ErrTerminateTree the supervisor stops and returns an error that is, too
//
// Only its own context, never the error, says whether a service was asked to stop:
// a context.Canceled from elsewhere is a failure like any other. Panics are
// recovered, become a [*PanicError], are reported at level error, whenever and wherever
// in a service they happen, and count as failures, whatever errors they come from: each
// in an event with its stack, in the log each new one in full with its stack and repeats
// in sums at the same level; with [Spec].PassThroughPanics they crash the program
// as usual. What a service returns that was asked to stop costs nothing; but an error
// that is neither that of its context nor the cause of that is told at level warning
// and kept in its history: see [ServiceEnded].
//
// # States
//
// A service is pending until its turn comes, starting until it is ready, running;
// in backoff when it waits after a failure; stopping when its context is
// cancelled, stuck when it has not returned in time; suspended on request, done
// by its own will, failed when its own budget is used up. [Supervisor.Restart]
// brings back the last three. [Supervisor.Replace] puts another service into the place of
// one: token, name, order and history stay.
//
// # Budgets
//
// A supervisor counts failures: each adds one, and the count halves every
// [Spec].FailureDecay. When one brings it over FailureThreshold there is a pause:
// services that fail wait for its end, nothing else is touched. One pause is one
// pause; at its end the count is zero, and [Supervisor.Resume] ends it sooner. With
// Escalate the supervisor stops and returns [*TooManyFailures] instead; the one
// above counts one failure and serves it again, with all its services but Temporary
// ones. (That is what OTP's supervisors do by default.) A [Child] with a [Backoff] or a [Limit]
// answers for itself.
//
// # Groups and order
//
// With [OneForAll] and [RestForOne] a failure stops the other members of the
// group, last first, and starts all again in order; it counts once. With Ordered
// (OTP's supervisors always are) each service starts when the one before is running,
// and they stop in reverse. A member that hangs holds its group back. With MaxStarting so
// many are starting at once, and others wait for their turn to start: after a pause, say,
// when all would ask the same database at once.
//
// # Stopping
//
// [context.Cause] tells a service why. Each has its timeout, a nested supervisor
// as long as its own services may take: what hangs is named once, by its own
// supervisor, with the stacks of its goroutines, and stays on the books of all
// above ([Supervisor.UnstoppedServices]) until it returns. [Spec].StopWithin
// bounds a whole stop; every level keeps a twentieth of its time for itself and
// gives the rest to those below.
//
// # Readiness
//
// A tree is ready from the moment when all its services have been running at once
// until its stop begins, except while a service that counts is down:
// [Status.Ready] is the one rule by which probes, pages, metrics and systemd go.
// It is alive as long as anything but the end of the program can help it:
// [Status.Alive].
//
// # Facts and words
//
// Events and status are data: kinds, states, numbers, and errors together with what
// they said ([Reason]), asked once where they came from. Both travel as JSON and
// can be read again. A path is the names from the root down with slashes between,
// "root/db/pool"; in a name a slash is written %2F and a percent sign %25.
//
// # Concurrency properties
//
//  1. All methods may be called at any time from any goroutine, also from services
//     and hooks, before, while and after the supervisor is served.
//  2. There are never two runs of one service at once. A replacement for a run
//     that hangs is started the moment that one returns, also if it is another service
//     ([Supervisor.Replace]). Whoever asks for an overlap ([Supervisor.ReplaceWhenReady])
//     has two in one place until one of them has returned, and never three. A value
//     that is added twice is two services, and has to bear it.
//  3. One goroutine for each supervisor owns all its state and waits for nothing but
//     messages: not for a caller, a hook, a service or another supervisor. A stop
//     begins and ends whatever is asked meanwhile; who asks for more than gets done
//     waits, once 65,536 messages do.
//  4. What one goroutine asks of one supervisor is done in the order asked. A
//     message of a run that is over changes nothing.
//  5. User code runs on no goroutine of a supervisor and under no lock. It may panic,
//     exit its goroutine, block, or call any method. String methods run in the
//     caller of Add; errors are asked what they are and say in the goroutine of the
//     service that returned them, each once ([Reason]).
//  6. Events reach each hook and subscriber in order, each once, off the loop, on a
//     queue of 1,024; those at level warning or above wait beyond that, up to 65,536, as
//     long as it is busy with one event for less than a tenth of a second. What does not fit is
//     counted where it is missing, and told though nothing follows. The end of the
//     root always fits. At the end of a stop a root waits for its hook: as long as
//     it takes an event in each tenth of a second, for five seconds at most, and
//     no more than a twentieth beyond [Spec].StopWithin.
//  7. Nobody who gave up waiting blocks or leaks anything. A service that left costs
//     nothing, also if its token or events are kept: those hold a small record. A
//     supervisor that is not served holds no context.
//
// Less formally: there is one true timeline for each supervisor, and you see it.
//
// # Contexts
//
// The contexts of services carry the values and the deadline of the context given to
// Serve but not its end: the supervisor relays that, in order, with reasons.
//
// A supervisor is where it was added, or where a service serves it; its path, its
// clock, where its events go and who may use its tokens follow from that. A service
// that serves a supervisor says so, by embedding it or with a method
//
//	Supervisor() *tend.Supervisor
//
// and then is starting until that is ready, and has as long to stop as that may
// take. One that does not say so is a service like any other, with the usual timeout.
//
// # Time
//
// All time comes from [Spec].Clock; package tendtest has the ids of its timers, one
// for each purpose. With the real clock everything is exact under testing/synctest.
//
// # Misuse
//
// What can only be a mistake panics at the call that is wrong, before anything is
// changed: a nil service, a zero Supervisor, settings that make no sense, Serve
// while serving, a supervisor below itself or in two places. What the world may do
// is an error. Removing what is gone is neither.
//
// docs/design.md lists what tend refuses to do, and why.
package tend
