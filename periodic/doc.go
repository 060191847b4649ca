// Package periodic runs a function again and again, as a service.
//
//	scan := &periodic.Job{Name: "scan", Interval: 15 * time.Minute, Run: scanPlugins}
//	supervisor.Add(scan)
//
// That is a [Job], which most of this page is about. [Ticker] is the plain one.
//
// # Guarantees
//
//  1. Runs of a [Job] never overlap, however it is started: by its interval, by
//     [Job.Trigger], or by a supervisor that starts it again.
//  2. Turns are an interval (and its jitter) apart, whatever the runs do: a run that
//     starts late, because the one before lasted longer, the job rested, a [Gate] held
//     it up or the program was frozen, does not put off the turns after it. It starts
//     as soon as it can, and of several turns that were missed there is one run.
//     Turns are measured on the monotonic clock, which nobody can set and which on
//     Linux stands still while the machine is suspended.
//  3. The schedule outlives Serve: a job that is started again goes on where it was,
//     at its next turn, which may be its first. So a job that always fails is not run
//     more often than one that works, and one in a subtree that is always started
//     again not less often. It also goes on counting failures.
//  4. [Job.SetInterval] and [Job.Trigger] may be called by anyone at any time, also
//     from within Run, and have effect at once.
//  5. A stop ends any wait at once and cancels the context of a run. Serve returns
//     when Run has.
//
// # Failures
//
// What Run returns is logged, and counted in a row; Serve goes on. With MaxFailures
// it returns an error when there were that many, and the supervisor decides. An
// error that is [tend.ErrDoNotRestart] or [tend.ErrTerminateTree] is returned at
// once, for that is what it is for. A panic passes through Serve: for a supervisor
// it is a failure like others, for anybody else what panics always are.
//
// A run that the stop finds under way may fail because of it, so that it does not
// count unless it succeeds. An error that says more than that the context has ended is
// not logged but returned: a supervisor tells it, see [tend.ServiceEnded].
//
// A job notes next_run (by the wall clock as it was when the job began to wait), and
// once it has failed failures (in a row) and last_error, with [tend.Annotate]. It
// calls [tend.Alive] before and after each run. A [tend.Child].Watchdog must
// therefore be longer than the longest interval and the longest run.
//
// # Keeping jobs apart
//
// Jobs that have joined a [Gate] never start within MinGap of each other.
package periodic
