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
//  2. The interval counts from the start of one run to the start of the next. A run
//     that lasts longer is followed by the next one as soon as it has returned (and
//     after Rest); turns that were missed meanwhile, or while the machine slept, are
//     not made up for.
//  3. The schedule outlives Serve: a job that is started again after a failure goes
//     on where it was, at its next turn, so that a job that always fails is not run
//     more often than one that works.
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
// A job notes next_run, and once it has failed failures (in a row) and last_error,
// with [tend.Annotate]. It calls [tend.Alive] before and after each run. A
// [tend.Child].Watchdog must therefore be longer than the longest interval and the
// longest run.
//
// # Keeping jobs apart
//
// Jobs that have joined a [Gate] never start within MinGap of each other.
package periodic
