// Package actor has actors: states that one handler at a time may touch, each with a
// bounded mailbox in front of it and a supervision tree behind it.
//
// An [Actor] is a [tend.Service], added to a supervisor like any other, alone or in a
// [tend.Child]: restarted, suspended, stopped and counted by the same rules, seen in the
// same events, status and pages. While it has nothing to do it has no goroutine and takes
// less than 200 bytes, so a program may have a million. Use a Service for what waits for
// something else than messages (a listener, a process, a loop), an actor for a state to
// which many send, and a mutex for a state that only has to be locked.
//
// A newcomer needs [Actor], [Spec], [New], [Handler], [Ask] and [Reply].
//
// # The life of an actor
//
// Its supervisor launches it when its turn comes. A run begins with Spec.New, which makes
// the state, and goes on until Handle returns an error, panics or exits, or the supervisor
// asks it to stop; then Stop is called, if the handler has it, and the supervisor decides,
// as it does of a service, with "Serve returned" read as "the run is over".
//
//  1. Calls of New, Handle and Stop of one actor never overlap, and each sees what the last
//     one wrote. Sending happens before handling.
//  2. The state is dropped at the end of a run. Timers, watches and unanswered Replies end
//     with it; the mailbox stays.
//  3. The context that New, Handle and Stop get works with tend.Alive, tend.Annotate,
//     tend.Go, tend.Self and tend.StopBy. It is one for the whole run, costs nothing until somebody
//     looks at more than Err, ends when the run is asked to stop, and its cause says why.
//     Stop gets one with the same values that is not cancelled.
//  4. An actor whose New takes a while is ready when that has returned, if it has a
//     ReadyTimeout: then Start and Ordered wait for it. If it has a Watchdog no message, nor
//     New, nor Stop may be in hand for longer, unless the handler calls tend.Alive: one that
//     is silent for that long is reported with its stack, and stopped. While it stops the
//     Timeout is what counts. One that is idle is alive, and pays nothing.
//
// # Messages
//
//  5. At most Spec.Mailbox messages wait, beside the one in hand. Room is given as they are
//     taken in hand, at the latest 64 or a quarter of the mailbox late.
//  6. What one goroutine sends to one actor is handled in that order, over restarts too.
//  7. A message that was taken, as Send or TrySend returned nil, is handled once, or is lost
//     and reported, as long as its actor is in a tree. Handled is one for which Handle
//     returned nil, [tend.ErrDoNotRestart] or [tend.ErrTerminateTree].
//  8. Lost are the message that a run failed on, which is never handled again; those that
//     wait when the mailbox closes; and those that make room, with Spec.DropOldest. Each is
//     counted in the status, given to Spec.Lost, and told by the event
//     [tend.MessagesLost]: the first at once, then once a second at most.
//  9. Messages behind one that failed wait, in order, for the next run. Before the first
//     launch, in backoff and while suspended the mailbox is open. It is closed while the
//     actor stops for good, when it has failed for good, is out of the tree, or its
//     supervisor has stopped: sending returns [ErrGone] then, also to those who wait.
//  10. Send waits for room, first come first served. TrySend returns [ErrFull], also when
//     others wait.
//
// # Asking
//
//  11. An [Ask] whose message was taken ends once: with the answer; with [ErrFailed], when
//     the run that had it in hand, or had kept its Reply, is over; with [ErrGone], when it
//     was lost before it was begun; with [ErrFull], when it had to make room for another; or
//     with the cause of its context. Nothing is left of it
//     then but the message.
//  12. A handler may keep a [Reply], and answer later, from anywhere.
//
// # Stopping
//
//  13. Asked to stop, an actor finishes the message in hand. With Spec.Drain, and if it stops
//     for good, it goes on with what waits, for that long, and leaves a twentieth of its
//     Timeout to Stop; then the context of its run ends. One that has failed does not go on, nor
//     does one that was to run again, and stops for good before it has returned: its context
//     has ended. What waits is lost.
//  14. One that is idle, and whose handler has no Stop, ends without a turn.
//
// # Groups and pools
//
//  15. A [Group] has one member for each key, made when a message comes for it. There are
//     never two states of one key: a message for a key whose member is leaving waits for the
//     successor, which begins when the old one has left.
//  16. With GroupSpec.Idle a member that has had nothing to do for that long is put to sleep:
//     Stop is called with a nil cause, and it leaves, unless something has come meanwhile. No
//     message meets a closed mailbox because of that.
//  17. A [Pool] has several members behind one mailbox: whoever is free takes what came first.
//     What a member that fails has not begun is handled by the others.
//  18. Members of both answer for themselves: unless told otherwise each has a delay of its
//     own, and one that fails pauses no other.
//
// # Turns
//
// Actors with something to do get turns of up to 64 messages, in the order in which they
// became ready, on a few goroutines of the tree: as many as there are processors, and one
// more for each handler that blocks while a processor is free. So no flood to one actor
// starves another, and a handler may block. What needs a thread of its own is a Service.
//
// User code runs on no supervisor's loop and under no lock: a handler may add, remove,
// suspend and restart services, its own actor included, and send to itself while there is
// room. What a handler must not do is wait for somebody who waits for it.
package actor
